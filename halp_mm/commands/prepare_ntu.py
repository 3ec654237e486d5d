"""Make the data file of NTU RGB+D 60 or 120 from the folder with its .skeleton files."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.ntu.source import NTU_DATASETS, prepare_ntu

main = preparation_command(
    'prepare_ntu.py',
    __doc__,
    prepare_ntu,
    {
        'raw': Option(metavar='RAW_DIR'),
        'dataset': Option(flags=('--dataset',), choices=NTU_DATASETS),
        'ignore_list': Option(metavar='FILE'),
    },
).main

"""Make the data file of PKU-MMD part I or II from the folder with its skeletons and labels."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.preparation.pku.source import prepare_pku

main = preparation_command(
    'prepare_pku.py',
    __doc__,
    prepare_pku,
    {'root': Option(metavar='ROOT'), 'part': Option(flags=('--part',), choices=(1, 2))},
).main

"""Merge data files into one, in one layout; classes of the same name are joined."""

from __future__ import annotations

from halp_mm.commands.command_line import Option
from halp_mm.commands.preparation import preparation_command
from halp_mm.datasets.merging import merge_data_files
from halp_mm.skeletons import read_layout

main = preparation_command(
    'merge_data.py',
    __doc__,
    merge_data_files,
    {
        'data_files': Option(metavar='FILE'),
        'to_layout': Option(
            metavar='NAME',
            help='The layout to convert the clips to: a name or a .json file. Files of one layout '
            'need none.',
            convert=read_layout,
        ),
        'names': Option(metavar='NAME'),
        'scale': Option(metavar='NAME=FACTOR'),
        'protocols': Option(metavar='NAME=PROTOCOL'),
        'dataset': Option(metavar='NAME'),
    },
    after_interruption='{out} was not written',
).main

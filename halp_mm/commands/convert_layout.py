"""Convert a data file to another layout by the joints' names; everything else is kept."""

from __future__ import annotations

import sys

from halp_mm.commands.command_line import Command, Option
from halp_mm.datasets.layout_conversion import convert_data_file
from halp_mm.skeletons import read_layout


def run(**settings) -> str:
    """Convert the file.

    Args:
        **settings: See :func:`convert_data_file`.

    Returns:
        A description of how the joints were made.
    """
    done = convert_data_file(**settings, progress=sys.stderr)
    lines = [f'{done["from"]} to {done["to"]}; joints of the same name are copied, others are:']
    lines += [f'  {joint}: {made_of}' for joint, made_of in done['made'].items()]
    lines.append(f'joints dropped: {", ".join(done["dropped"]) or "none"}')
    return '\n'.join([*lines, f'written: {settings["out"]}'])


main = Command(
    'convert_layout.py',
    __doc__,
    run,
    settings_of=convert_data_file,
    omit=('progress',),
    options={
        'data_file': Option(metavar='FILE'),
        'layout': Option(
            flags=('--to-layout',),
            metavar='NAME',
            help='The new layout of the clips: a name or a .json file.',
            convert=read_layout,
        ),
        'out': Option(flags=('--out',), metavar='FILE'),
    },
    after_interruption='{out} was not written',
).main

"""Convert a data file to another layout by the joints' names; all else stays as it is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import run_command
from halp_mm.datasets.layout_conversion import convert_data_file
from halp_mm.skeletons import read_layout


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, convert the file and say how the joints were made."""
    parser = argparse.ArgumentParser(prog='convert_layout.py', description=__doc__)
    parser.add_argument('data_file', metavar='FILE', help='the data file to convert')
    parser.add_argument(
        '--to-layout', metavar='NAME', required=True, help='the new layout: a name or a .json file'
    )
    parser.add_argument('--out', metavar='FILE', required=True, help='the data file to make')
    args = parser.parse_args(arguments)

    def work() -> str:
        layout = read_layout(args.to_layout)
        done = convert_data_file(args.data_file, layout, args.out, progress=sys.stderr)
        lines = [f'{done["from"]} to {done["to"]}; joints of the same name are copied, others are:']
        lines += [f'  {joint}: {made_of}' for joint, made_of in done['made'].items()]
        lines += [f'joints dropped: {", ".join(done["dropped"]) or "none"}', f'written: {args.out}']
        return '\n'.join(lines)

    return run_command(parser.prog, work, f'{args.out} was not written')


if __name__ == '__main__':
    sys.exit(main())

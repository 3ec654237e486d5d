"""Look at a data file: what is in it, and which clips are suspicious."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import run_command
from halp_mm.datasets import ClipStorage
from halp_mm.inspection.inspection import inspect_clips
from halp_mm.inspection.text import report
from halp_mm.visualization import plot_inspection


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, measure the clips, print the report and draw the picture."""
    parser = argparse.ArgumentParser(prog='inspect_data.py', description=__doc__)
    parser.add_argument('data_file', metavar='FILE', help='the data file')
    parser.add_argument('--out', metavar='PICTURE', help='a .png to draw the same in')
    parser.add_argument(
        '--all', action='store_true', help='list all classes and suspicious clips, not only some'
    )
    args = parser.parse_args(arguments)

    def work() -> str:
        if args.out and not args.out.endswith('.png'):
            raise ValueError(f'--out is {args.out}; expected a name that ends in .png')
        inspection = inspect_clips(ClipStorage(args.data_file), progress=sys.stderr)
        text = report(inspection, args.all)
        if args.out:
            plot_inspection(inspection, args.out)
            text += f'\nwritten: {args.out}'
        return text

    return run_command(parser.prog, work, 'nothing was written')


if __name__ == '__main__':
    sys.exit(main())

"""Make a data file of your own clips: a folder with one file a clip, and a labels file.

A clip is a .npy, .npz or .csv file; the labels file is a CSV with the columns name, label and
split. See "Your own data" in docs/data.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import add_preparation_arguments, run_preparation
from halp_mm.preparation.folder.source import prepare_folder
from halp_mm.skeletons import read_layout


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_folder.py', description=__doc__)
    parser.add_argument('folder', metavar='FOLDER', help="the folder with the clips' files")
    parser.add_argument(
        '--layout', metavar='NAME', required=True, help="the clips' layout: a name or a .json file"
    )
    parser.add_argument('--labels', metavar='FILE', required=True, help='the labels file')
    parser.add_argument('--to-layout', metavar='NAME', help='convert the clips to this layout')
    parser.add_argument('--classes', metavar='FILE', help='names of the classes, one a line')
    add_preparation_arguments(parser)
    args = parser.parse_args(arguments)
    return run_preparation(
        parser.prog,
        args.out,
        lambda: prepare_folder(
            args.folder,
            read_layout(args.layout),
            args.labels,
            args.out,
            None if args.to_layout is None else read_layout(args.to_layout),
            args.classes,
            args.workers,
            args.skip_bad,
            progress=sys.stderr,
        ),
    )


if __name__ == '__main__':
    sys.exit(main())

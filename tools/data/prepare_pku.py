"""Make the data file of PKU-MMD part I or II from the folder with its skeletons and labels."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import add_preparation_arguments, run_preparation
from halp_mm.preparation.pku.source import prepare_pku


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_pku.py', description=__doc__)
    parser.add_argument('root', metavar='ROOT', help='the folder with skeleton/ and label/')
    parser.add_argument('--part', type=int, choices=(1, 2), required=True)
    add_preparation_arguments(parser)
    args = parser.parse_args(arguments)
    return run_preparation(
        parser.prog,
        args.out,
        lambda: prepare_pku(
            args.root, args.part, args.out, args.workers, args.skip_bad, progress=sys.stderr
        ),
    )


if __name__ == '__main__':
    sys.exit(main())

"""Make the data file of NTU RGB+D 60 or 120 from the folder with its .skeleton files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import add_preparation_arguments, run_preparation
from halp_mm.preparation.ntu.source import NTU_DATASETS, prepare_ntu


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_ntu.py', description=__doc__)
    parser.add_argument('raw', metavar='RAW_DIR', help='the folder with the .skeleton files')
    parser.add_argument('--dataset', choices=NTU_DATASETS, required=True)
    parser.add_argument('--ignore-list', metavar='FILE', help='names of the clips to leave out')
    add_preparation_arguments(parser)
    args = parser.parse_args(arguments)
    return run_preparation(
        parser.prog,
        args.out,
        lambda: prepare_ntu(
            args.raw,
            args.dataset,
            args.out,
            args.ignore_list,
            args.workers,
            args.skip_bad,
            progress=sys.stderr,
        ),
    )


if __name__ == '__main__':
    sys.exit(main())

"""Make the data file of MSR-Action3D from its zip file or the folder it was unpacked to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import add_preparation_arguments, run_preparation
from halp_mm.preparation.msr_action3d.source import prepare_msr_action3d


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_msr_action3d.py', description=__doc__)
    parser.add_argument('raw', metavar='RAW', help='MSRAction3DSkeletonReal3D.zip, or a folder')
    parser.add_argument('--clip-list', metavar='FILE', help='names of the clips to keep')
    add_preparation_arguments(parser)
    args = parser.parse_args(arguments)
    return run_preparation(
        parser.prog,
        args.out,
        lambda: prepare_msr_action3d(
            args.raw,
            args.out,
            args.clip_list,
            args.workers,
            args.skip_bad,
            progress=sys.stderr,
        ),
    )


if __name__ == '__main__':
    sys.exit(main())

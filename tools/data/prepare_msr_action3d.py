"""Make the data file of MSR-Action3D from its zip file or the folder it was unpacked to."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import run_command
from halp_mm.datasets.sources.msr_action3d import prepare_msr_action3d


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_msr_action3d.py', description=__doc__)
    parser.add_argument('raw', metavar='RAW', help='MSRAction3DSkeletonReal3D.zip, or a folder')
    parser.add_argument('--clip-list', metavar='FILE', help='names of the clips to keep')
    parser.add_argument('--out', metavar='FILE', required=True, help='the data file to make')
    args = parser.parse_args(arguments)

    def work() -> str:
        summary = prepare_msr_action3d(args.raw, args.out, args.clip_list, progress=sys.stderr)
        return f'{summary}\nwritten: {args.out}'

    return run_command(parser.prog, work, f'{args.out} was not written')


if __name__ == '__main__':
    sys.exit(main())

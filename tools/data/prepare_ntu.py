"""Make the data file of NTU RGB+D 60 or 120 from the folder with its .skeleton files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.datasets.sources.ntu import DATASETS, prepare_ntu
from halp_mm.datasets.sources.parallel_parsing import parts_folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, prepare the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='prepare_ntu.py', description=__doc__)
    parser.add_argument('raw', metavar='RAW_DIR', help='the folder with the .skeleton files')
    parser.add_argument('--dataset', choices=DATASETS, required=True)
    parser.add_argument('--ignore-list', metavar='FILE', help='names of the clips to leave out')
    parser.add_argument('--out', metavar='FILE', required=True, help='the data file to make')
    parser.add_argument('--workers', metavar='N', type=int, help='processes; by default all cores')
    parser.add_argument('--skip-bad', action='store_true', help='leave bad files out, list them')
    args = parser.parse_args(arguments)
    try:
        summary = prepare_ntu(
            args.raw,
            args.dataset,
            args.out,
            args.ignore_list,
            args.workers,
            args.skip_bad,
            progress=sys.stderr,
        )
    except (OSError, ValueError) as error:
        print(f'{parser.prog}: error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            f'{parser.prog}: interrupted; what is done is kept in {parts_folder(args.out)}. The '
            'same command continues there',
            file=sys.stderr,
        )
        return 130
    print(f'{summary}\nwritten: {args.out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""Convert an annotation pickle of MMAction2 or PYSKL to a data file, or a data file to one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from halp_mm.apis.command_line import run_command
from halp_mm.datasets.annotations import is_pickle
from halp_mm.preparation import Summary, prepare_annotations, write_annotations
from halp_mm.preparation.annotations.writing import PickleContent
from halp_mm.skeletons import LAYOUTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, convert the file and say what became of the clips."""
    parser = argparse.ArgumentParser(prog='convert_annotations.py', description=__doc__)
    parser.add_argument('source', metavar='IN', help='a .pkl or .pickle, or a .safetensors')
    parser.add_argument('out', metavar='OUT', help='the file to make, of the other kind')
    only = 'of a pickle only:'
    parser.add_argument('--layout', choices=LAYOUTS, help=f'{only} the layout of its joints')
    parser.add_argument(
        '--dataset',
        metavar='NAME',
        help=f'{only} name of the data set; ntu60 and ntu120 have known class names',
    )
    parser.add_argument(
        '--classes', metavar='FILE', help=f'{only} names of the classes, one a line'
    )
    parser.add_argument(
        '--skip-bad', action='store_true', help=f'{only} leave bad clips out, list them'
    )
    args = parser.parse_args(arguments)
    return run_command(
        parser.prog, lambda: f'{_convert(args)}\nwritten: {args.out}', 'nothing was written'
    )


def _convert(args: argparse.Namespace) -> Summary | PickleContent:
    kinds = ['pickle' if is_pickle(p) else Path(p).suffix for p in (args.source, args.out)]
    if kinds == ['pickle', '.safetensors']:
        return prepare_annotations(
            args.source,
            args.out,
            args.layout,
            args.dataset,
            args.classes,
            args.skip_bad,
            progress=sys.stderr,
        )
    if kinds != ['.safetensors', 'pickle']:
        raise ValueError(
            f'found {args.source} and {args.out}; expected a .pkl or .pickle and a .safetensors, '
            'or the other way round. Rename the files so'
        )
    given = [name for name in ('layout', 'dataset', 'classes', 'skip_bad') if getattr(args, name)]
    if given:
        flags = ', '.join(f'--{name.replace("_", "-")}' for name in given)
        raise ValueError(f'{flags} is for pickles; {args.source} is a data file. Leave it away')
    return write_annotations(args.source, args.out, progress=sys.stderr)


if __name__ == '__main__':
    sys.exit(main())

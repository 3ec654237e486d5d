"""Fuse the class scores of several streams: files that `tools/test.py --dump` wrote."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis import make_fused_results, write_results
from halp_mm.apis.command_line import run_command
from halp_mm.evaluation import EvaluationResult, fuse_scores, read_scores, write_scores


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, fuse, print the accuracies and write the fused scores."""
    parser = argparse.ArgumentParser(prog='fuse_streams.py', description=__doc__)
    parser.add_argument('files', nargs='+', metavar='FILE', help='class scores of a stream, .npz')
    parser.add_argument(
        '--weights',
        nargs='+',
        type=float,
        metavar='W',
        help='a weight for each file, as in 0.6 0.6 0.4; by default all the same',
    )
    parser.add_argument(
        '--out',
        metavar='FILE',
        help='write the results to this .json file, or the fused scores to this .npz file',
    )
    args = parser.parse_args(arguments)

    def work() -> str:
        repeated = [file for i, file in enumerate(args.files) if file in args.files[:i]]
        if repeated:
            raise ValueError(f'{repeated[0]} is given twice; give each file once and --weights')
        if args.out and not args.out.endswith(('.json', '.npz')):
            raise ValueError(f'--out is {args.out}; expected a name that ends in .json or .npz')
        weights = args.weights or [1 / len(args.files)] * len(args.files)
        results = {file: read_scores(file) for file in args.files}
        fused = fuse_scores(results, weights)
        text = table(fused, args.files, weights)
        if args.out:
            if args.out.endswith('.json'):
                write_results(make_fused_results(fused, results, weights), args.out)
            else:
                write_scores(fused, args.out)
            text += f'\nwritten: {args.out}'
        return text

    return run_command(parser.prog, work, 'nothing was written')


def table(fused: EvaluationResult, files: Sequence[str], weights: Sequence[float]) -> str:
    """The accuracies of each file and of all together."""
    width = max(len(file) for file in [*files, 'scores'])
    lines = [
        f'{fused.protocol} on {fused.dataset} {fused.split}: '
        f'{len(fused.names)} clips, {len(fused.classes)} classes',
        f'{"scores":<{width}}{"weight":>8}{"top-1":>8}{"top-5":>8}',
    ]
    for file, weight in zip(files, weights):
        top1, top5 = (fused.metrics[f'{file}/top{k}'] for k in (1, 5))
        lines.append(f'{file:<{width}}{weight:>8.4g}{top1:>8.2f}{top5:>8.2f}')
    top1, top5 = (fused.metrics[f'top{k}'] for k in (1, 5))
    return '\n'.join([*lines, f'{"fused":<{width}}{"":>8}{top1:>8.2f}{top5:>8.2f}'])


if __name__ == '__main__':
    sys.exit(main())

"""Fuse the class scores of several streams: files that `tools/test.py --dump` wrote."""

from __future__ import annotations

from collections.abc import Sequence

from halp_mm.apis import make_fused_results, write_results
from halp_mm.commands.command_line import Command, Option
from halp_mm.evaluation import EvaluationResult, fuse_scores, read_scores, write_scores
from halp_mm.tables import table_text


def run(
    files: Sequence[str], weights: Sequence[float] | None = None, out: str | None = None
) -> str:
    """Fuse the scores, and write the result.

    Args:
        files: Class scores of a stream, .npz.
        weights: A weight for each file, such as 0.6 0.6 0.4; by default equal weights.
        out: Write the results to this .json file, or the fused scores to this .npz file.

    Returns:
        The accuracies.

    Raises:
        ValueError: if a file is given twice, or ``out`` has another ending.
    """
    repeated = [file for i, file in enumerate(files) if file in files[:i]]
    if repeated:
        raise ValueError(f'{repeated[0]} is given twice; give each file once and --weights')
    if out and not out.endswith(('.json', '.npz')):
        raise ValueError(f'--out is {out}; expected a name that ends in .json or .npz')
    weights = weights or [1 / len(files)] * len(files)
    results = {file: read_scores(file) for file in files}
    fused = fuse_scores(results, weights)
    text = accuracies(fused, files, weights)
    if out:
        if out.endswith('.json'):
            write_results(make_fused_results(fused, results, weights), out)
        else:
            write_scores(fused, out)
        text += f'\nwritten: {out}'
    return text


def accuracies(fused: EvaluationResult, files: Sequence[str], weights: Sequence[float]) -> str:
    """A table of the accuracies of each file and of the fused scores."""

    def row(name: str, weight: str, prefix: str) -> list[str]:
        return [name, weight, *(f'{fused.metrics[f"{prefix}top{k}"]:.2f}' for k in (1, 5))]

    rows = [row(file, f'{weight:.4g}', f'{file}/') for file, weight in zip(files, weights)]
    table = table_text([*rows, row('fused', '', '')], ['scores', 'weight', 'top-1', 'top-5'])
    return (
        f'{fused.protocol} on {fused.dataset} {fused.split}: '
        f'{len(fused.names)} clips, {len(fused.classes)} classes\n{table}'
    )


main = Command(
    'fuse_streams.py',
    __doc__,
    run,
    options={
        'files': Option(metavar='FILE'),
        'weights': Option(metavar='W'),
        'out': Option(metavar='FILE'),
    },
).main

"""Fusion of streams: a weighted sum of their class scores."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import EvaluationResult


def fuse_scores(
    results: Mapping[str, EvaluationResult], weights: Sequence[float] | None = None
) -> EvaluationResult:
    """Fuse evaluations of the same clips.

    Clips in another order are sorted by name into the order of the first result.

    Args:
        results: The evaluations by name: of a stream, or of the file that one comes from.
        weights: A positive weight for each. AimCLR fuses joint, bone and motion by 0.6, 0.6 and
            0.4. By default all count the same, and the fused scores are the mean.

    Returns:
        The sum of weight times scores, in the order of the first result's clips. Metrics are
        ``top1``, ``top5`` and ``num_test``, and ``NAME/top1`` and ``NAME/top5`` of each. The
        origin holds what all have in common.

    Raises:
        ValueError: if there are not as many weights as results, a weight is not positive, or the
            results are not of the same clips, labels, classes and protocol; says what differs.

    Example:
        >>> fused = fuse_scores({'joint': joint, 'motion': motion}, [0.6, 0.4])
        >>> fused.metrics['top1']
    """
    if not results:
        raise ValueError('there are no scores to fuse')
    if weights is None:
        weights = [1 / len(results)] * len(results)
    if len(weights) != len(results):
        raise ValueError(
            f'there are {len(weights)} weights for {len(results)} scores '
            f'({", ".join(results)}); expected one for each'
        )
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            raise ValueError(f'weight {weight:g} is not positive; omit files that should not count')
    (first_name, first), *others = results.items()
    aligned = [first] + [_align(first_name, first, name, other) for name, other in others]
    labels = first.labels
    fused = sum(weight * result.scores for weight, result in zip(weights, aligned))
    metrics = {f'top{k}': top_k_accuracy(fused, labels, k) for k in (1, 5)}
    for name, result in results.items():
        for k in (1, 5):
            metrics[f'{name}/top{k}'] = top_k_accuracy(result.scores, result.labels, k)
    origins = [result.origin for result in results.values()]
    return replace(
        first,
        metrics=metrics | {'num_test': len(labels)},
        scores=fused,
        features={},
        num_train=first.num_train if all(r.num_train == first.num_train for r in aligned) else None,
        origin={
            key: value
            for key, value in first.origin.items()
            if all(origin.get(key) == value for origin in origins)
        },
    )


def _align(
    first_name: str, first: EvaluationResult, name: str, other: EvaluationResult
) -> EvaluationResult:
    """The other result with its clips in the order of the first's, if they are the same clips."""
    both = f'{first_name} and {name}'
    for fact in ('dataset', 'split', 'protocol'):
        a, b = getattr(first, fact), getattr(other, fact)
        if a != b:
            raise ValueError(
                f'{both} differ in {fact}: {a!r} and {b!r}. Fuse scores of one protocol on one '
                'test split'
            )
    if first.classes != other.classes:
        raise ValueError(
            f'{both} have different classes: {_first_difference(first.classes, other.classes)}. '
            'Evaluate both on the same data file'
        )
    only = {
        first_name: Counter(first.names) - Counter(other.names),
        name: Counter(other.names) - Counter(first.names),
    }
    if any(only.values()):
        found = ', '.join(
            f'{clips.total()} only in {where} (such as {min(clips)!r})'
            for where, clips in only.items()
            if clips
        )
        raise ValueError(f'{both} have different clips: {found}. Evaluate both on the same split')
    if other.names != first.names:
        order = np.empty(len(first.names), np.int64)
        order[_sorted(first.names)] = _sorted(other.names)
        rows = torch.from_numpy(order)
        other = replace(
            other, scores=other.scores[rows], labels=other.labels[rows], names=first.names
        )
    differing = (first.labels != other.labels).nonzero().flatten().tolist()
    if differing:
        example = differing[0]
        a, b = (first.classes[int(result.labels[example])] for result in (first, other))
        raise ValueError(
            f'{both} have different labels for {len(differing)} of {len(first.names)} clips, '
            f'such as {first.names[example]!r}: {a!r} and {b!r}. Evaluate both on the same data '
            'file'
        )
    return other


def _sorted(names: Sequence[str]) -> np.ndarray:
    """Where the names stand that come first, second and so on in alphabetical order."""
    return np.argsort(np.array(names, np.str_), kind='stable')


def _first_difference(a: Sequence[str], b: Sequence[str]) -> str:
    if len(a) != len(b):
        return f'{len(a)} and {len(b)}'
    differing = [i for i in range(len(a)) if a[i] != b[i]]
    example = differing[0]
    return f'{len(differing)} of {len(a)}, such as {a[example]!r} and {b[example]!r}'

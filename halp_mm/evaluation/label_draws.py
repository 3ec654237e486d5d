"""Draws of the clips whose labels may be used, and what several draws come to together."""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from halp_mm.argument_checks import check_count, check_fraction


def draw_labelled(labels: Tensor, fraction: float, generator: torch.Generator) -> Tensor:
    """Draw the clips whose labels may be used: of each class the same fraction, at least one.

    With generators in the same state, the clips of a smaller fraction are among those of a larger.

    Args:
        labels: ``[N]``, on the CPU.
        fraction: More than 0, at most 1; a class's number of clips is rounded.
        generator: Source of the draw.

    Returns:
        Positions in ``labels``, in their order.

    Raises:
        ValueError: if the fraction is out of range.
    """
    check_fraction(above_zero=True, label_fraction=fraction)
    quota = (labels.bincount().double() * fraction).round().clamp(min=1)
    return _draw_quota(labels, quota, generator)


def draw_shots(labels: Tensor, shots: int, generator: torch.Generator) -> Tensor:
    """Draw the same number of clips of each class; of a class that has fewer, all.

    With generators in the same state, the clips of fewer shots are among those of more.

    Args:
        labels: ``[N]``, on the CPU.
        shots: Clips of each class.
        generator: Source of the draw.

    Returns:
        Positions in ``labels``, in their order.

    Raises:
        ValueError: if there are to be no clips.
    """
    check_count(shots=shots)
    return _draw_quota(labels, torch.full_like(labels.bincount(), shots), generator)


def _draw_quota(labels: Tensor, quota: Tensor, generator: torch.Generator) -> Tensor:
    """Draw a number of clips ``[classes]`` of each class."""
    shuffled = torch.randperm(len(labels), generator=generator)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = labels.bincount()
    place_in_class = torch.arange(len(labels)) - (sizes.cumsum(0) - sizes)[labels[by_class]]
    return by_class[place_in_class < quota[labels[by_class]]].sort().values


def seed_of_draw(seed: int, draw: int) -> int:
    """A seed of its own for each draw of each run."""
    return zlib.crc32(f'{seed} draw {draw}'.encode())


def summary_of_draws(part: str, found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The means and standard deviations (0 of one draw) of accuracies.

    Args:
        part: What was drawn, such as ``'0.1'`` or ``'5_shot'``.
        found: The accuracies of each draw by name.

    Returns:
        ``PART/NAME`` and ``PART/NAME_std``.
    """
    summary = {}
    for name in found[0]:
        values = [accuracies[name] for accuracies in found]
        summary[f'{part}/{name}'] = statistics.fmean(values)
        summary[f'{part}/{name}_std'] = statistics.stdev(values) if len(values) > 1 else 0.0
    return summary

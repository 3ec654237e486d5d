"""Which differences between methods are more than chance: a bootstrap over clips and seeds.

Test clips and seeds are both samples. Clips are drawn again with replacement, the same for all
methods, and so are seeds; a difference is counted as real if it keeps its sign in almost all
draws. Methods that stumble over the same clips are so compared on those that they do not share,
which is what makes the test a paired one.

Source: Owen, The pigeonhole bootstrap (2007), for samples that are crossed as clips and seeds are.
Of S seeds, draws vary less than new seeds would, by (S - 1) / S; deviations from their mean are
widened by the root of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CHUNK = 2**22  # draws times clips at a time


@dataclass(frozen=True)
class PairedDifference:
    """A difference between two means.

    Args:
        mean: The difference, in the unit of what was drawn.
        low: The lower end of its 95 % interval.
        high: The upper end.
        p_value: The probability of a difference as large if there is none; both signs count.
    """

    mean: float
    low: float
    high: float
    p_value: float


def resampled_means(
    hits: np.ndarray, draws: int = 5000, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """The means over clips and seeds that other samples of both would have had.

    Args:
        hits: ``[K, S, N]``: K measurements with S seeds on the same N clips.
        draws: Number of draws.
        seed: Of the draws.

    Returns:
        The means ``[K]``, and those of every draw ``[draws, K]``. In a draw all measurements have
        the same clips and seeds.
    """
    num_measurements, num_seeds, num_clips = hits.shape
    generator = np.random.default_rng(seed)
    flat = hits.reshape(-1, num_clips).astype(np.float32).T
    seed_weights = _weights(generator, draws, num_seeds)
    if num_seeds > 1:
        widened = np.sqrt(num_seeds / (num_seeds - 1))
        seed_weights = 1 / num_seeds + (seed_weights - 1 / num_seeds) * widened
    means = np.empty((draws, num_measurements))
    size = max(1, _CHUNK // num_clips)
    for start in range(0, draws, size):
        there = slice(start, min(draws, start + size))
        clip_weights = _weights(generator, there.stop - start, num_clips)
        of_seeds = (clip_weights.astype(np.float32) @ flat).reshape(-1, num_measurements, num_seeds)
        means[there] = np.einsum('dks,ds->dk', of_seeds, seed_weights[there])
    return hits.mean((1, 2)), means


def _weights(generator: np.random.Generator, draws: int, size: int) -> np.ndarray:
    """Shares ``[draws, size]`` of each of ``size`` things in a sample of as many."""
    drawn = generator.integers(0, size, (draws, size))
    drawn += size * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * size).reshape(draws, size) / size


def difference(means: np.ndarray, draws: np.ndarray, one: int, other: int) -> PairedDifference:
    """The difference between two of the measurements of :func:`resampled_means`.

    Args:
        means: The means ``[K]``.
        draws: Those of every draw ``[draws, K]``.
        one: The first measurement.
        other: The second one, which is subtracted.
    """
    drawn = draws[:, one] - draws[:, other]
    low, high = np.quantile(drawn, (0.025, 0.975))
    fewer = min((drawn <= 0).sum(), (drawn >= 0).sum())
    p_value = min(1.0, 2 * (1 + fewer) / (1 + len(drawn)))
    return PairedDifference(
        float(means[one] - means[other]), float(low), float(high), float(p_value)
    )


def real_ones(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which of several differences are real, when they are looked at together: Holm's method.

    The probability that any of them is called real by chance is at most the level.

    Args:
        p_values: Their p-values.
        level: The level.
    """
    order = np.argsort(p_values, kind='stable')
    real = [False] * len(p_values)
    for place, index in enumerate(order):
        if p_values[index] > level / (len(p_values) - place):
            break
        real[index] = True
    return real

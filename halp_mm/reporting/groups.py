"""Groups of results that differ only by their seed, with mean and standard deviation."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from halp_mm.reporting.results import Result, common_items
from halp_mm.reporting.settings import Setting


@dataclass(frozen=True)
class MetricSummary:
    """A metric's mean over seeds.

    Args:
        mean: The mean.
        deviation: The standard deviation (over n - 1); None for one seed.
        count: The number of seeds.
    """

    mean: float
    deviation: float | None
    count: int

    def text(self, decimals: int) -> str:
        """The text in a table."""
        if self.deviation is None:
            return f'{self.mean:.{decimals}f}'
        return f'{self.mean:.{decimals}f} ± {self.deviation:.{decimals}f}'


@dataclass(frozen=True)
class Group:
    """All results of a setting, one for each seed.

    Args:
        setting: The setting.
        results: The results, ordered by seed.
    """

    setting: Setting
    results: Sequence[Result]

    def summary(self, metric: str) -> MetricSummary | None:
        """A metric's mean over the seeds; None if a seed lacks it."""
        values = [result.metrics.get(metric) for result in self.results]
        if None in values:
            return None
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return MetricSummary(statistics.fmean(values), deviation, len(values))

    @property
    def metrics(self) -> list[str]:
        """The names of all metrics that every seed has."""
        return [name for name in self.results[0].metrics if self.summary(name)]

    @property
    def seeds(self) -> str:
        """The number of seeds and their list, for a table; empty without seeds."""
        known = [result.seed for result in self.results if result.seed]
        return f'{len(known)} ({", ".join(known)})' if known else ''

    @property
    def overrides(self) -> dict:
        """What the command line changed in all of the runs' configs, by dotted key."""
        return common_items([result.overrides for result in self.results])

    @property
    def confusion(self) -> np.ndarray | None:
        """The sum of the seeds' confusion matrices; None without any or if classes differ."""
        counted = [result for result in self.results if result.confusion is not None]
        if not counted or any(result.classes != counted[0].classes for result in counted):
            return None
        return np.sum([result.confusion for result in counted], axis=0)


def group_results(results: Iterable[Result]) -> tuple[list[Group], list[str]]:
    """Group results that differ only by their seed.

    Of two results of the same setting and seed, the one that finished last counts. Equal results
    without a seed, such as the coordinates by several configs, count once.

    Args:
        results: The results.

    Returns:
        The groups in the order of their settings, and notes about repeated seeds.
    """
    by_setting: dict[Setting, dict[str, Result]] = {}
    notes = []
    in_order = sorted(results, key=lambda result: (result.finished, result.file))
    for result in in_order:
        seeds = by_setting.setdefault(result.setting, {})
        older = seeds.get(result.seed)
        is_repeated = older and not result.seed and older.metrics == result.metrics
        if older and not is_repeated:
            what = f'{result.setting.name}, {result.setting.protocol_name},'
            note = (
                f'{f"seed {result.seed} of " if result.seed else ""}{what} was measured more than '
                f'once: {result.file} counts, being the newest; {older.file} does not'
            )
            notes.append(note)
        seeds[result.seed] = result
    groups = [
        Group(setting, [seeds[seed] for seed in sorted(seeds, key=_seed_order)])
        for setting, seeds in sorted(by_setting.items())
    ]
    return groups, sorted(notes)


def best_supported(groups: Iterable[Group]) -> Group | None:
    """The group with the most seeds, then the newest; groups without overrides come first."""
    return max(
        groups,
        key=lambda group: (
            not group.overrides,
            len(group.results),
            max(result.finished for result in group.results),
        ),
        default=None,
    )


def _seed_order(seed: str) -> tuple[int, str]:
    return (int(seed) if seed.lstrip('-').isdecimal() else 0, seed)

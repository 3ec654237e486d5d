"""The results of a benchmark, row by row: accuracies by seed, and which clips were recognised."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

import numpy as np

from halp_mm.evaluation.hits_file import read_hits
from halp_mm.reporting.groups import MetricSummary
from halp_mm.reporting.settings import SHOT
from halp_mm.run_identity import COORDINATES

#: The kinds of rows that are trainings.
TRAINED = ('trained', 'supervised')
#: Columns of a table in their order, before and after those of a few labels.
_FIRST, _LAST = ('knn', 'linear'), ('classifier',)
_HEADINGS = {'knn': 'kNN', 'classifier': 'own answers'}
#: What stands in the columns of encoders where coordinates are looked at.
_OF_COORDINATES = {'knn': 'knn', 'logistic': 'linear'}


@dataclass(frozen=True)
class RowFiles:
    """A row of a benchmark, and the files with its results on one split.

    Args:
        kind: ``'coordinates'``, ``'untrained'``, ``'trained'`` or ``'supervised'``.
        name: The method, encoder and stream.
        trained_on: The set that the encoder was trained on, if it is not the one of the test.
        command: The command that makes the row.
        config: The config's file.
        results: Result files, by seed for each; a file that is not there was not measured yet. The
            seed is None for what is the same for all seeds.
        records: The ``run.json`` of the trainings.
        coordinates: The place, among the rows of the table, of the coordinates that belong to it.
        untrained: The place of its encoder before training.
        method: The method as the command line names it.
    """

    kind: str
    name: str
    trained_on: str
    command: str
    config: str
    results: Sequence[tuple[int | None, Path]]
    records: Sequence[Path] = ()
    coordinates: int | None = None
    untrained: int | None = None
    method: str = ''


@dataclass
class Column:
    """The measurements of a row in a column.

    Args:
        accuracies: Per cent, by seed; of what is the same for all seeds by None.
        hits: How often each clip was recognised, ``[num_test]`` by seed.
    """

    accuracies: dict[int | None, float] = field(default_factory=dict)
    hits: dict[int | None, np.ndarray] = field(default_factory=dict)

    @property
    def summary(self) -> MetricSummary:
        """Mean and standard deviation over the seeds."""
        values = list(self.accuracies.values())
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return MetricSummary(statistics.fmean(values), deviation, len(values))

    @property
    def standard_error(self) -> float:
        """The standard error of the mean; 0 of a single value."""
        summary = self.summary
        return (summary.deviation or 0.0) / sqrt(summary.count)

    def of_seeds(self, seeds: Sequence[int | None]) -> np.ndarray:
        """The hits ``[seeds, num_test]``; what is the same for all seeds is repeated."""
        return np.stack([self.hits[seed if seed in self.hits else None] for seed in seeds])

    def common_seeds(self, other: Column) -> tuple[int | None, ...]:
        """The seeds that both have hits of; (None,) if neither depends on the seed."""
        if None in other.hits:
            return tuple(self.hits)
        if None in self.hits:
            return tuple(other.hits)
        return tuple(seed for seed in self.hits if seed in other.hits)


@dataclass
class MeasuredRow:
    """A row with what was measured.

    Args:
        files: The row.
        columns: Measurements by column; see :func:`column_heading`.
        facts: The content of the newest result file, or nothing.
        names: The names of the test clips.
        problems: What is wrong with the row's files.
    """

    files: RowFiles
    columns: dict[str, Column] = field(default_factory=dict)
    facts: Mapping = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def records(self) -> list[dict]:
        """The records of the row's trainings that were begun."""
        return [
            json.loads(path.read_text(encoding='utf-8'))
            for path in self.files.records
            if path.exists()
        ]


def read_row(files: RowFiles) -> MeasuredRow:
    """Read the result files of a row; those that are not there are passed over."""
    row = MeasuredRow(files)
    for seed, path in files.results:
        if not path.exists():
            continue
        content = json.loads(path.read_text(encoding='utf-8'))
        try:
            names, hits = read_hits(path.with_suffix('.npz'))
        except (FileNotFoundError, ValueError) as error:
            row.problems.append(f'{path}: no difference is tested, as {error}')
            names, hits = [], {}
        if names and row.names and names != row.names:
            row.problems.append(f'{path} is of other test clips than the results beside it')
            continue
        row.names = names or row.names
        row.facts = content
        for name, metric in _columns_of(content).items():
            column = row.columns.setdefault(name, Column())
            column.accuracies[seed] = content['metrics'][metric]
            # A protocol may report a mean over draws, and have the hits of one of them.
            if metric in hits and abs(100 * hits[metric].mean() - column.accuracies[seed]) < 0.01:
                column.hits[seed] = hits[metric]
    return row


def _columns_of(content: Mapping) -> dict[str, str]:
    """For each column that a result file fills, the metric."""
    protocol = content['protocol']
    found = {}
    for metric in content['metrics']:
        *place, last = metric.split('/')
        if last != 'top1':
            continue
        shot = place.pop(0) if place and _num_shots(place[0]) else ''
        if protocol == COORDINATES:
            column = _OF_COORDINATES.get('/'.join(place), '')
            column = (shot if column == 'linear' else '') if shot else column
        else:
            column = '' if place else (shot or protocol)
        if column:
            found[column] = metric
    of_shots = {name: metric for name, metric in found.items() if _num_shots(name)}
    return of_shots or found  # those without a number are the same as the first number's


def columns_in_order(rows: Sequence[MeasuredRow]) -> list[str]:
    """The columns that any of the rows has: kNN, linear, few labels, others, own answers."""
    found = {name for row in rows for name in row.columns}

    def place(name: str) -> tuple:
        if name in _FIRST:
            return 0, _FIRST.index(name), name
        if _num_shots(name):
            return 1, _num_shots(name), name
        return (3 if name in _LAST else 2), 0, name

    return sorted(found, key=place)


def column_heading(name: str) -> str:
    """The heading of a column: ``'5 labels'`` of ``'5_shot'``."""
    number = _num_shots(name)
    if number:
        return f'{number} {"label" if number == 1 else "labels"} a class'
    return _HEADINGS.get(name, name)


def _num_shots(column: str) -> int:
    """The number in the name of a column such as ``'5_shot'``; 0 of another."""
    found = re.fullmatch(rf'(\d+){SHOT}', column)
    return int(found[1]) if found else 0

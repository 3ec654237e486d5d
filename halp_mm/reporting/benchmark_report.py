"""The report of a benchmark: accuracies of each split, and which differences are real."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from halp_mm.atomic_write import atomic_write
from halp_mm.reporting.benchmark_rows import (
    TRAINED,
    MeasuredRow,
    RowFiles,
    column_heading,
    columns_in_order,
    read_row,
)
from halp_mm.reporting.page_content import PageContent, Part
from halp_mm.reporting.paired_bootstrap import (
    PairedDifference,
    difference,
    real_ones,
    resampled_means,
)
from halp_mm.reporting.rendering import html_page, markdown_page
from halp_mm.reporting.settings import split_name
from halp_mm.reporting.tables import Table, data_name

_LEVEL_MARK, _STOPPED_MARK = '≈', '†'
_SECTIONS = {
    'coordinates': 'Without training',
    'untrained': 'Without training',
    'trained': 'Trained without labels',
    'supervised': 'Trained with labels',
}
_NOTE = (
    'Top-1 accuracy, per cent: mean ± standard deviation (over n - 1) over the seeds, after the '
    'last epoch. Bold: the highest mean of a column among those without labels. '
    f'{_LEVEL_MARK}: within its standard error. kNN and linear of the coordinates are a kNN and a '
    'logistic regression on what the encoder sees; they do not depend on the seed.'
)
_DIFFERENCE_NOTE = (
    'Points of top-1, with the 95 % interval of a paired bootstrap over test clips and seeds. '
    'Bold: real, at a level of 5 % for all rows of a column together (Holm).'
)
_ONE_SEED = ' Of a single seed only the clips are drawn, so that other seeds may differ more.'


@dataclass(frozen=True)
class SplitRows:
    """The rows of one split.

    Args:
        name: The set and the split as the command line and the data file name them.
        rows: The rows in their order.
    """

    name: str
    rows: Sequence[RowFiles]


@dataclass(frozen=True)
class WrittenBenchmark:
    """A written report.

    Args:
        num_tables: The number of splits with results.
        notes: What is missing or wrong.
        pages: The files.
    """

    num_tables: int
    notes: Sequence[str]
    pages: Sequence[Path]

    def __str__(self) -> str:
        return '\n'.join(
            [
                f'splits with results: {self.num_tables}',
                *(f'note: {note}' for note in self.notes),
                f'written: {", ".join(map(str, self.pages))}',
            ]
        )


def write_benchmark(
    tests: Sequence[SplitRows],
    folder: str | os.PathLike,
    summary: str,
    notes: Sequence[str] = (),
    baseline: str = 'moco',
) -> WrittenBenchmark:
    """Write ``report.html`` and ``report.md`` of a benchmark.

    Args:
        tests: The splits with their rows.
        folder: Where to write.
        summary: A sentence or two on the page's top.
        notes: Sentences about what was left out or made.
        baseline: A method that all others are compared with.

    Raises:
        ValueError: if there is no result at all.
    """
    parts, problems = [], []
    commands: dict[str, list[tuple[str, MeasuredRow]]] = {}
    data_files: dict[tuple[str, str], int] = {}
    for test in tests:
        rows = [read_row(files) for files in test.rows]
        problems += [text for row in rows for text in row.problems]
        if not any(row.columns for row in rows):
            continue
        names = _names(rows)
        tables, remarks = _tables_of(rows, names, baseline)
        problems += [f'{test.name}: {remark}' for remark in remarks]
        parts.append(Part(_heading(rows), _facts_of(rows), tables))
        for row, name in zip(rows, names):
            if row.columns:
                commands.setdefault(row.files.command, []).append((name, row))
                for file in row.facts['data_files']:
                    data_files[file['file'], file['sha256']] = file['bytes']
    if not parts:
        raise ValueError('there is no result yet')
    notes = [*notes, *dict.fromkeys(problems)]
    content = PageContent(
        title='Benchmark',
        summary=summary,
        parts=[
            *parts,
            Part('Commands', tables=[_commands(commands), _data_files(data_files)]),
            *([Part('Notes', texts=notes)] if notes else []),
        ],
    )
    pages = {Path(folder, 'report.html'): html_page, Path(folder, 'report.md'): markdown_page}
    for path, render in pages.items():
        with atomic_write(path) as partial:
            partial.write_text(render(content), encoding='utf-8')
    return WrittenBenchmark(len(parts), notes, list(pages))


def _heading(rows: Sequence[MeasuredRow]) -> str:
    facts = next(row.facts for row in rows if row.facts)
    return data_name(facts['dataset'], split_name(facts['test_split']))


def _facts_of(rows: Sequence[MeasuredRow]) -> str:
    """The numbers of clips of a split, and its data."""
    facts = next(row.facts for row in rows if row.facts)
    num_test = sum(one['num_test'] for one in facts['classes'])
    text = f'{num_test:,} test clips of {facts["test_split"]}, {len(facts["classes"])} classes.'
    of_files = {
        tuple(file['sha256'] for file in row.facts['data_files']) for row in rows if row.facts
    }
    if len(of_files) > 1:
        text += ' Rows were measured on different data files: they cannot be compared.'
    return text


def _names(rows: Sequence[MeasuredRow]) -> list[str]:
    """The rows' names; those that several rows have with what distinguishes them."""
    plain = [_plain_name(row) for row in rows]
    counts = Counter(plain)
    return [
        name if counts[name] == 1 or not row.files.config else f'{name}: {_stem(row)}'
        for name, row in zip(plain, rows)
    ]


def _plain_name(row: MeasuredRow) -> str:
    stopped = any(record.get('stopped_after') for record in row.records)
    where = f' (from {row.files.trained_on})' if row.files.trained_on else ''
    return f'{row.files.name}{where}{f" {_STOPPED_MARK}" if stopped else ""}'


def _stem(row: MeasuredRow) -> str:
    return f'{Path(row.files.config).parent.name}/{Path(row.files.config).stem}'


def _tables_of(
    rows: Sequence[MeasuredRow], names: Sequence[str], baseline: str
) -> tuple[list[Table], list[str]]:
    """The table of accuracies, those of differences, and what could not be compared."""
    columns = columns_in_order(rows)
    tables = [_accuracies(rows, names, columns)]
    baselines = _baselines(rows, baseline)
    references = {
        'the coordinates, as the encoder sees them': lambda row: row.files.coordinates,
        'the untrained encoder': lambda row: row.files.untrained,
    }
    if baselines:
        first, *others = baselines.values()
        name = f'{rows[first].files.name}, trained on the same clips' if others else names[first]
        references[name] = lambda row: baselines.get(row.files.trained_on, baselines.get(''))
    remarks = [] if baselines else [f'no result of the baseline {baseline!r}']
    clips = [row.names for row in rows if row.names]
    if any(of_row != clips[0] for of_row in clips):
        return tables, [*remarks, 'rows are of different test clips, so nothing is compared']
    drawn = _Draws(rows)
    for name, place_of in references.items():
        pairs = [
            (place, place_of(row))
            for place, row in enumerate(rows)
            if row.files.kind in TRAINED and place_of(row) not in (None, place)
        ]
        table = _differences(rows, names, columns, pairs, name, drawn)
        tables += [table] if table.rows else []
    return tables, remarks


def is_named(name: str, method: str) -> bool:
    """Whether a name is that of a method of the command line.

    Args:
        name: Such as ``halp``, ``halp/bigru``, the file of a config or its name without ``.py``.
        method: ``halp``, ``halp/bigru`` or the file of a config.
    """
    shorter = Path(method).stem if method.endswith('.py') else method.partition('/')[0]
    return name in (method, shorter)


def _baselines(rows: Sequence[MeasuredRow], method: str) -> dict[str, int]:
    """The places of a method's first rows that were measured, by the set that they trained on."""
    found: dict[str, int] = {}
    for place, row in enumerate(rows):
        files = row.files
        if files.kind in TRAINED and is_named(method, files.method) and row.columns:
            found.setdefault(files.trained_on, place)
    return found


def _accuracies(rows: Sequence[MeasuredRow], names: Sequence[str], columns: Sequence[str]) -> Table:
    """Means and deviations, with the best ones."""
    cells, strong, section = [], set(), None
    limits = {column: _best(rows, column) for column in columns}
    times = [_minutes(row) for row in rows]
    stopped = [name for name in names if _STOPPED_MARK in name]
    for row, name, minutes in zip(rows, names, times):
        if not row.columns:
            continue
        of_row = _section(row)
        if of_row != section:
            cells.append([of_row])
            section = of_row
        texts = []
        for place, column in enumerate(columns, 1):
            measured = row.columns.get(column)
            if measured is None:
                texts.append('')
                continue
            best, error = limits[column] or (inf, 0.0)
            text, mean = measured.summary.text(1), measured.summary.mean
            is_counted = row.files.kind != 'supervised'
            if is_counted and mean == best:
                strong.add((len(cells), place))
            elif is_counted and mean >= best - error:
                text += f' {_LEVEL_MARK}'
            texts.append(text)
        cells.append([name, *texts, _seeds(row), minutes])
    note = _NOTE
    if stopped:
        note += f' {_STOPPED_MARK}: ended by the time limit, before its schedule was.'
    headings = ['', *map(column_heading, columns), 'seeds', 'training, CPU min']
    return Table('Accuracies', note, [('', heading) for heading in headings], cells, strong=strong)


def _section(row: MeasuredRow) -> str:
    section = _SECTIONS[row.files.kind]
    if row.files.trained_on and row.files.kind in TRAINED:
        return f'{section}, on {row.files.trained_on}'
    return section


def _best(rows: Sequence[MeasuredRow], column: str) -> tuple[float, float] | None:
    """The highest mean of a column without labels, and its standard error."""
    found = [
        row.columns[column]
        for row in rows
        if column in row.columns and row.files.kind != 'supervised'
    ]
    best = max(found, key=lambda one: one.summary.mean, default=None)
    return None if best is None else (best.summary.mean, best.standard_error)


def _seeds(row: MeasuredRow) -> str:
    counts = {column.summary.count for column in row.columns.values()}
    return ' to '.join(str(count) for count in sorted({min(counts), max(counts)}))


def _minutes(row: MeasuredRow) -> str:
    """The mean processor time of the row's trainings."""
    found = [record.get('cpu_seconds', {}).get('training') for record in row.records]
    found = [seconds for seconds in found if seconds is not None]
    return f'{np.mean(found) / 60:.1f}' if found and row.files.kind != 'untrained' else ''


class _Draws:
    """Draws of the bootstrap, made once for all rows with the same seeds.

    Args:
        rows: The rows, all of the same test clips.
    """

    def __init__(self, rows: Sequence[MeasuredRow]) -> None:
        self._rows = rows
        self._made: dict[tuple, tuple[dict, np.ndarray, np.ndarray]] = {}

    def difference(self, one: int, other: int, column: str) -> PairedDifference | None:
        """The difference between two rows in a column; None if they have no seed in common."""
        first, second = (self._rows[place].columns.get(column) for place in (one, other))
        if first is None or second is None or not (first.hits and second.hits):
            return None
        seeds = first.common_seeds(second)
        if not seeds:
            return None
        if seeds not in self._made:
            self._made[seeds] = self._draw(seeds)
        places, means, draws = self._made[seeds]
        return difference(means, draws, places[one, column], places[other, column])

    def _draw(self, seeds: tuple) -> tuple[dict, np.ndarray, np.ndarray]:
        found = {
            (place, name): column.of_seeds(seeds)
            for place, row in enumerate(self._rows)
            for name, column in row.columns.items()
            if column.hits and (None in column.hits or set(seeds) <= set(column.hits))
        }
        places = {key: index for index, key in enumerate(found)}
        return places, *resampled_means(np.stack(list(found.values())))


def _differences(
    rows: Sequence[MeasuredRow],
    names: Sequence[str],
    columns: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    reference: str,
    drawn: _Draws,
) -> Table:
    """Differences from one reference, with their intervals."""
    found: dict[tuple[int, str], PairedDifference] = {}
    for one, other in pairs:
        for column in columns:
            result = drawn.difference(one, other, column)
            if result is not None:
                found[one, column] = result
    real = set(_real(found, columns))
    kept = [column for column in columns if any(name == column for _, name in found)]
    cells: list[list[str]] = []
    strong = set()
    for one, _ in pairs:
        if not any(place == one for place, _ in found):
            continue
        for place, column in enumerate(kept, 1):
            if (one, column) in real:
                strong.add((len(cells), place))
        cells.append([names[one], *(_text(found.get((one, column))) for column in kept)])
    seeds = [column.summary.count for one, _ in pairs for column in rows[one].columns.values()]
    note = _DIFFERENCE_NOTE + (_ONE_SEED if seeds and min(seeds) == 1 else '')
    headings = ['', *map(column_heading, kept)]
    return Table(
        f'Minus {reference}', note, [('', heading) for heading in headings], cells, strong=strong
    )


def _real(
    found: Mapping[tuple[int, str], PairedDifference], columns: Sequence[str]
) -> Iterator[tuple[int, str]]:
    """The differences that are real, judged column by column."""
    for column in columns:
        of_column = {key: one for key, one in found.items() if key[1] == column}
        judged = real_ones([one.p_value for one in of_column.values()])
        yield from (key for key, is_real in zip(of_column, judged) if is_real)


def _text(one: PairedDifference | None) -> str:
    if one is None:
        return ''
    return f'{100 * one.mean:+.1f} [{100 * one.low:+.1f}, {100 * one.high:+.1f}]'


def _commands(commands: Mapping[str, Sequence[tuple[str, MeasuredRow]]]) -> Table:
    rows = [
        [', '.join(dict.fromkeys(name for name, _ in members)), command, members[0][1].files.config]
        for command, members in commands.items()
    ]
    return Table('Rows', '', [('', 'Row'), ('', 'Command'), ('', 'Config')], rows, 3)


def _data_files(files: Mapping[tuple[str, str], int]) -> Table:
    rows = [[file, f'{size:,}', sha256] for (file, sha256), size in sorted(files.items())]
    headings = ['File', 'Bytes', 'SHA-256']
    return Table('Data files', '', [('', heading) for heading in headings], rows, 3)

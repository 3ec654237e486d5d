"""The report's tables, independent of Markdown or HTML."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby

from halp_mm.reporting.groups import Group, MetricSummary, best_supported
from halp_mm.reporting.published_tables import PublishedRow, PublishedTable
from halp_mm.reporting.results import common_items
from halp_mm.reporting.settings import Setting
from halp_mm.run_identity import COORDINATES

DATASET_NAMES = {
    'ntu60': 'NTU-60',
    'ntu120': 'NTU-120',
    'pku1': 'PKU-MMD I',
    'pku2': 'PKU-MMD II',
    'msr_action3d': 'MSR-Action3D',
    'utd_mhad': 'UTD-MHAD',
    'nw_ucla': 'NW-UCLA',
    'synthetic': 'Synthetic',
}
SPLIT_NAMES = {
    'xsub': 'x-sub',
    'xview': 'x-view',
    'xview_clean': 'x-view without copies',
    'xset': 'x-set',
}
_MARK = '†'
_MARK_NOTE = '†: trained with overrides of the config, which the first part of this page names.'
_OWN_COLUMNS = ('top1', 'top5', 'best_top1', 'best_epoch')


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Args:
        caption: The caption.
        note: A note, or nothing.
        columns: The headings of each column: the heading shared with its neighbours, or nothing,
            and its own. The first column holds the rows' headings.
        rows: The cells of each row; a row of one cell is a heading of the rows below.
        num_texts: The number of columns with texts instead of numbers; they come first.
        strong: The places of cells that stand out, each a row and a column.
    """

    caption: str
    note: str
    columns: Sequence[tuple[str, str]]
    rows: list[list[str]] = field(default_factory=list)
    num_texts: int = 1
    strong: Set[tuple[int, int]] = frozenset()

    @property
    def has_groups(self) -> bool:
        """Whether some neighbouring columns share a heading."""
        return any(group for group, _ in self.columns)

    @property
    def column_groups(self) -> list[tuple[str, list[tuple[int, str]]]]:
        """For each shared heading its columns' places and own headings."""
        places = enumerate(self.columns)
        return [
            (group, [(place, name) for place, (_, name) in members])
            for group, members in groupby(places, key=lambda item: item[1][0])
        ]

    def is_heading(self, row: Sequence[str]) -> bool:
        """Whether a row is the heading of those below."""
        return len(row) == 1 < len(self.columns)

    def is_number(self, place: int) -> bool:
        """Whether a column holds numbers."""
        return place >= self.num_texts

    def is_own(self, place: int) -> bool:
        """Whether a column holds our own numbers beside a paper's."""
        return self.is_number(place) and self.columns[place] == (self.columns[place][0], 'here')


def data_name(dataset: str, split: str) -> str:
    """A data set and its split, as the papers write them."""
    return f'{DATASET_NAMES.get(dataset, dataset)} {SPLIT_NAMES.get(split, split)}'


def measured_tables(groups: Iterable[Group]) -> list[Table]:
    """The measured results, one table for each data set and split."""
    by_data = groupby(groups, key=lambda group: (group.setting.dataset, group.setting.split))
    return [_measured_table(data_name(*data), list(members)) for data, members in by_data]


def _measured_table(name: str, groups: list[Group]) -> Table:
    has_best = any(group.summary('best_top1') for group in groups)
    others = any(_other_metrics(group) for group in groups)
    shared = _shared_overrides(groups)
    differences = _differences(groups, shared)
    texts = ['Method, encoder, stream', 'Protocol', *(['Settings'] if differences else [])]
    columns = [*texts, 'Top-1 (%)', 'Top-5 (%)', 'Seeds']
    columns += ['Top-1 of the best epoch (%)', 'Best epoch'] if has_best else []
    columns += ['Other metrics'] if others else []
    notes = ['Top-1 and top-5 are those after the last epoch.'] if has_best else []
    if has_best:
        notes.append(
            'The best epoch is chosen by the test clips: not a fair accuracy, only a bound.'
        )
    if any(len(group.results) > 1 for group in groups):
        notes.append('Mean ± standard deviation (over n - 1) over the seeds.')
    if shared:
        notes.append(f'All have the overrides {_override_text(shared)}.')
    rows = []
    for group in groups:
        setting = group.setting
        rows.append(
            [
                setting.name,
                setting.protocol_name,
                *([differences.get(setting, '')] if differences else []),
                *(_text(group.summary(metric), 2) for metric in ('top1', 'top5')),
                group.seeds,
                *([_text(group.summary('best_top1'), 2), _epochs(group)] if has_best else []),
                *([_other_metrics(group)] if others else []),
            ]
        )
    return Table(name, ' '.join(notes), [('', column) for column in columns], rows, len(texts))


def published_tables_with_ours(
    tables: Iterable[PublishedTable], groups: Sequence[Group]
) -> list[Table]:
    """The papers' tables with our own numbers; tables without any are omitted."""
    filled = [published_table(table, groups) for table in tables]
    return [
        table
        for table in filled
        if any(
            cell
            for row in table.rows
            for (_, name), cell in zip(table.columns, row)
            if name == 'here'
        )
    ]


def published_table(table: PublishedTable, groups: Sequence[Group]) -> Table:
    """A paper's table with our own numbers; cells without a measurement stay empty."""
    columns = [('', 'Method')]
    for column in table.columns:
        columns += [(column['name'], 'paper'), (column['name'], 'here')]
    rows = []
    for section, members in groupby(table.rows, key=lambda row: row.section):
        if section:
            rows.append([section])
        for row in members:
            cells = [_method(row)]
            for column, value in zip(table.columns, row.values):
                cells.append('' if value is None else f'{value:.1f}')
                cells.append(_own_number(row, column, groups))
            rows.append(cells)
    is_marked = any(cell.endswith(_MARK) for row in rows for cell in row)
    notes = [table.note, *([_MARK_NOTE] if is_marked else [])]
    note = ' '.join(text for text in notes if text)
    return Table(f'{table.source}: {table.caption}', note, columns, rows)


def _method(row: PublishedRow) -> str:
    facts = [row.encoder, *(row.stream or '').split('+')]
    known = ', '.join(fact for fact in facts if fact)
    return f'{row.method} ({known})' if known else row.method


def _own_number(row: PublishedRow, column: dict, groups: Sequence[Group]) -> str:
    if row.measured is None:
        return ''
    wanted = {key: value for key, value in column.items() if key != 'name'} | dict(row.measured)
    group = best_supported(group for group in groups if group.setting.fits(wanted))
    summary = group and group.summary('top1')
    if not summary:
        return ''
    count = f' (n = {summary.count})' if summary.count > 1 else ''
    return summary.text(1) + count + (f' {_MARK}' if group.overrides else '')


def _differences(groups: Sequence[Group], shared: Mapping) -> dict[Setting, str]:
    """The settings that a row shows beside its name and protocol.

    Args:
        groups: The rows of a table.
        shared: The overrides of all rows, which are not repeated.
    """
    texts = {}
    for members in _by_name(groups):
        facts = [[_changes(group, shared) for group in members]]
        if len(members) > 1:
            facts += _differing(members, facts[0])
        for group, parts in zip(members, zip(*facts)):
            texts[group.setting] = '; '.join(part for part in parts if part)
    return texts if any(texts.values()) else {}


def _by_name(groups: Sequence[Group]) -> list[list[Group]]:
    """Groups that have the same name and protocol, together."""
    together: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        key = (group.setting.name, group.setting.protocol_name)
        together.setdefault(key, []).append(group)
    return list(together.values())


def _differing(groups: Sequence[Group], changes: Sequence[str]) -> list[list[str]]:
    """Facts that differ between groups, each as a text for every group."""
    epochs = [f'{group.setting.epochs} epochs' for group in groups]
    details = [group.setting.details for group in groups]
    differing = [texts for texts in (epochs, details) if len(set(texts)) > 1]
    if len(set(zip(changes, *differing))) < len(groups):  # only the hashes tell them apart
        configs = [', '.join(sorted({r.config for r in group.results})) for group in groups]
        runs = [group.setting.run for group in groups]
        differing.append([f'{config} ({run})'.lstrip() for config, run in zip(configs, runs)])
    return differing


def _shared_overrides(groups: Sequence[Group]) -> dict:
    """The overrides of all groups whose encoder has a config."""
    found = [group.overrides for group in groups if group.setting.method != COORDINATES]
    return common_items(found) if found else {}


def _changes(group: Group, shared: Mapping) -> str:
    """A group's overrides except the shared ones."""
    return _override_text(
        {key: value for key, value in group.overrides.items() if key not in shared}
    )


def _override_text(overrides: Mapping) -> str:
    """Overrides as the command line takes them."""
    return ', '.join(
        f'{key}={value if isinstance(value, str) else json.dumps(value)}'
        for key, value in sorted(overrides.items())
    )


def _text(summary: MetricSummary | None, decimals: int) -> str:
    return summary.text(decimals) if summary else ''


def _epochs(group: Group) -> str:
    epochs = [result.metrics.get('best_epoch') for result in group.results]
    return '' if None in epochs else ', '.join(f'{epoch:g}' for epoch in epochs)


def _other_metrics(group: Group) -> str:
    names = [
        name for name in group.metrics if name not in _OWN_COLUMNS and not name.startswith('num_')
    ]
    return '; '.join(f'{name} {group.summary(name).text(2)}' for name in names)

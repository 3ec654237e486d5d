"""The report's tables, before they become Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from halp_mm.reporting.groups import Figure, Group, best_supported
from halp_mm.reporting.published_tables import PublishedRow, PublishedTable

DATASET_NAMES = {
    'ntu60': 'NTU-60',
    'ntu120': 'NTU-120',
    'pku1': 'PKU-MMD I',
    'pku2': 'PKU-MMD II',
    'msr_action3d': 'MSR-Action3D',
    'synthetic': 'Synthetic',
}
SPLIT_NAMES = {'xsub': 'x-sub', 'xview': 'x-view', 'xset': 'x-set'}
_OWN_COLUMNS = ('top1', 'top5', 'best_top1', 'best_epoch')


@dataclass(frozen=True)
class Table:
    """A table of texts.

    Args:
        caption: What it shows.
        note: What one has to know, or nothing.
        columns: The heading of each column, as the heading that neighbours share, or nothing, and
            its own. The first column is the rows' heading.
        rows: The cells of each row; a row of one cell is a heading of those below.
        num_texts: How many columns hold texts and not figures; they come first.
    """

    caption: str
    note: str
    columns: Sequence[tuple[str, str]]
    rows: list[list[str]] = field(default_factory=list)
    num_texts: int = 1


def data_name(dataset: str, split: str) -> str:
    """A data set and its split, as the papers write them."""
    return f'{DATASET_NAMES.get(dataset, dataset)} {SPLIT_NAMES.get(split, split)}'


def measured_tables(groups: Iterable[Group]) -> list[Table]:
    """All that was measured, a table for each data set and split."""
    by_data = groupby(groups, key=lambda group: (group.setting.dataset, group.setting.split))
    return [_measured_table(data_name(*data), list(members)) for data, members in by_data]


def _measured_table(name: str, groups: list[Group]) -> Table:
    has_best = any(group.figure('best_top1') for group in groups)
    others = any(_other_figures(group) for group in groups)
    ambiguous = _ambiguous(groups)
    texts = ['Method, encoder, stream', 'Protocol', *(['Settings'] if ambiguous else [])]
    columns = [*texts, 'Top-1 (%)', 'Top-5 (%)', 'Seeds']
    columns += ['Top-1 of the best epoch (%)', 'Best epoch'] if has_best else []
    columns += ['Other figures'] if others else []
    notes = ['Top-1 and top-5 are those after the last epoch.'] if has_best else []
    if has_best:
        notes.append('The best epoch is chosen by the test clips: no fair figure, only a bound.')
    if any(len(group.results) > 1 for group in groups):
        notes.append('Mean ± standard deviation (over n - 1) over the seeds.')
    rows = []
    for group in groups:
        setting = group.setting
        rows.append(
            [
                setting.name,
                setting.protocol_name,
                *([setting.details if group in ambiguous else ''] if ambiguous else []),
                *(_text(group.figure(metric), 2) for metric in ('top1', 'top5')),
                f'{len(group.results)} ({group.seeds})',
                *([_text(group.figure('best_top1'), 2), _epochs(group)] if has_best else []),
                *([_other_figures(group)] if others else []),
            ]
        )
    return Table(name, ' '.join(notes), [('', column) for column in columns], rows, len(texts))


def published_table(table: PublishedTable, groups: Sequence[Group]) -> Table:
    """A paper's table with our own figures beside it; what nobody measured stays empty."""
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
                cells.append(_own_figure(row, column, groups))
            rows.append(cells)
    return Table(f'{table.source}: {table.caption}', table.note, columns, rows)


def _method(row: PublishedRow) -> str:
    facts = [row.encoder, *(row.stream or '').split('+')]
    known = ', '.join(fact for fact in facts if fact)
    return f'{row.method} ({known})' if known else row.method


def _own_figure(row: PublishedRow, column: dict, groups: Sequence[Group]) -> str:
    if row.measured is None:
        return ''
    wanted = {key: value for key, value in column.items() if key != 'name'} | dict(row.measured)
    group = best_supported(group for group in groups if group.setting.fits(wanted))
    figure = group and group.figure('top1')
    if not figure:
        return ''
    return figure.text(1) + (f' (n = {figure.count})' if figure.count > 1 else '')


def _ambiguous(groups: Sequence[Group]) -> list[Group]:
    """Groups that only the protocol's settings tell from others."""
    names = [(group.setting.name, group.setting.protocol_name) for group in groups]
    return [group for group, name in zip(groups, names) if names.count(name) > 1]


def _text(figure: Figure | None, decimals: int) -> str:
    return figure.text(decimals) if figure else ''


def _epochs(group: Group) -> str:
    epochs = [result.metrics.get('best_epoch') for result in group.results]
    return '' if None in epochs else ', '.join(f'{epoch:g}' for epoch in epochs)


def _other_figures(group: Group) -> str:
    names = [
        name for name in group.metrics if name not in _OWN_COLUMNS and not name.startswith('num_')
    ]
    return '; '.join(f'{name} {group.figure(name).text(2)}' for name in names)

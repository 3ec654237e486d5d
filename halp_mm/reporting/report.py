"""The report: one page of a folder of results."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from halp_mm.atomic_write import atomic_write
from halp_mm.reporting.groups import Group, group_results
from halp_mm.reporting.page_content import PUBLISHED_NOTE, PageContent, Part
from halp_mm.reporting.pictures import confusions, feature_pictures, learning_curves
from halp_mm.reporting.published_tables import published_tables
from halp_mm.reporting.rendering import html_page, markdown_page
from halp_mm.reporting.results import Result, read_results
from halp_mm.reporting.tables import (
    Table,
    data_name,
    measured_tables,
    published_tables_with_ours,
)


@dataclass(frozen=True)
class WrittenReport:
    """A written report, and a summary of its content.

    Args:
        num_files: The number of result files.
        num_groups: The number of settings, each with one or more seeds.
        num_pictures: The number of pictures; zero in Markdown.
        notes: What was omitted, and why.
        out: The page.
    """

    num_files: int
    num_groups: int
    num_pictures: int
    notes: list[str]
    out: Path

    def __str__(self) -> str:
        return '\n'.join(
            [
                f'results   {_counted(self.num_files, "file")}, '
                f'{_counted(self.num_groups, "setting")}',
                f'pictures  {self.num_pictures}',
                *(f'note: {note}' for note in self.notes),
                f'written: {self.out}',
            ]
        )


def write_report(folder: str | os.PathLike, out: str | os.PathLike) -> WrittenReport:
    """Write all results under a folder on one page, beside the papers' numbers.

    The same results give the same page, byte for byte.

    Args:
        folder: Results of ``tools/test.py`` and ``tools/analysis/fuse_streams.py``, pictures of
            ``tools/analysis/plot_tsne.py`` and work directories of ``tools/train.py``.
        out: The page, ``.html`` with pictures or ``.md`` without. It is written atomically.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it holds no result, or the page has another ending.
    """
    out = Path(out)
    if out.suffix not in ('.html', '.md'):
        raise ValueError(f'--out is {out}; expected a name that ends in .html or .md')
    results, problems = read_results(folder)
    groups, notes = group_results(results)
    warned = {f'{result.file}: {text}' for result in results for text in result.warnings}
    notes += sorted(warned)
    galleries = {}
    if out.suffix == '.html':
        curves, bad_logs = learning_curves(folder)
        features, bad_pictures = feature_pictures(folder)
        problems += bad_logs + bad_pictures
        galleries = {
            'Learning curves': curves,
            'Confusion matrices': confusions(groups),
            'Features by t-SNE': features,
        }
    files = {result.file for result in results}
    parts = [
        Part('Measured here', tables=measured_tables(groups)),
        Part(
            'Beside the papers',
            PUBLISHED_NOTE,
            tables=published_tables_with_ours(published_tables(), groups),
        ),
        *(Part(heading, galleries=members) for heading, members in galleries.items()),
        Part('Notes', texts=notes),
        Part('Omitted', texts=problems),
        Part('Files', tables=[_files_table(groups)]),
    ]
    content = PageContent(
        title='Results',
        summary=_summary(results, groups, len(files)),
        parts=[part for part in parts if not part.is_empty],
    )
    page = html_page(content) if out.suffix == '.html' else markdown_page(content)
    with atomic_write(out) as partial:
        partial.write_text(page, encoding='utf-8')
    num_pictures = sum(
        len(gallery.pictures) for members in galleries.values() for gallery in members
    )
    return WrittenReport(len(files), len(groups), num_pictures, [*notes, *problems], out)


def _summary(results: list[Result], groups: list[Group], num_files: int) -> str:
    data = dict.fromkeys(data_name(g.setting.dataset, g.setting.split) for g in groups)
    newest = max(result.finished for result in results)
    files, settings = _counted(num_files, 'result file'), _counted(len(groups), 'setting')
    text = f'{files}, {settings}, on {", ".join(data)}.'
    return f'{text} The newest was finished at {newest}.' if newest else text


def _counted(number: int, thing: str) -> str:
    return f'{number} {thing}' + ('' if number == 1 else 's')


def _files_table(groups: list[Group]) -> Table:
    columns = ['File', 'What', 'Protocol', 'Checkpoint', 'Finished', 'Seed', 'Top-1 (%)']
    rows = [
        [
            result.file,
            f'{data_name(group.setting.dataset, group.setting.split)}: {group.setting.name}',
            group.setting.protocol_name,
            result.checkpoint or '',
            result.finished,
            result.seed,
            f'{result.metrics["top1"]:.2f}',
        ]
        for group in groups
        for result in group.results
    ]
    return Table('Files that count', '', [('', name) for name in columns], sorted(rows), 5)

"""The page as Markdown, without its pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from halp_mm.reporting.page_content import (
    FILES,
    MEASURED,
    NOTES,
    PROBLEMS,
    PUBLISHED,
    PUBLISHED_NOTE,
    PageContent,
)
from halp_mm.reporting.tables import Table


def markdown_page(content: PageContent) -> str:
    """Write a page's content as Markdown with tables, as GitHub shows them."""
    parts = [f'# {escaped(content.title)}', escaped(content.summary), f'## {MEASURED}']
    parts += [_table(table) for table in content.measured]
    parts += [f'## {PUBLISHED}', PUBLISHED_NOTE, *(_table(table) for table in content.published)]
    for heading, texts in ((NOTES, content.notes), (PROBLEMS, content.problems)):
        if texts:
            parts += [f'## {heading}', '\n'.join(f'- {escaped(text)}' for text in texts)]
    parts += [f'## {FILES}', _table(content.files)]
    return '\n\n'.join(parts) + '\n'


def _table(table: Table) -> str:
    names = [f'{group} {name}'.strip() for group, name in table.columns]
    alignment = ['---' if place < table.num_texts else '--:' for place in range(len(names))]
    lines = [f'### {escaped(table.caption)}', '', _row(names), f'| {" | ".join(alignment)} |']
    for row in table.rows:
        is_heading = len(row) == 1 < len(names)
        cells = [f'*{escaped(row[0])}*', *[''] * (len(names) - 1)] if is_heading else None
        lines.append(f'| {" | ".join(cells)} |' if cells else _row(row))
    return '\n'.join(lines) + (f'\n\n{escaped(table.note)}' if table.note else '')


def _row(cells: Sequence[str]) -> str:
    return f'| {" | ".join(map(escaped, cells))} |'


def escaped(text: str) -> str:
    """A text in one line that Markdown shows as it is: no tags, links, tables or emphasis."""
    text = ' '.join(text.split()).replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')
    return re.sub(r'([\\`*_\[\]|~#!])', r'\\\1', text)

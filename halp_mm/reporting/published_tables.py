"""The papers' tables: numbers that others measured, as data with their source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / 'published'


@dataclass(frozen=True)
class PublishedRow:
    """One method's numbers.

    Args:
        section: The heading above it, or None.
        method: Its name in the paper.
        encoder: Its encoder, where the paper names one.
        stream: The stream or streams, where the paper names them.
        values: Top-1 in per cent for each column, None where the paper has none.
        measured: What a result of our own must be to stand beside it, as fields of
            :class:`halp_mm.reporting.settings.Setting`; None if there is no such method here.
    """

    section: str | None
    method: str
    encoder: str | None
    stream: str | None
    values: list[float | None]
    measured: Mapping[str, str] | None


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper.

    Args:
        table: Its number.
        source: Paper, venue and number.
        caption: What it shows, in our words.
        note: What one has to know, or nothing.
        columns: Each with its ``name`` and with what a result of our own must be, as fields of
            :class:`halp_mm.reporting.settings.Setting`.
        rows: See :class:`PublishedRow`.
    """

    table: int
    source: str
    caption: str
    note: str
    columns: list[Mapping[str, str]]
    rows: list[PublishedRow]


def published_tables() -> list[PublishedTable]:
    """Tables 1 to 3 of HaLP and 2 to 8 of AimCLR."""
    tables = []
    for name in ('halp', 'aimclr'):
        paper = json.loads((FOLDER / f'{name}.json').read_text(encoding='utf-8'))
        tables += [
            PublishedTable(
                table['table'],
                table['source'],
                table['caption'],
                table.get('note', ''),
                table['columns'],
                [PublishedRow(**row) for row in table['rows']],
            )
            for table in paper['tables']
        ]
    return tables

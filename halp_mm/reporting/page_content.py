"""The content of the report's page, independent of its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from halp_mm.reporting.pictures import Gallery
from halp_mm.reporting.tables import Table

PUBLISHED_NOTE = (
    'Numbers under “paper” are copied from the paper named above each table; those under “here” '
    'are means over the seeds, after the last epoch, of the results in this folder. A cell '
    'without a measurement stays empty, and a table without any is omitted.'
)


@dataclass(frozen=True)
class Part:
    """A part of the page under a heading of its own.

    Args:
        heading: The heading.
        note: A note about everything below, or nothing.
        tables: Tables.
        galleries: Pictures, in the HTML page only.
        texts: Sentences, the items of a list.
    """

    heading: str
    note: str = ''
    tables: Sequence[Table] = ()
    galleries: Sequence[Gallery] = ()
    texts: Sequence[str] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.tables or self.galleries or self.texts)


@dataclass(frozen=True)
class PageContent:
    """The page's content from top to bottom.

    Args:
        title: The title.
        summary: One or two sentences.
        parts: The parts; none is empty.
    """

    title: str
    summary: str
    parts: Sequence[Part]

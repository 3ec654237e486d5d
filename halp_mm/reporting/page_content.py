"""What stands on the report's page, whatever its format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from halp_mm.reporting.pictures import Gallery
from halp_mm.reporting.tables import Table

PUBLISHED_NOTE = (
    'Numbers under “paper” are copied from the paper named above each table; those under “here” '
    'are means over the seeds, after the last epoch, of the results in this folder. A cell that '
    'nobody measured stays empty, and a table of which no cell was measured is left out.'
)


@dataclass(frozen=True)
class Part:
    """A part of the page under a heading of its own.

    Args:
        heading: The heading.
        note: What one has to know of all that follows, or nothing.
        tables: Tables.
        galleries: Pictures; they stand in the HTML page only.
        texts: Sentences, each an item of a list.
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

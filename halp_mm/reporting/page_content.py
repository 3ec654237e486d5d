"""What stands on the page, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from halp_mm.reporting.pictures import Gallery
from halp_mm.reporting.tables import Table

MEASURED = 'Measured here'
PUBLISHED = 'Beside the papers'
PUBLISHED_NOTE = (
    'Figures under “paper” are copied from the paper named above each table; those under “here” '
    'are means over the seeds, after the last epoch, of the results in this folder. A cell that '
    'nobody measured stays empty.'
)
PROBLEMS = 'Left out'
NOTES = 'Notes'
FILES = 'Files'


@dataclass(frozen=True)
class PageContent:
    """The page's parts from top to bottom.

    Args:
        title: The title.
        summary: One or two sentences.
        measured: All that was measured, by data set.
        published: The papers' tables with our own figures.
        galleries: Pictures by the heading of their part.
        notes: What one has to know of the results.
        problems: What was left out, and why.
        files: The result files.
    """

    title: str
    summary: str
    measured: Sequence[Table]
    published: Sequence[Table]
    galleries: Mapping[str, Sequence[Gallery]]
    notes: Sequence[str]
    problems: Sequence[str]
    files: Table

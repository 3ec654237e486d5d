"""Results of many runs as one page, beside the papers' figures."""

from halp_mm.reporting.groups import Figure, Group, group_results
from halp_mm.reporting.page import PageSummary, write_page
from halp_mm.reporting.published_tables import PublishedRow, PublishedTable, published_tables
from halp_mm.reporting.results import Result, read_results
from halp_mm.reporting.settings import Setting

__all__ = [
    'Figure',
    'Group',
    'PageSummary',
    'PublishedRow',
    'PublishedTable',
    'Result',
    'Setting',
    'group_results',
    'published_tables',
    'read_results',
    'write_page',
]

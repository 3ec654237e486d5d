"""The results of many runs on one page, beside the papers' numbers."""

from halp_mm.reporting.groups import Group, MetricSummary, group_results
from halp_mm.reporting.published_tables import PublishedRow, PublishedTable, published_tables
from halp_mm.reporting.report import WrittenReport, write_report
from halp_mm.reporting.results import Result, read_results
from halp_mm.reporting.settings import Setting

__all__ = [
    'Group',
    'MetricSummary',
    'PublishedRow',
    'PublishedTable',
    'Result',
    'Setting',
    'WrittenReport',
    'group_results',
    'published_tables',
    'read_results',
    'write_report',
]

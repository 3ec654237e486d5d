"""Collect the results of many runs on one page, beside the papers' numbers."""

from __future__ import annotations

from halp_mm.commands.command_line import Command, Option
from halp_mm.reporting import write_report

main = Command(
    'report.py',
    __doc__,
    write_report,
    options={
        'folder': Option(metavar='RESULTS_DIR'),
        'out': Option(flags=('--out',), metavar='PAGE'),
    },
).main

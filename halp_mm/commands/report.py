"""Collect the results of many runs in one page, beside the papers' figures."""

from __future__ import annotations

from halp_mm.commands.command_line import Command, Option
from halp_mm.reporting import write_page

main = Command(
    'report.py',
    __doc__,
    write_page,
    options={
        'folder': Option(metavar='RESULTS_DIR'),
        'out': Option(flags=('--out',), metavar='PAGE'),
    },
).main

"""Collect the results of many runs in one page, beside the papers' numbers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import run_command
from halp_mm.reporting import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and write the page."""
    parser = argparse.ArgumentParser(prog='report.py', description=__doc__)
    parser.add_argument(
        'results',
        metavar='RESULTS_DIR',
        help='folder of results of tools/test.py; pictures of tools/analysis/plot_tsne.py and work '
        'directories in it are shown as well',
    )
    parser.add_argument(
        '--out', metavar='PAGE', required=True, help='the .html or .md (no pictures) to make'
    )
    args = parser.parse_args(arguments)
    return run_command(
        parser.prog, lambda: str(write_report(args.results, args.out)), 'nothing was written'
    )


if __name__ == '__main__':
    sys.exit(main())

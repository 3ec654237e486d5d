"""Tables that commands print."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_MAX_WIDTH = 100_000  # of a table that goes to a file: nothing is broken


def table_text(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is names and whose others are numbers.

    Args:
        columns: The columns' names.
        rows: The cells, row by row.

    Returns:
        The table for a terminal, with a line below its head; plain text if stdout is redirected.
    """
    is_terminal = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD if is_terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify='right' if number else 'left', overflow='fold')
    for row in rows:
        table.add_row(*row)
    console = Console(markup=False, highlight=False, width=None if is_terminal else _MAX_WIDTH)
    with console.capture() as capture:
        console.print(table)
    return '\n'.join(line.rstrip() for line in capture.get().strip('\n').splitlines())

"""Tables for the eye, on a terminal or in a file."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_MAX_WIDTH = 100_000  # of a table that goes to a file: no line is broken


def table_text(
    rows: Sequence[Sequence[str]], head: Sequence[str] = (), texts: Collection[int] = (0,)
) -> str:
    """Align cells in columns.

    Args:
        rows: The cells, row by row.
        head: The columns' names; by default they have none.
        texts: The columns that hold texts, from 0; all others hold numbers, which end in one line.

    Returns:
        The table for a terminal, with a line below its head; plain text if stdout is redirected.
    """
    is_terminal = sys.stdout.isatty()
    table = Table(
        box=SIMPLE_HEAD if is_terminal and head else None,
        show_header=bool(head),
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for number, name in enumerate(head or [''] * len(rows[0])):
        justify = 'left' if number in texts else 'right'
        table.add_column(name, justify=justify, overflow='fold')
    for row in rows:
        table.add_row(*row)
    console = Console(
        markup=False, emoji=False, highlight=False, width=None if is_terminal else _MAX_WIDTH
    )
    with console.capture() as capture:
        console.print(table)
    return '\n'.join(line.rstrip() for line in capture.get().strip('\n').splitlines())

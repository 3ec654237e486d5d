"""Text tables for a terminal or a file."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

_MAX_WIDTH = 100_000  # of a table in a file, so that no line is broken


def table_text(
    rows: Sequence[Sequence[str]], head: Sequence[str] = (), texts: Collection[int] = (0,)
) -> str:
    """Align cells in columns.

    Args:
        rows: The cells by row.
        head: Names of the columns; by default there are none.
        texts: Indices of columns of text, which is left-aligned; numbers are right-aligned.

    Returns:
        The table. On a terminal, a line follows the head; if stdout is redirected, there is none.
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

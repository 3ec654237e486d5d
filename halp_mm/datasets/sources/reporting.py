"""What the preparing tools have in common when they tell what they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from mmengine.utils import ProgressBar


@contextmanager
def progress_bar(total: int, file: TextIO | None) -> Iterator[Callable[[], None]]:
    """A function that moves the bar one step on; its line ends however the block ends.

    Args:
        total: How many steps there are.
        file: Where to draw the bar, such as ``sys.stderr``; None draws none.
    """
    if file is None:
        yield lambda: None
        return
    bar = ProgressBar(total, file=file)
    try:
        yield bar.update
    finally:
        file.write('\n')


def listing(names: Sequence[str], most: int = 20) -> str:
    """``': a, b and 3 more'``; empty without names."""
    more = f' and {len(names) - most} more' if len(names) > most else ''
    return f': {", ".join(names[:most])}{more}' if names else ''

"""The progress of long work: a bar on a terminal, occasional lines in a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

MAX_LINES = 20
_MIN_SECONDS = 1.0  # between two lines


@contextmanager
def progress_bar(total: int, file: TextIO | None) -> Iterator[Callable[[], None]]:
    """Provide a function that advances the bar by one step; the bar ends with the block.

    Args:
        total: Number of steps.
        file: File to show the progress on, such as ``sys.stderr``; None for no progress. A terminal
            gets a bar, any other file at most :data:`MAX_LINES` lines.
    """
    if file is None:
        yield lambda: None
    elif file.isatty():
        yield from _bar(total, file)
    else:
        yield _line_writer(total, file)


def _bar(total: int, file: TextIO) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(file=file)) as bar:
        task = bar.add_task('', total=total)
        yield lambda: bar.advance(task)


def _line_writer(total: int, file: TextIO) -> Callable[[], None]:
    start = last = time.monotonic()
    done = 0
    interval = -(-total // MAX_LINES) or 1

    def step() -> None:
        nonlocal done, last
        done += 1
        if done % interval and done != total:
            return
        now = time.monotonic()
        if done == total or now - last >= _MIN_SECONDS:
            last = now
            file.write(f'{done}/{total}, {now - start:.0f} s\n')
            file.flush()

    return step

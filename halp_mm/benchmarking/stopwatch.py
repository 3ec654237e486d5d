"""Times of the parts of a computation, which may lie within each other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

import torch
from torch.autograd.profiler import record_function

Function = TypeVar('Function', bound=Callable)


@dataclass
class _Span:
    """A part from its start to its end, within another part or none."""

    name: str
    around: _Span | None
    start: Any
    end: Any = None


class Stopwatch:
    """Measures parts by name. The time of a part that lies within another is not counted there.

    On a GPU, times are those between two events of the device, so that neither waits for the other
    before :meth:`seconds` is asked.

    Args:
        device: Where the computation runs.
        clock: On a CPU, ``'wall'``, or ``'cpu'`` for the processor time of this process.
    """

    def __init__(self, device: torch.device | str, clock: str = 'wall') -> None:
        self._is_on_gpu = torch.device(device).type == 'cuda'
        self._now = time.process_time if clock == 'cpu' else time.perf_counter
        self._spans: list[_Span] = []
        self._current: _Span | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Measure what is done within ``with``, under a name that a trace shows as well."""
        span = _Span(name, self._current, self._mark())
        self._spans.append(span)
        self._current = span
        try:
            with record_function(name):
                yield
        finally:
            span.end = self._mark()
            self._current = span.around

    def timed(self, name: str, function: Function) -> Function:
        """A function whose calls are measured as a part."""

        @wraps(function)
        def call(*args, **kwargs):
            with self.part(name):
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    def seconds(self) -> Counter[str]:
        """The seconds of each part since the last call."""
        if self._is_on_gpu:
            torch.cuda.synchronize()
        found: Counter[str] = Counter()
        for span in self._spans:
            passed = self._between(span.start, span.end)
            found[span.name] += passed  # type: ignore[assignment]
            if span.around is not None:
                found[span.around.name] -= passed  # type: ignore[assignment]
        self._spans.clear()
        return found

    def _mark(self) -> Any:
        if not self._is_on_gpu:
            return self._now()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def _between(self, start: Any, end: Any) -> float:
        return start.elapsed_time(end) / 1000 if self._is_on_gpu else end - start

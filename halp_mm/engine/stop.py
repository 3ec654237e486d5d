"""Stop a training by a signal or after a given time, without losing anything."""

from __future__ import annotations

import atexit
import multiprocessing
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

import torch
import torch.distributed
from mmengine.dist import get_world_size

#: Exit status of a training that was stopped and saved: EX_TEMPFAIL, "try again later".
EXIT_STOPPED = 75
#: Exit status after Ctrl-C, by convention 128 + SIGINT.
EXIT_INTERRUPTED = 130

# A request is the place of its reason, 0 for none; of several requests the largest counts.
_REASONS = ('', 'the time that it was given is over', 'SIGUSR1', 'SIGTERM', 'Ctrl-C')
_SIGNALS = {
    getattr(signal, name): code
    for name, code in (('SIGUSR1', 2), ('SIGTERM', 3), ('SIGINT', 4))
    if hasattr(signal, name)
}
_UNITS = {'d': 86400, 'h': 3600, 'm': 60, 's': 1}


class TrainingStopped(SystemExit):
    """A training was stopped and saved before its end.

    If it is not caught, Python ends with the exit status ``code``: 75, or 130 after Ctrl-C.
    """


class EvaluationLeft(Exception):
    """An evaluation was left because training is to be stopped."""


def parse_duration(text: str | float, name: str = 'stop_after') -> float:
    """Seconds of a text such as ``'3h50m'``, ``'90m'``, ``'1d'`` or ``'45s'``.

    Args:
        text: Days, hours, minutes and seconds in this order, each as an integer; at least one.
        name: What it is called in messages.

    Raises:
        ValueError: if the text is not a time.
    """
    found = re.fullmatch(r'(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?', str(text).strip())
    seconds = 0
    if found:
        seconds = sum(int(n or 0) * unit for n, unit in zip(found.groups(), _UNITS.values()))
    if not seconds:
        raise ValueError(f'{name} is {text!r}; expected a time such as 3h50m, 90m or 45s')
    return float(seconds)


class StopRequest:
    """A request to stop training. Within ``with``, signals request a stop instead of killing.

    The signals are SIGTERM, SIGUSR1 and Ctrl-C. A second Ctrl-C interrupts at once.

    Args:
        stop_after: Seconds, counted from now, after which training is to be stopped.
        interval: Iterations between two agreements of distributed processes. Each is a small
            reduction on the CPU, so no GPU waits for it.
    """

    def __init__(self, stop_after: float | None = None, interval: int = 10) -> None:
        self._deadline = None if stop_after is None else time.monotonic() + stop_after
        self._interval = interval
        self._asked = 0
        self._agreed = 0
        self._in_evaluation = False
        self._former: dict[int, object] = {}
        self._group = None

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._former = {number: signal.signal(number, self._ask) for number in _SIGNALS}
        if get_world_size() > 1:
            self._group = torch.distributed.new_group(backend='gloo')
        return self

    def __exit__(self, error_type, error, traceback) -> None:
        for number, handler in self._former.items():
            # When the first process has stopped, a launcher ends the others.
            ignored = error_type is TrainingStopped and self._group is not None
            signal.signal(number, signal.SIG_IGN if ignored else handler)

    @property
    def is_agreed(self) -> bool:
        """Whether all processes know that training stops at this iteration."""
        return bool(self._agreed)

    @property
    def reason(self) -> str:
        """Why training stops."""
        return _REASONS[self._agreed]

    @property
    def exit_status(self) -> int:
        """The exit status of a stopped process."""
        return EXIT_INTERRUPTED if self._agreed == 4 else EXIT_STOPPED

    def agree(self, iterations_of_epoch: int, is_last: bool) -> bool:
        """Decide with all other processes, after an iteration, whether it was the last.

        Args:
            iterations_of_epoch: The completed iterations of the epoch, the same for all processes.
            is_last: Whether the epoch has no more iterations.
        """
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._asked = self._asked or 1
        if self._group is None:
            self._agreed = self._asked
        elif is_last or iterations_of_epoch % self._interval == 0:
            asked = torch.tensor(self._asked)
            torch.distributed.all_reduce(asked, torch.distributed.ReduceOp.MAX, self._group)
            self._agreed = int(asked)
        return self.is_agreed

    def wait_for_others(self) -> None:
        """Wait until all processes are done, such as the one that saves."""
        if self._group is not None:
            torch.distributed.barrier(self._group)

    @contextmanager
    def evaluation(self) -> Iterator[None]:
        """A part of the work that need not be finished before training stops.

        Raises:
            EvaluationLeft: if a stop is requested already, or when a signal arrives. Distributed
                processes finish the evaluation, because they would otherwise wait for each other.
        """
        if self._asked and self._group is None:
            raise EvaluationLeft
        self._in_evaluation = True
        try:
            yield
        finally:
            self._in_evaluation = False

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self._asked == _SIGNALS[number]:
            raise KeyboardInterrupt
        self._asked = max(self._asked, _SIGNALS[number])
        if self._in_evaluation and self._group is None:
            self._in_evaluation = False
            raise EvaluationLeft


@cache
def kill_workers_at_exit() -> None:
    """See to it that Python's end does not wait for workers that ignore its SIGTERM."""
    # Python's own handler was registered before, so it comes after this one.
    atexit.register(_kill_workers)


def _kill_workers() -> None:
    for child in multiprocessing.active_children():
        if child.daemon:
            child.kill()


def leave_signals_to_the_main_process(init, worker: int) -> None:
    """Initialise a data loader's worker: the training process decides when the worker ends.

    Schedulers send their signals to all processes of a job; a worker that dies takes the training
    with it before it can save. See also :func:`kill_workers_at_exit`.

    Args:
        init: A further initialisation of the worker, or None.
        worker: The worker's number.
    """
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if init is not None:
        init(worker)

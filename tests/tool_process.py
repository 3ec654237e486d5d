"""Tools in processes of their own that start at once: forks of this one, with all it imported."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from tests.process_state import restored_process_state
from tests.runs import ROOT, environment

#: A new interpreter imports for 3 s. CUDA bears no forks.
START_METHOD = 'spawn' if torch.cuda.is_available() else 'fork'


class ToolProcess:
    """A tool at work, in a session of its own.

    Args:
        tool: Its file in ``tools``.
        *arguments: Its command line.
        first: Called in the process before the tool; what pickle takes.
    """

    def __init__(
        self, tool: str, *arguments: object, first: Callable[[], object] | None = None
    ) -> None:
        self.command = [str(ROOT / 'tools' / tool), *map(str, arguments)]
        self._output = [Path(tempfile.mkstemp(suffix=name)[1]) for name in ('.out', '.err')]
        context = multiprocessing.get_context(START_METHOD)
        self._process = context.Process(target=_work, args=(self.command, self._output, first))
        self._process.start()
        self.pid = self._process.pid

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def end(self, timeout: float = 120) -> subprocess.CompletedProcess:
        """Wait for the end; what was printed, and the exit status."""
        self._process.join(timeout)
        is_late = self._process.is_alive()
        self._process.kill()
        self._process.join()
        output, errors = (path.read_text() for path in self._output)
        for path in self._output:
            path.unlink()
        assert not is_late, f'{self.command} hangs: {errors}'
        return subprocess.CompletedProcess(self.command, self._process.exitcode, output, errors)


def _work(command: list[str], output: list[Path], first: Callable[[], object] | None) -> None:
    os.setsid()
    for stream, path in enumerate(output, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_APPEND), stream)
    sys.stdout = os.fdopen(1, 'w', buffering=1, closefd=False)
    sys.stderr = os.fdopen(2, 'w', buffering=1, closefd=False)
    with restored_process_state():
        os.environ.update(environment())
        os.chdir(ROOT)
        sys.argv = command
        if first is not None:
            first()
        runpy.run_path(command[0], run_name='__main__')

"""Do planned runs, each in a process of its own, one after another or several at a time."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import cast

import torch

from halp_mm.apis.planned_runs import TRAINING, Run
from halp_mm.argument_checks import check_count
from halp_mm.available_cpus import available_cpus

#: What the processes have in common, which takes seconds to import.
_IMPORTED = ['halp_mm.apis', 'halp_mm.apis.run_processes']


def do_runs(runs: Sequence[Run], jobs: int = 1, say: Callable[..., object] = print) -> list[str]:
    """Do the remaining steps of all runs, each run in a process of its own.

    A failed run does not stop the others. Finished steps are not repeated: after an interruption,
    call this again. A process whose parent was killed saves its training and ends.

    Args:
        runs: From :func:`~halp_mm.apis.ablation.plan_runs`.
        jobs: How many runs are done at a time. Several share the CPUs that there are, unless
            ``OMP_NUM_THREADS`` says how many threads each has, and the GPU.
        say: Called as ``print`` with a line about every run: what came out in how many seconds.
            Of a run that is alone its beginning is said before it.

    Returns:
        One line for each failed run, in the order of the runs.

    Raises:
        ValueError: if ``jobs`` is not a whole number of at least 1.
    """
    check_count(jobs=jobs)
    waiting = deque((number, run) for number, run in enumerate(runs, 1) if run.steps())
    if len(waiting) < len(runs):
        say(f'{len(runs) - len(waiting)} of {len(runs)} runs were done before')
    jobs = min(jobs, len(waiting))
    threads = None
    if jobs > 1:
        shared = ''
        if 'OMP_NUM_THREADS' not in os.environ:
            threads = max(1, available_cpus() // jobs)
            shared = f'; on a CPU with {threads} thread{"s" * (threads > 1)} each'
        say(f'{jobs} runs at a time{shared}')
    failures: dict[int, str] = {}
    started: list[_StartedRun] = []
    try:
        while waiting or started:
            while waiting and len(started) < jobs:
                number, run = waiting.popleft()
                if jobs == 1:
                    say(f'[{number}/{len(runs)}] {run}:', end='', flush=True)
                started.append(_StartedRun(number, run, threads))
            wait([one.process.sentinel for one in started])
            for one in [one for one in started if not one.process.is_alive()]:
                started.remove(one)
                line, failure = one.result()
                beginning = '' if jobs == 1 else f'[{one.number}/{len(runs)}] {one.run}:'
                say(f'{beginning} {line}', flush=True)
                if failure:
                    failures[one.number] = failure
    except KeyboardInterrupt:  # the processes have received it too
        for one in started:
            one.process.join()
        raise
    return [failures[number] for number in sorted(failures)]


class _StartedRun:
    """A run whose remaining steps are being done in a separate process.

    Args:
        number: Its number.
        run: The run.
        threads: The number of threads that it uses; None for its own choice.
    """

    def __init__(self, number: int, run: Run, threads: int | None) -> None:
        self.number = number
        self.run = run
        self.steps = run.steps()
        self.start = time.perf_counter()
        run.folder.mkdir(parents=True, exist_ok=True)
        self.process = _context().Process(target=_do, args=(run, self.steps, threads))
        self.process.start()

    def result(self) -> tuple[str, str]:
        """What came out, once the process has ended; and what failed, if anything did."""
        self.process.join()
        run, status = self.run, self.process.exitcode
        left = run.steps()
        seconds = time.perf_counter() - self.start
        parts = [_outcome(run, step) for step in self.steps if step not in left]
        failure = ''
        if status and left:
            output = (run.folder / 'output.txt').read_text(encoding='utf-8').strip().splitlines()
            said = output[-1] if output else f'exit status {status}'
            failed = next(step for step in self.steps if step in left)
            parts.append(f'{failed} failed: {said}; see {run.folder / "output.txt"}')
            failure = f'{run}: {failed} failed: {said}'
        return f'{", ".join(parts)}; {seconds:.0f} s', failure


def _outcome(run: Run, step: str) -> str:
    """What came out of a step, in a few words."""
    if step == TRAINING:
        stopped = ' (time limit)' if run.record.get('stopped_after') else ''
        return f'{step} {run.seconds(step):.0f} s{stopped}'
    results = json.loads((run.folder / f'{step}.json').read_text(encoding='utf-8'))
    return f'{step} {results["metrics"]["top1"]:.1f}'


def _context() -> SpawnContext | ForkServerContext:
    """How processes are started: from one that has imported everything, where the system can."""
    methods = multiprocessing.get_all_start_methods()
    # CUDA bears no forks of a process that has so much as asked for GPUs, as imports do.
    if 'forkserver' not in methods or torch.cuda.is_available():
        return multiprocessing.get_context('spawn')
    context = multiprocessing.get_context('forkserver')
    context.set_forkserver_preload(_IMPORTED)
    return context


def _do(run: Run, steps: Sequence[str], threads: int | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if threads is not None:
        os.environ['OMP_NUM_THREADS'] = str(threads)
        torch.set_num_threads(threads)
    output = os.open(run.folder / 'output.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    try:
        for step in steps:
            run.do(step)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """Wait until the parent process has ended, and then end this one, which saves a training."""
    cast(BaseProcess, multiprocessing.parent_process()).join()
    os.kill(os.getpid(), signal.SIGTERM)

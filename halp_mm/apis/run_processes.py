"""Do planned runs one after another, each in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from typing import cast

import torch

from halp_mm.apis.planned_runs import TRAINING, Run

#: What the processes have in common, which takes seconds to import.
_IMPORTED = ['halp_mm.apis', 'halp_mm.apis.run_processes']


def do_runs(runs: Sequence[Run], say: Callable[..., object] = print) -> list[str]:
    """Do the remaining steps of all runs, one run after another, each in a process of its own.

    A failed run does not stop the others. Finished steps are not repeated: after an interruption,
    call this again. A process whose parent was killed saves its training and ends.

    Args:
        runs: From :func:`~halp_mm.apis.ablation.plan_runs`.
        say: Called as ``print`` with a line about every run, in two parts: before it, and after it
            what came out in how many seconds.

    Returns:
        One line for each failed run.
    """
    remaining = [(number, run) for number, run in enumerate(runs, 1) if run.steps()]
    if len(remaining) < len(runs):
        say(f'{len(runs) - len(remaining)} of {len(runs)} runs were done before')
    failures = []
    for number, run in remaining:
        say(f'[{number}/{len(runs)}] {run}:', end='', flush=True)
        start = time.perf_counter()
        steps = run.steps()
        status = _in_process_of_its_own(run, steps)
        left = run.steps()
        done = [step for step in steps if step not in left]
        seconds = time.perf_counter() - start
        parts = [_outcome(run, step) for step in done]
        if status:
            output = (run.folder / 'output.txt').read_text(encoding='utf-8').strip().splitlines()
            said = output[-1] if output else f'exit status {status}'
            failed = next(step for step in steps if step in left)
            parts.append(f'{failed} failed: {said}; see {run.folder / "output.txt"}')
            failures.append(f'{run}: {failed} failed: {said}')
        say(f' {", ".join(parts)}; {seconds:.0f} s', flush=True)
    return failures


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


def _in_process_of_its_own(run: Run, steps: Sequence[str]) -> int | None:
    """Do steps in a separate process, and return its exit status."""
    run.folder.mkdir(parents=True, exist_ok=True)
    process = _context().Process(target=_do, args=(run, steps))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:  # the process has received it too
        process.join()
        raise
    return process.exitcode


def _do(run: Run, steps: Sequence[str]) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
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

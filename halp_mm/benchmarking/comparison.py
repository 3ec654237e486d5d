"""Trainings measured side by side."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, TextIO

import torch
from mmengine.device import get_device

from halp_mm.apis.results import machine_facts
from halp_mm.argument_checks import check_count
from halp_mm.atomic_write import atomic_write
from halp_mm.benchmarking.machine_peak import MachinePeak, measure_peak
from halp_mm.benchmarking.measured_training import (
    MeasuredTraining,
    in_order,
    optim_wrappers,
    scratch_folder,
)
from halp_mm.benchmarking.peak_memory import peak_memory
from halp_mm.benchmarking.work import Work, work_of
from halp_mm.engine.threads import limited_threads
from halp_mm.progress_bar import progress_bar


def compare_trainings(
    configs: Sequence[str],
    cfg_options: Mapping | None = None,
    rounds: int = 10,
    iterations: int = 5,
    clock: Literal['wall', 'cpu'] = 'wall',
    profile: str | os.PathLike | None = None,
    progress: TextIO | None = None,
) -> dict:
    """Measure iterations of trainings, part by part, and compare them with the machine's best.

    The trainings take turns, so that whatever else the machine does falls on all of them. Each is
    in its last stage, with full queues. Without its data file, a config gets random clips.

    Args:
        configs: Configs. Ratios are to the first one.
        cfg_options: New values by dotted key, for all of them.
        rounds: How many turns each has; medians count.
        iterations: Iterations of a turn. Five have one update of HaLP's prototypes.
        clock: Without a GPU: time that passes, or processor time of this process, which other
            programs hardly disturb. The latter suits one thread and no loading workers.
        profile: Write a trace of one more turn each to this .json file, which chrome://tracing and
            ui.perfetto.dev show.
        progress: File to show the progress on.

    Returns:
        Plain containers: ``trainings``, for each config its ``parts`` (milliseconds of an
        iteration), ``milliseconds``, ``ratio``, ``clips_per_second``, ``peak_memory`` (bytes),
        ``flops``, ``bytes``, ``bound_milliseconds`` and ``above_bound``; and the machine.

    Raises:
        FileNotFoundError: if there is no such config.
        ValueError: if a number is not positive, or a config cannot be trained.
    """
    check_count(rounds=rounds, iterations=iterations)
    if profile is not None and not os.fspath(profile).endswith('.json'):
        raise ValueError(f'profile is {os.fspath(profile)}; expected a name that ends in .json')
    with ExitStack() as stack:
        step = stack.enter_context(progress_bar(2 * len(configs) + rounds, progress))
        memory, trainings, work = [], [], []
        for config in configs:
            memory.append(peak_memory(config, cfg_options, iterations))
            step()
        for config in configs:
            folder = stack.enter_context(scratch_folder())
            training = MeasuredTraining(config, folder, cfg_options, clock)
            trainings.append(training)
            training.run(1)  # which sets things up
            work.append(work_of(training, iterations))
            training.run(1)  # what has been counted was slow
            step()
        turns = []
        for _ in range(rounds):
            turns.append([training.run(iterations) for training in trainings])
            step()
        if profile is not None:
            write_trace(trainings, iterations, profile)
        seconds = [[_divided(part, iterations) for part in turn] for turn in turns]
        found = [
            {
                'config': configs[number],
                'peak_memory': memory[number],
                **facts_of(training),
                **times_of(training, [turn[number] for turn in seconds], seconds),
                **distance_of(work[number], peak_for(training, clock)),
            }
            for number, training in enumerate(trainings)
        ]
    for figures in found:
        figures['above_bound'] = figures['milliseconds'] / figures['bound_milliseconds']
    return {
        'rounds': rounds,
        'iterations': iterations,
        'clock': 'device' if torch.cuda.is_available() else clock,
        'cfg_options': dict(cfg_options or {}),
        **machine_facts(),
        'processor': processor_name(),
        'trainings': found,
    }


def times_of(
    training: MeasuredTraining, turns: Sequence[Counter[str]], of_all: Sequence[Sequence[Counter]]
) -> dict:
    """Medians of a training's times.

    Args:
        training: The training.
        turns: For each turn the seconds of its parts, of one iteration.
        of_all: For each turn those of all trainings, to the first of which the ratio is.
    """
    totals = [turn.total() for turn in turns]
    milliseconds = 1000 * statistics.median(totals)
    return {
        'parts': {
            part: 1000 * statistics.median(turn[part] for turn in turns)
            for part in in_order(name for turn in turns for name in turn)
        },
        'milliseconds': milliseconds,
        'ratio': statistics.median(
            total / others[0].total() for total, others in zip(totals, of_all)
        ),
        'clips_per_second': 1000 * training.batch_size / milliseconds,
    }


def distance_of(work: Work, peak: MachinePeak) -> dict:
    """The work of an iteration, and the milliseconds that it takes at the machine's peak."""
    return {
        'flops': work.flops,
        'bytes': work.bytes,
        'peak_flops': peak.flops,
        'peak_bandwidth': peak.bandwidth,
        'bound_milliseconds': 1000 * work.bound(peak),
    }


def facts_of(training: MeasuredTraining) -> dict:
    """What a training's times belong to."""
    with limited_threads(training.num_threads):
        threads = torch.get_num_threads()
    return {
        'warning': training.warning,
        'batch_size': training.batch_size,
        'threads': threads,
        'dtype': str(dtype_of(training)).removeprefix('torch.'),
    }


def peak_for(training: MeasuredTraining, clock: str) -> MachinePeak:
    """The machine's peak in the precision and with the threads of a training."""
    with limited_threads(training.num_threads):
        return measure_peak(get_device(), dtype_of(training), clock)


def dtype_of(training: MeasuredTraining) -> torch.dtype:
    """The type in which a training multiplies matrices."""
    wrapper = optim_wrappers(training.runner)[0]
    if not hasattr(wrapper, 'cast_dtype'):  # which those of mixed precision have
        return torch.float32
    return wrapper.cast_dtype or torch.get_autocast_dtype(get_device())


def processor_name() -> str:
    """What the processor is called, as far as the system says."""
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.is_file():
        names = re.findall(
            r'^model name\s*: (.+)$', cpuinfo.read_text(encoding='utf-8'), re.MULTILINE
        )
        if names:
            return names[0]
    return platform.processor() or platform.machine()


def write_trace(
    trainings: Sequence[MeasuredTraining], iterations: int, path: str | os.PathLike
) -> None:
    """Write a trace of a turn of each training, in which the parts are marked by name."""
    with torch.profiler.profile() as profiler:  # of all devices that there are
        for training in trainings:
            training.run(iterations)
    with atomic_write(path) as partial:
        profiler.export_chrome_trace(str(partial))


def _divided(seconds: Counter[str], iterations: int) -> Counter[str]:
    return Counter({name: value / iterations for name, value in seconds.items()})

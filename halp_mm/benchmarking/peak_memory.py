"""The memory that a training takes at its peak."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from halp_mm.available_memory import number_in_file
from halp_mm.benchmarking.measured_training import MeasuredTraining, scratch_folder


def peak_memory(
    config: str | os.PathLike, cfg_options: Mapping | None = None, iterations: int = 5
) -> int | None:
    """The most bytes that a training takes: on a GPU the device's, else of its process.

    Without a GPU, the training runs in a process of its own, since one that has been larger before
    would hide it. What the imported libraries take does not count.

    Args:
        config: The config's file.
        cfg_options: New values by dotted key.
        iterations: How long it is watched.

    Returns:
        None where the system does not say what a process took.
    """
    if torch.cuda.is_available():
        return _peak_of_device(config, cfg_options, iterations)
    spawning = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, spawning) as process:
        return process.submit(_own_peak_memory, config, cfg_options, iterations).result()


def _peak_of_device(config: str | os.PathLike, cfg_options: Mapping | None, iterations: int) -> int:
    gc.collect()  # of an earlier training
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    _train(config, cfg_options, iterations)
    peak = torch.cuda.max_memory_allocated() - before
    gc.collect()  # of this training
    torch.cuda.empty_cache()
    return peak


def _own_peak_memory(
    config: str | os.PathLike, cfg_options: Mapping | None, iterations: int
) -> int | None:
    multiprocessing.set_start_method(None, force=True)  # mmengine warns if it is another's
    before = _peak_of_process()
    _train(config, cfg_options, iterations)
    after = _peak_of_process()
    return None if before is None or after is None else after - before


def _train(config: str | os.PathLike, cfg_options: Mapping | None, iterations: int) -> None:
    # The logger would start the device's count anew.
    options = {**(cfg_options or {}), 'default_hooks.logger.interval': iterations + 1}
    with scratch_folder() as folder:
        MeasuredTraining(config, folder, options).run(iterations)


def _peak_of_process() -> int | None:
    """The most bytes that this program took; getrusage counts those of the one that started it."""
    kilobytes = number_in_file(r'^VmHWM:\s+(\d+) kB$', Path('/proc/self/status'))
    return None if kilobytes is None else 1024 * kilobytes

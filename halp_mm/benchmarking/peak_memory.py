"""The memory that a training takes at its peak."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor

import torch

from halp_mm.benchmarking.measured_training import MeasuredTraining


def peak_memory(
    config: str | os.PathLike, cfg_options: Mapping | None = None, iterations: int = 5
) -> int:
    """The most bytes that a training takes: on a GPU the device's, else of its process.

    The training runs in a process of its own, since one that has been larger before would hide it.
    What the imported libraries take does not count.

    Args:
        config: The config's file.
        cfg_options: New values by dotted key.
        iterations: How long it is watched.
    """
    spawning = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, spawning) as process:
        return process.submit(_own_peak_memory, config, cfg_options, iterations).result()


def _own_peak_memory(
    config: str | os.PathLike, cfg_options: Mapping | None, iterations: int
) -> int:
    before = _peak_of_process()
    with tempfile.TemporaryDirectory() as folder:
        MeasuredTraining(config, folder, cfg_options).run(iterations)
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return _peak_of_process() - before


def _peak_of_process() -> int:
    import resource  # which Windows lacks

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

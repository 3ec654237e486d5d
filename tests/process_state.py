"""What a run changes in its process, and how it becomes what it was."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope
from mmengine.visualization import Visualizer

from halp_mm.engine.log_visualizer import LogVisualizer

NAMED_INSTANCES = (MMLogger, MessageHub, Visualizer, LogVisualizer, DefaultScope)


@contextmanager
def restored_process_state() -> Iterator[None]:
    """Start without mmengine's instances by name, and leave the process as it was found.

    Two runs of one config within a second have one name, and would share logs and histories.
    What is restored: these instances, the environment, the current directory, all generators of
    random numbers, how processes are started, and whether algorithms are deterministic.
    """
    instances = [dict(kind._instance_dict) for kind in NAMED_INSTANCES]
    environment, folder = dict(os.environ), os.getcwd()
    draws = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    start_method = multiprocessing.get_start_method(allow_none=True)
    deterministic = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    for kind in NAMED_INSTANCES:
        kind._instance_dict.clear()
    try:
        yield
    finally:
        close_log_files()
        for kind, found in zip(NAMED_INSTANCES, instances):
            kind._instance_dict.clear()
            kind._instance_dict.update(found)
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        os.chdir(folder)
        random.setstate(draws[0])
        np.random.set_state(draws[1])  # noqa: NPY002
        torch.set_rng_state(draws[2])
        multiprocessing.set_start_method(start_method, force=True)
        torch.use_deterministic_algorithms(deterministic)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


def close_log_files() -> None:
    """Close the files of mmengine's present loggers."""
    for logger in MMLogger._instance_dict.values():
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.close()

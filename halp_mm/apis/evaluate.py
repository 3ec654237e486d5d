"""Downstream evaluation from a config and a checkpoint."""

from __future__ import annotations

import os
import time
from dataclasses import replace

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import set_random_seed

from halp_mm.apis.config import check_data_files
from halp_mm.apis.report import make_origin, make_report
from halp_mm.engine import load_weights
from halp_mm.evaluation import EvaluationResult
from halp_mm.registry import DATASETS, MODELS, PROTOCOLS


def build_model(config: Config, checkpoint: str | os.PathLike | None = None) -> BaseModel:
    """Build a config's model, in evaluation mode, on the GPU if there is one.

    Args:
        config: A config.
        checkpoint: Where its weights come from. Without one the model stays untrained,
            initialised with the config's seed.

    Raises:
        ValueError: if the checkpoint is damaged or was made with another model.
    """
    set_random_seed(config.randomness.seed)
    preprocessor = config.data_preprocessor
    model = MODELS.build({**config.model, 'data_preprocessor': preprocessor})
    if checkpoint is None:
        logger = MMLogger.get_current_instance()
        level = logger.level
        logger.setLevel('WARNING')  # mmengine would report on every parameter
        model.init_weights()
        logger.setLevel(level)
    else:
        load_weights(model, checkpoint)
    return model.to(get_device()).eval()


def evaluate(
    config: Config, checkpoint: str | os.PathLike | None, protocol: str
) -> tuple[dict, EvaluationResult]:
    """Evaluate an encoder downstream.

    Args:
        config: The config that it was trained with.
        checkpoint: Its checkpoint; None evaluates the untrained encoder.
        protocol: One of the config's ``protocols``, such as ``'knn'`` or ``'linear'``.

    Returns:
        A report of plain containers, with all of the result's metrics and what they were measured
        on, see :func:`halp_mm.apis.make_report`; and the result with all class scores.

    Raises:
        FileNotFoundError: if a data file or the checkpoint is missing.
        ValueError: if the config has no such protocol, or the checkpoint does not fit.
    """
    if protocol not in config.protocols:
        raise ValueError(
            f'the config has no protocol {protocol!r}; it has {sorted(config.protocols)}'
        )
    check_data_files(config)
    model = build_model(config, checkpoint)
    train_dataset = DATASETS.build(config.train_dataloader.dataset)
    test_dataset = DATASETS.build(config.test_dataset)
    start = time.perf_counter()
    settings = {'seed': config.randomness.seed, **config.protocols[protocol]}
    result = PROTOCOLS.build(settings).run(model, train_dataset, test_dataset)
    seconds = time.perf_counter() - start
    result = replace(result, origin=make_origin(config, checkpoint, protocol, train_dataset))
    data_files = (train_dataset.data_file, test_dataset.data_file)
    report = make_report(result, settings, data_files, seconds)
    return report, result

"""Downstream evaluation from a config and a checkpoint."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import replace

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import set_random_seed

from halp_mm.apis.config import check_data_files, load_config
from halp_mm.apis.report import make_origin, make_report
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine import load_weights, resolve_checkpoint
from halp_mm.evaluation import EvaluationResult
from halp_mm.registry import DATASETS, MODELS, PROTOCOLS
from halp_mm.skeletons import SkeletonLayout, conversion_matrix
from halp_mm.transforms import ConvertLayout, build_transform


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
        load_weights(model, resolve_checkpoint(checkpoint))
    return model.to(get_device()).eval()


def evaluate(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None,
    protocol: str = 'knn',
    cfg_options: Mapping | None = None,
    seed: int | None = None,
    target: str | os.PathLike | Config | None = None,
) -> tuple[dict, EvaluationResult]:
    """Evaluate an encoder downstream.

    Args:
        config: The config that it was trained with, read or not.
        checkpoint: Its checkpoint, or the work directory whose newest one is meant; None evaluates
            the untrained encoder.
        protocol: One of the config's ``protocols``, such as ``'knn'`` or ``'linear'``.
        cfg_options: New values by dotted key, such as ``{'protocols.knn.k': 5}``.
        seed: The random seed; by default the config's.
        target: A config whose train and test split are used instead of the encoder's own. Clips
            of another layout are converted to the encoder's by the joints' names, and get as many
            people as the encoder's config says. The protocol ``'transfer'`` needs one.

    Returns:
        A report of plain containers, with all of the result's metrics and what they were measured
        on, see :func:`halp_mm.apis.make_report`; and the result with all class scores.

    Raises:
        FileNotFoundError: if a config, a data file or the checkpoint is missing.
        ValueError: if the config has no such protocol, or this needs a target, the checkpoint does
            not fit, or the target has no data sets or its layout cannot be converted.

    Example:
        >>> report, result = evaluate('configs/halp/bigru_synthetic_xsub.py', 'epoch_400.pth')
        >>> print(report_table(report))
    """
    config = load_config(config, cfg_options, seed)
    if protocol not in config.protocols:
        raise ValueError(
            f'the config has no protocol {protocol!r}; it has {sorted(config.protocols)}'
        )
    settings = {'seed': config.randomness.seed, **config.protocols[protocol]}
    built = PROTOCOLS.build(settings)
    if built.needs_target and target is None:
        raise ValueError(
            f'the protocol {protocol!r} needs the config of another data set as target (--target). '
            'On its own data set an encoder is trained by the protocol finetune'
        )
    if target is not None:
        target = load_config(target)
        check_target(target)
    check_data_files(target or config)
    if checkpoint is not None:
        checkpoint = resolve_checkpoint(checkpoint)
    model = build_model(config, checkpoint)
    if target is None:
        train_dataset = DATASETS.build(config.train_dataloader.dataset)
        test_dataset = DATASETS.build(config.test_dataset)
    else:
        train_dataset, test_dataset = build_target(model, config, target)
    start = time.perf_counter()
    result = built.run(model, train_dataset, test_dataset)
    seconds = time.perf_counter() - start
    origin = make_origin(config, checkpoint, protocol, train_dataset, target)
    result = replace(result, origin=origin)
    data_files = (train_dataset.data_file, test_dataset.data_file)
    return make_report(result, settings, data_files, seconds), result


def check_target(target: Config) -> None:
    """Raise a ValueError if a config does not say what the training and the test clips are."""
    missing = [] if 'test_dataset' in target else ['test_dataset']
    if 'dataset' not in target.get('train_dataloader', {}):
        missing.insert(0, 'train_dataloader.dataset')
    if missing:
        raise ValueError(
            f'{target.filename} has no {" and no ".join(missing)}; expected the config of a data '
            'set, such as configs/halp/bigru_pku2_xsub.py'
        )


def build_target(
    model: BaseModel, config: Config, target: Config
) -> tuple[SkeletonDataset, SkeletonDataset]:
    """Build another data set's splits, and make the model take their clips.

    The first step of the model's normalisation becomes a conversion to the encoder's layout, which
    leaves clips of that layout alone.

    Args:
        model: The model; its data preprocessor is changed.
        config: The model's config.
        target: The other data set's config.

    Returns:
        The train and the test split, with as many people as the model's config says.

    Raises:
        ValueError: if the clips' layout cannot be converted.
    """
    num_people = config.train_dataloader.dataset.get('num_people')
    datasets = [
        DATASETS.build({**dataset, 'num_people': num_people})
        for dataset in (target.train_dataloader.dataset, target.test_dataset)
    ]
    layout = next(iter(model.encoders.values())).layout
    for dataset in datasets:
        check_conversion(dataset, layout)
    preprocessor = model.data_preprocessor
    preprocessor.normalization = build_transform(
        [ConvertLayout(layout), preprocessor.normalization]
    )
    return tuple(datasets)


def check_conversion(dataset: SkeletonDataset, layout: SkeletonLayout) -> None:
    """Raise a ValueError if a data set's clips cannot be converted to an encoder's layout."""
    try:
        conversion_matrix(dataset.layout, layout)
    except ValueError as error:
        raise ValueError(f'{dataset.data_file} does not suit the encoder: {error}') from error

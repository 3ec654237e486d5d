"""Downstream evaluation from a config and a checkpoint."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger
from mmengine.model import BaseModel
from mmengine.runner import set_random_seed

from halp_mm.apis.config import check_data_files, load_config, required_test_dataset
from halp_mm.apis.config_checks import located
from halp_mm.apis.results import make_origin, make_results
from halp_mm.datasets import SkeletonDataset
from halp_mm.datasets.split_comparison import compare_clips, compare_units
from halp_mm.engine import check_same_run, load_weights, read_run_identity, resolve_checkpoint
from halp_mm.engine.saved_model import describe_model, save_model
from halp_mm.engine.shipped_encoders import shipped_encoders
from halp_mm.evaluation import EvaluationResult, Protocol
from halp_mm.evaluation.feature_cache import FeatureCache
from halp_mm.models import InferenceModel
from halp_mm.registry import DATASETS, MODELS, PROTOCOLS
from halp_mm.run_identity import coordinates_identity, run_identity
from halp_mm.skeletons import SkeletonLayout, conversion_matrix
from halp_mm.transforms import ConvertLayout, build_transform


def build_model(config: Config, checkpoint: str | os.PathLike | None = None) -> BaseModel:
    """Build the model of a config, in evaluation mode, on the GPU if there is one.

    Args:
        config: A config.
        checkpoint: The checkpoint with its weights. Without one, the model is untrained and
            initialised with the config's seed.

    Raises:
        ValueError: if the checkpoint is damaged or was made with another model, encoder or streams.
    """
    return _build_model(config, checkpoint)[0]


def _build_model(
    config: Config, checkpoint: str | os.PathLike | None
) -> tuple[BaseModel, dict | None, str | None]:
    """The model, the identity in the checkpoint, and a warning about the checkpoint."""
    found = warning = None
    set_random_seed(config.randomness.seed)
    preprocessor = config.data_preprocessor
    with located(config):
        model = MODELS.build({**config.model, 'data_preprocessor': preprocessor})
    if checkpoint is None:
        logger = MMLogger.get_current_instance()
        level = logger.level
        logger.setLevel('WARNING')  # mmengine would report on every parameter
        model.init_weights()
        logger.setLevel(level)
    else:
        checkpoint = resolve_checkpoint(checkpoint)
        found, expected = read_run_identity(checkpoint), run_identity(config)
        warning = check_same_run(checkpoint, found, expected)
        try:
            load_weights(model, checkpoint)
        except ValueError as error:
            if found is None or found['method'] == expected['method']:
                raise
            raise ValueError(
                f'{checkpoint} was trained by {found["method"]}, but the config is of '
                f'{expected["method"]}: {error}'
            ) from error
    return model.to(get_device()).eval(), found, warning


def evaluate(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None,
    protocol: str = 'knn',
    cfg_options: Mapping | None = None,
    seed: int | None = None,
    target: str | os.PathLike | Config | None = None,
    save: str | os.PathLike | None = None,
    cache: bool = True,
) -> tuple[dict, EvaluationResult]:
    """Evaluate an encoder downstream.

    Args:
        config: The config that it was trained with, as a file or read already.
        checkpoint: Its checkpoint, or a work directory, which stands for its newest checkpoint.
            None evaluates the untrained encoder. The protocol ``'coordinates'``, which uses no
            encoder, takes no checkpoint.
        protocol: One of the config's ``protocols``, such as ``'knn'`` or ``'linear'``.
        cfg_options: New values by dotted key, such as ``{'protocols.knn.k': 5}``.
        seed: The random seed; by default the config's.
        target: A config whose train and test split are used instead of the encoder's own. Clips
            of another layout are converted to the encoder's by the joints' names, and get as many
            people as the encoder's config says. The protocol ``'transfer'`` needs one.
        save: Write the encoders and the classifiers that the protocol trains, with all that
            recognising new clips needs, to this file; see :class:`SkeletonInferencer`.
        cache: Whether to keep features in the folder ``feature_cache`` beside the checkpoint, and
            to use those that another evaluation has kept there.

    Returns:
        The results in plain containers: metrics, what they were measured on, and the run that made
        the encoder, see :func:`halp_mm.apis.make_results`; and the evaluation with class scores.

    Raises:
        FileNotFoundError: if a config, a data file or the checkpoint is missing.
        ValueError: if the config has no such protocol, the protocol needs a target, takes no
            checkpoint or trains nothing to save, the checkpoint does not fit, all test clips are
            training clips as well, the target has no data sets, or its layout cannot be converted.

    Example:
        >>> results, evaluation = evaluate('configs/halp/bigru_synthetic_xsub.py', 'epoch_400.pth')
        >>> print(results_table(results))
    """
    config = load_config(config, cfg_options, seed)
    if protocol not in config.protocols:
        raise ValueError(
            f'the config has no protocol {protocol!r}; it has {sorted(config.protocols)}'
        )
    settings = {'seed': config.randomness.seed, **config.protocols[protocol]}
    with located(config):
        built = PROTOCOLS.build(settings)
    if built.needs_target and target is None:
        raise ValueError(
            f'the protocol {protocol!r} needs the config of another data set as target (--target). '
            'On its own data set an encoder is trained by the protocol finetune'
        )
    if checkpoint is not None and not built.uses_encoder:
        raise ValueError(
            f'the protocol {protocol!r} uses no encoder, so {os.fspath(checkpoint)!r} would '
            'change nothing; omit the checkpoint'
        )
    if save is not None:
        check_save(save, built, protocol, checkpoint)
    if target is not None:
        target = load_config(target)
        check_target(target)
    check_data_files(target or config)
    if checkpoint is not None:  # also for the results
        checkpoint = resolve_checkpoint(checkpoint)
    model, run, warning = _build_model(config, checkpoint)
    if target is None:
        test_clips = required_test_dataset(
            config,
            'so there is nothing to evaluate on. Name the config of labelled clips as target '
            '(--target)',
        )
        with located(config):
            train_dataset = DATASETS.build(config.train_dataloader.dataset)
            test_dataset = DATASETS.build(test_clips)
    else:
        train_dataset, test_dataset = build_target(model, config, target)
    allowed = bool((target or config).get('train_on_test_clips'))
    shared = compare_clips(train_dataset, test_dataset, allowed)
    if cache and checkpoint is not None:
        built.feature_cache = cache_beside(checkpoint, model, config, converts=target is not None)
    described = None
    if save is not None:  # before the work, so that it is not lost
        described = describe_model(
            config,
            InferenceModel.of(model),
            train_dataset,
            train_dataset.metainfo['classes'],
            converts=target is not None,
        )
    start = time.perf_counter()
    result = built.run(model, train_dataset, test_dataset)
    seconds = time.perf_counter() - start
    if not built.uses_encoder:
        run = coordinates_identity(config, train_dataset.metainfo)
    elif run is None:
        run = _assumed_run(config, checkpoint, None if target else train_dataset)
    origin = make_origin(config, checkpoint, protocol, train_dataset, run, target)
    result = replace(result, origin=origin)
    data_files = (*train_dataset.data_files, *test_dataset.data_files)
    found = (warning, *shared, compare_units(train_dataset, test_dataset))
    warnings = [line for line in found if line]
    results = make_results(result, settings, data_files, seconds, warnings)
    if described is not None and is_main_process():
        origin = {**described.origin, **origin_of_model(results)}
        save_model(save, result.model, replace(described, origin=origin))
    return results, result


def cache_beside(
    checkpoint: str | os.PathLike, model: BaseModel, config: Config, converts: bool
) -> FeatureCache | None:
    """The cache of a checkpoint's features; None if the checkpoint is no file of the user's.

    Args:
        checkpoint: The checkpoint.
        model: The model with its weights.
        config: Its config.
        converts: Whether the model converts clips to its own layout first.
    """
    path = Path(checkpoint).resolve()
    if not path.is_file() or path in [shipped.resolve() for shipped in shipped_encoders().values()]:
        return None
    settings = {key: config[key] for key in ('model', 'data_preprocessor')}
    if converts:
        settings['layouts'] = [encoder.layout.to_dict() for encoder in model.encoders.values()]
    return FeatureCache(path.parent / 'feature_cache', settings)


def check_save(
    save: str | os.PathLike,
    protocol: Protocol,
    name: str,
    checkpoint: str | os.PathLike | None,
) -> None:
    """Raise a ValueError if there will be no model to save, or it would replace its encoder.

    Args:
        save: The file to write.
        protocol: The protocol.
        name: Its name in the config.
        checkpoint: The checkpoint of the encoder.
    """
    if not protocol.trains_classifiers:
        raise ValueError(
            f'the protocol {name!r} gives no model that can be saved; use '
            'finetune, semi, transfer or linear. A checkpoint of a training can be used as it is'
        )
    if os.path.isdir(save):
        raise ValueError(f'{os.fspath(save)} is a folder; expected a file to save to')
    if checkpoint is not None and os.path.realpath(save) == os.path.realpath(checkpoint):
        raise ValueError(f'{save} is the checkpoint of the encoder; save to another file')


def origin_of_model(results: Mapping) -> dict:
    """What a saved model says of its origin: a part of an evaluation's results."""
    kept = ('protocol', 'dataset', 'train_split', 'test_split', 'run', 'metrics', 'settings')
    found = {key: results[key] for key in (*kept, 'checkpoint_sha256', 'seed', 'finished')}
    return json.loads(json.dumps(found, default=str))


def _assumed_run(
    config: Config, checkpoint: str | os.PathLike | None, dataset: SkeletonDataset | None
) -> dict:
    """The config's identity, for an untrained encoder or a checkpoint that does not say its own.

    Args:
        config: The config.
        checkpoint: The checkpoint; its run's settings and seed are not known to be the config's.
        dataset: The config's training clips, if they were opened.
    """
    identity = run_identity(config, dataset and dataset.metainfo)
    if checkpoint is not None:
        identity |= {'config_sha256': None, 'seed': None}
    return identity


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

    The model's normalisation then begins with a conversion to the encoder's layout, which does not
    change clips of that layout.

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

"""An encoder's features, for one's own classifiers and plots."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmengine.config import Config
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm import evaluation
from halp_mm.apis.config import load_config, required_test_dataset
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.encoder_digest import encoder_digest
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.registry import DATASETS


@dataclass(frozen=True)
class ClipFeatures:
    """Features of clips, and what the clips are.

    Args:
        features: ``[N, D]`` by stream.
        labels: The classes ``[N]``; -1 of clips without a label.
        names: The names of the clips.
        classes: The names of the classes.
        sources: The file or folder of each clip; none if unknown.
        encoders: The digest of the encoders, see :func:`encoder_digest`; None if unknown.
    """

    features: dict[str, Tensor]
    labels: Tensor
    names: list[str]
    classes: list[str]
    sources: list[str] = field(default_factory=list)
    encoders: str | None = None


def extract_features(
    config: str | os.PathLike | Config,
    checkpoint: str | os.PathLike | None,
    split: str = 'test',
    cfg_options: Mapping | None = None,
    seed: int | None = None,
) -> ClipFeatures:
    """Encode the clips of a config's data, as every protocol sees them.

    For clips of other files see :func:`encode_files`, which needs no config.

    Args:
        config: The config that the encoder was trained with, read or not.
        checkpoint: Its checkpoint; None for the untrained encoder.
        split: ``'train'`` or ``'test'``: the config's training or test clips.
        cfg_options: New values by dotted key.
        seed: The random seed, of an untrained encoder's weights; by default the config's.

    Returns:
        Features and labels, on the CPU.

    Raises:
        FileNotFoundError: if the config, the data file or the checkpoint is missing.
        ValueError: if there is no such split, or the checkpoint or the clips do not fit.

    Example:
        >>> test = extract_features('configs/halp/bigru_synthetic_xsub.py', 'epoch_400.pth')
        >>> test.features['joint'].shape, test.labels.shape, test.names[0]
    """
    config = load_config(config, cfg_options, seed)
    if split not in ('train', 'test'):
        raise ValueError(
            f"there is no split {split!r}; expected 'train' or 'test', the config's training or "
            'test clips'
        )
    if split == 'train':
        clips = config.train_dataloader.dataset
    else:
        clips = required_test_dataset(config, "so there are no test clips; choose split='train'")
    with located(config):
        dataset = DATASETS.build(clips)
    model = build_model(config, checkpoint)
    check_encoders(model, dataset)
    return encode_dataset(model, dataset)


def encode_dataset(model: BaseModel, dataset: SkeletonDataset) -> ClipFeatures:
    """Encode all clips of a data set; the features are on the CPU.

    Args:
        model: A pre-trainer, a classifier or an :class:`~halp_mm.models.InferenceModel`.
        dataset: The clips.
    """
    features = evaluation.extract_features(model, dataset)
    # Of several files, a clip's name in the data set is not its name in its file.
    sources = [os.path.abspath(dataset.data_file)] if len(dataset.data_files) == 1 else []
    return ClipFeatures(
        {stream: feature.cpu() for stream, feature in features.items()},
        dataset.labels,
        dataset.names,
        dataset.metainfo['classes'],
        sources * len(dataset),
        encoder_digest(model),
    )

"""The t-SNE picture of an encoder's features, and a measure of how well they cluster."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from torch.utils.data import Subset

from halp_mm.apis.config import check_data_files, required_test_dataset
from halp_mm.apis.evaluate import build_model
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import extract_features
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.evaluation.feature_clusters import cluster_nmi, require_scikit_learn, tsne_points
from halp_mm.registry import DATASETS
from halp_mm.run_identity import run_identity
from halp_mm.visualization.feature_picture import check_picture, plot_features

_DRAWN_CLASSES = 10  # as in AimCLR's Figure 2


@dataclass(frozen=True)
class FeatureSummary:
    """What a picture of features shows.

    Args:
        dataset: The name of the data set.
        split: The split of the clips.
        stream: The stream of the encoder.
        encoder: The name of the checkpoint, or ``'untrained'``.
        classes: The names of the classes in the picture.
        num_clips: How many clips they have.
        nmi: See :func:`halp_mm.evaluation.feature_clusters.cluster_nmi`.
    """

    dataset: str
    split: str
    stream: str
    encoder: str
    classes: list[str]
    num_clips: int
    nmi: float

    def __str__(self) -> str:
        return (
            f'{self.dataset} {self.split}, {self.stream} stream, {self.encoder}\n'
            f'{self.num_clips} clips of {len(self.classes)} classes: {", ".join(self.classes)}\n'
            f'NMI of k-means (k = {len(self.classes)}) on L2-normalised features: {self.nmi:.3f}'
        )

    @property
    def title(self) -> str:
        """A short form in two lines."""
        return (
            f'{self.dataset} {self.split}, {self.stream} stream, {self.encoder}\n'
            f'{self.num_clips} clips of {len(self.classes)} classes, NMI of k-means {self.nmi:.3f}'
        )


def draw_features(
    config: Config,
    checkpoint: str | os.PathLike | None,
    picture: str | os.PathLike,
    classes: int | Sequence[str] | None = None,
    stream: str | None = None,
) -> FeatureSummary:
    """Draw the encoder's features of test clips by t-SNE; measure how well they cluster.

    All draws come from the config's seed, so encoders that saw the same data set are shown with
    the same classes.

    Args:
        config: The config that the encoder was trained with.
        checkpoint: Its checkpoint; None shows the untrained encoder.
        picture: The ``.png`` file to write.
        classes: Names of the classes to draw, or how many to draw at random; by default ten, or
            all if there are fewer.
        stream: The stream of the encoder; by default the config's first stream.

    Raises:
        FileNotFoundError: if a data file or the checkpoint is missing.
        ImportError: if scikit-learn is missing.
        ValueError: if a class or the stream is unknown, the checkpoint does not fit, the
            features are not finite or all the same, or the picture cannot be drawn.
    """
    require_scikit_learn()
    check_data_files(config)
    streams = list(run_identity(config)['streams'])
    stream = streams[0] if stream is None else stream
    if stream not in streams:
        raise ValueError(f'the config has no stream {stream!r}; its streams are {streams}')
    seed = config.randomness.seed
    dataset = DATASETS.build(
        required_test_dataset(
            config, 'and the picture shows test clips by their labels. Add a test_dataset'
        )
    )
    chosen = choose_classes(dataset, classes, seed)
    names = [dataset.metainfo['classes'][label] for label in chosen]
    check_picture(names, picture)  # before the work
    positions = torch.isin(dataset.labels, torch.tensor(chosen)).nonzero().flatten()
    model = build_model(config, checkpoint)
    check_encoders(model, dataset)
    features = extract_features(model, Subset(dataset, positions.tolist()))[stream]
    labels = torch.searchsorted(torch.tensor(chosen), dataset.labels[positions])
    summary = FeatureSummary(
        dataset.metainfo['dataset'],
        dataset.split,
        stream,
        'untrained' if checkpoint is None else Path(checkpoint).name,
        names,
        len(positions),
        cluster_nmi(features, labels, seed),
    )
    points = tsne_points(features, seed)
    plot_features(points, labels.numpy(), summary.classes, summary.title, picture)
    return summary


def choose_classes(
    dataset: SkeletonDataset, wanted: int | Sequence[str] | None, seed: int
) -> list[int]:
    """The classes to draw, in ascending order, among those that have clips.

    Args:
        dataset: The clips.
        wanted: Names, or a number of classes to draw at random; None is ten, or all if fewer.
        seed: The seed of the draw.

    Raises:
        ValueError: if a name is unknown or has no clips, or there are fewer than two classes or
            not as many as wanted.
    """
    where = f'split {dataset.split!r} of {dataset.data_file}'
    present = dataset.labelled().labels.unique().tolist()
    if wanted is None:
        wanted = min(_DRAWN_CLASSES, len(present))
    if isinstance(wanted, int):
        if not 2 <= wanted <= len(present):
            raise ValueError(
                f'{wanted} classes cannot be drawn from {where}, which has clips of '
                f'{len(present)}; expected 2 to {len(present)}'
            )
        return sorted(np.random.default_rng(seed).choice(present, wanted, replace=False).tolist())
    by_name = {dataset.metainfo['classes'][label]: label for label in present}
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise ValueError(f'{where} has no clips of class {unknown[0]!r}; it has {list(by_name)}')
    chosen = sorted({by_name[name] for name in wanted})
    if len(chosen) < 2:
        raise ValueError(f'only class {wanted[0]!r} is chosen; expected at least 2 classes')
    return chosen

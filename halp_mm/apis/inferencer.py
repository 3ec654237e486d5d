"""Recognition of single clips, with the training clips that are most similar."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import print_log
from torch import Tensor

from halp_mm.apis.config import load_config
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model
from halp_mm.datasets import ClipBlock
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.people import with_people
from halp_mm.datasets.split_comparison import body_length
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.evaluation import extract_features, knn_scores
from halp_mm.evaluation.classifier import check_num_classes
from halp_mm.evaluation.cosine import cosine_similarity, inverse_lengths
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.models import SkeletonClassifier
from halp_mm.preparation.folder.source import read_clip, shaped_clip
from halp_mm.registry import DATASETS
from halp_mm.skeletons import SkeletonLayout, convert_joints, describe_units, get_layout

#: A clip ``[M, T, V, C]``, one person's ``[T, V, C]``, or a clip's file.
Clip = np.ndarray | Tensor | str | os.PathLike

_CLIPS_AT_A_TIME = 256
_EXPECTED = 'expected numbers [M, T, V, C] or, of one person, [T, V, C]'


@dataclass(frozen=True)
class Neighbour:
    """A training clip that is similar to another clip.

    Args:
        name: Its name.
        action: The name of its class; None if it has no label.
        similarity: The cosine of the clips' features; with several streams, their mean.
    """

    name: str
    action: str | None
    similarity: float


@dataclass(frozen=True)
class Inference:
    """The answer for a clip.

    Args:
        classes: The names of all classes, the most likely first; none if no training clip has a
            label.
        scores: Their scores: probabilities of a classifier, or the scores of
            :func:`halp_mm.evaluation.knn_scores`, whose integer part counts votes and whose
            fraction grows with the similarity of the class. With several streams, their means.
        neighbours: The nearest training clips, the nearest first.
    """

    classes: list[str]
    scores: list[float]
    neighbours: list[Neighbour]

    @property
    def action(self) -> str | None:
        """The most likely class; None if no training clip has a label."""
        return self.classes[0] if self.classes else None

    def __str__(self) -> str:
        best = [f'{name} {score:.3f}' for name, score in zip(self.classes[:5], self.scores)]
        similar = [
            f'{n.name} ({"" if n.action is None else n.action + ", "}{n.similarity:.3f})'
            for n in self.neighbours
        ]
        likely = [f'{self.action}: {", ".join(best)}'] if best else []
        return '\n'.join([*likely, f'like {", ".join(similar)}'])


class SkeletonInferencer:
    """Recognise clips, and find the training clips that are similar to them.

    Building it encodes the training clips once. The answers are those of an evaluation with the
    same config: clips are normalised, encoded and scored in the same way. A pre-trainer's encoder
    is used with the kNN protocol, and a classifier gives its own probabilities.

    Args:
        config: The config that the model was trained with, as a file or read already.
        checkpoint: Its checkpoint; None for the untrained model.
        protocol: ``'knn'`` or ``'classifier'``; by default ``'classifier'`` of a classifier.
        k: How many neighbours vote in kNN; by default as many as in the config's protocol.
        cfg_options: New values by dotted key, such as those that the training was given.

    Raises:
        FileNotFoundError: if the config, the training clips' data file or the checkpoint is
            missing.
        ValueError: if the checkpoint, the protocol or k does not fit, or the features are not
            finite.

    Example:
        >>> inferencer = SkeletonInferencer('configs/halp/bigru_synthetic_xsub.py', 'epoch_400.pth')
        >>> answer = inferencer(np.load('wave.npy'))  # [M, T, V, C] or [T, V, C]
        >>> answer.action, answer.neighbours[0].name
        >>> answers = inferencer(['wave.npy', 'nod.csv'], layout='kinect_v1')
    """

    def __init__(
        self,
        config: str | os.PathLike | Config,
        checkpoint: str | os.PathLike | None,
        protocol: str | None = None,
        k: int | None = None,
        cfg_options: Mapping | None = None,
    ) -> None:
        config = load_config(config, cfg_options)
        with located(config):
            dataset = DATASETS.build(config.train_dataloader.dataset)
        self.model = build_model(config, checkpoint)
        check_encoders(self.model, dataset)
        is_classifier = isinstance(self.model, SkeletonClassifier)
        if is_classifier:
            check_num_classes(self.model, dataset)
        allowed = ['classifier', 'knn'] if is_classifier else ['knn']
        self.protocol = allowed[0] if protocol is None else protocol
        if self.protocol not in allowed:
            raise ValueError(
                f'a {type(self.model).__name__} cannot be asked by protocol {protocol!r}; '
                f'expected one of {allowed}'
            )
        self.k = config.protocols.get('knn', {}).get('k', 1) if k is None else k
        num_labelled = len(dataset.labelled())
        if num_labelled and not 1 <= self.k <= num_labelled:
            raise ValueError(f'k is {self.k}; expected 1 to {num_labelled}, the training clips')
        #: The layout of the clips, unless it is named.
        self.layout: SkeletonLayout = dataset.layout
        #: The names of the classes.
        self.classes: list[str] = dataset.metainfo['classes']
        #: Features ``[N, D]`` of the training clips by stream.
        self.gallery: dict[str, Tensor] = extract_features(self.model, dataset)
        self._scales = {
            stream: inverse_lengths(features) for stream, features in self.gallery.items()
        }
        self._names = dataset.names
        self._labels = dataset.labels.to(next(iter(self.gallery.values())).device)
        self._is_labelled = self._labels != UNLABELLED
        self._num_people = dataset.num_people
        self._num_channels = dataset[0]['clip'].shape[-1]
        self._body_length = body_length(dataset.stored_clips, dataset.positions, dataset.layout)
        self._says_units = True

    def __call__(
        self,
        clips: Clip | Sequence[Clip],
        layout: str | Mapping | SkeletonLayout | None = None,
        num_neighbours: int = 5,
    ) -> Inference | list[Inference]:
        """Recognise a clip, or several of any lengths.

        Args:
            clips: A clip, or a list of clips: an array or tensor ``[M, T, V, C]``, or
                ``[T, V, C]`` for one person, or a file of one of the kinds in
                :mod:`halp_mm.preparation.folder.clip_files`. If a clip has more people than the
                model, the first who are seen are used, as in training clips. A score is dropped if
                the training clips have none.
            layout: The layout of their joints; by default that of the training clips. Clips of
                another layout are converted.
            num_neighbours: How many training clips to name, or all if there are fewer.

        Returns:
            The answer; for a list, the answers in its order.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if a clip is not as expected; the message says which one, what was found
                and what to do.
        """
        if num_neighbours < 0:
            raise ValueError(f'num_neighbours is {num_neighbours}; expected 0 or more')
        source = self.layout if layout is None else get_layout(layout)
        if not isinstance(clips, (list, tuple)):
            return self._infer([self._sample(clips, source, 'the clip')], num_neighbours)[0]
        inferences = []
        for start in range(0, len(clips), _CLIPS_AT_A_TIME):
            some = enumerate(clips[start : start + _CLIPS_AT_A_TIME], start)
            samples = [self._sample(clip, source, f'clip {i} of the list') for i, clip in some]
            inferences += self._infer(samples, num_neighbours)
        return inferences

    def _sample(self, clip: Clip, layout: SkeletonLayout, where: str) -> dict:
        """A sample like one of a SkeletonDataset, without a label."""
        if isinstance(clip, (str, os.PathLike)):
            where, clip = os.fspath(clip), read_clip(Path(clip), layout)
        else:
            clip = shaped_clip(_as_numbers(clip, where), layout, where)
        if not clip[..., : layout.dimensions].any():
            raise ValueError(
                f'{where} of shape {list(clip.shape)} is zero everywhere: nobody is seen. Expected '
                'a clip with somebody in it; omit it'
            )
        converted = convert_joints(torch.from_numpy(clip), layout, self.layout)
        if converted.shape[-1] < self._num_channels:
            raise ValueError(
                f'{where} has {converted.shape[-1]} numbers a joint; the training clips have '
                f'{self._num_channels}. Export it with a score'
            )
        people = with_people(converted, self._num_people, self.layout.dimensions)
        return {
            'clip': people[..., : self._num_channels],
            'label': 0,  # not used
            'index': 0,
            'layout': self.layout,
            'normalized': False,
        }

    @torch.no_grad()
    def _infer(self, samples: list[dict], num_neighbours: int) -> list[Inference]:
        self._compare_units([sample['clip'] for sample in samples])
        features = extract_features(self.model, samples)
        scores, order = self._class_scores(features).sort(dim=1, descending=True, stable=True)
        similarity = torch.stack(
            [
                cosine_similarity(features[stream], gallery, self._scales[stream])
                for stream, gallery in self.gallery.items()
            ]
        ).mean(0)
        similarity, nearest = similarity.topk(min(num_neighbours, len(self._names)), 1)
        rows = (scores, order, similarity, nearest, self._labels[nearest])
        return [
            Inference(
                [self.classes[label] for label in classes],
                values,
                [
                    Neighbour(
                        self._names[position],
                        None if label == UNLABELLED else self.classes[label],
                        cosine,
                    )
                    for position, label, cosine in zip(positions, labels, cosines)
                ],
            )
            for values, classes, cosines, positions, labels in zip(*(row.tolist() for row in rows))
        ]

    def _compare_units(self, clips: list[Tensor]) -> None:
        """Say once that clips are in another unit than the training clips."""
        if not self._says_units or not clips:
            return
        num_frames, num_people = torch.tensor([[clip.shape[1], clip.shape[0]] for clip in clips]).T
        block = ClipBlock(torch.cat([clip.flatten(0, 1) for clip in clips]), num_frames, num_people)
        found = body_length(block, torch.arange(len(clips)), self.layout)
        lengths = {'the new clips': found, 'the training clips': self._body_length}
        warning = describe_units(lengths)
        if warning:
            self._says_units = False
            print_log(warning, 'current', logging.WARNING)

    def _class_scores(self, features: dict[str, Tensor]) -> Tensor:
        """Scores ``[N, classes]``; with several streams their mean, as in the protocols."""
        if self.protocol == 'classifier':
            return self.model.classifier(features[self.model.stream]).softmax(1)
        known = self._is_labelled
        if not known.any():
            return next(iter(features.values())).new_empty(len(next(iter(features.values()))), 0)
        labels = self._labels[known]
        by_stream = [
            knn_scores(gallery[known], labels, features[stream], len(self.classes), self.k)
            for stream, gallery in self.gallery.items()
        ]
        return torch.stack(by_stream).mean(0)


def _as_numbers(clip: np.ndarray | Tensor, where: str) -> np.ndarray:
    """An array or tensor as finite float32 ``[M, T, V, C]``."""
    if isinstance(clip, Tensor):
        clip = clip.detach().cpu()
        clip = (clip.float() if clip.is_floating_point() else clip).numpy()
    if not isinstance(clip, np.ndarray):
        raise ValueError(
            f'{where} is a {type(clip).__name__}; expected an array or tensor [M, T, V, C], or the '
            'path of a file. Several clips are a list of these'
        )
    if clip.dtype.kind not in 'fiu' or clip.ndim not in (3, 4) or not clip.size:
        raise ValueError(
            f'{where} holds {clip.dtype} of shape {list(clip.shape)}; {_EXPECTED}, none of them '
            'empty. Several clips are a list of these'
        )
    with np.errstate(over='ignore'):
        clip = np.ascontiguousarray(clip if clip.ndim == 4 else clip[None], np.float32)
    num_bad = int((~np.isfinite(clip)).sum())
    if num_bad:
        raise ValueError(
            f'{where} has {num_bad} of {clip.size} numbers that are NaN or infinite; expected '
            'finite numbers. Set joints that were not tracked to 0 in all coordinates'
        )
    wrong = describe_bad_coordinates(clip)
    if wrong:
        raise ValueError(f'{where} has {wrong}. Export the clip again')
    return clip

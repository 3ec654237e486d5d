"""Recognition of new clips, with the clips that are most similar."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import Tensor

from halp_mm.apis.clip_reading import Clip, ClipReader, Layout, people_seen
from halp_mm.apis.config import load_config
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model
from halp_mm.apis.features import ClipFeatures, encode_dataset
from halp_mm.apis.features_file import read_features, write_features
from halp_mm.apis.gallery import Gallery, Neighbour
from halp_mm.apis.recording import Timeline, window_bounds
from halp_mm.argument_checks import check_count
from halp_mm.datasets.known_clips import KnownClips
from halp_mm.engine import resolve_checkpoint
from halp_mm.engine.saved_model import load_model
from halp_mm.evaluation import extract_features
from halp_mm.evaluation.classifier import check_num_classes
from halp_mm.evaluation.encoder_digest import encoder_digest
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.models import InferenceModel, SkeletonClassifier
from halp_mm.registry import DATASETS
from halp_mm.skeletons import SkeletonLayout

_CLIPS_AT_A_TIME = 256


@dataclass(frozen=True)
class Inference:
    """The answer for a clip.

    Args:
        classes: The names of all classes, the most likely first; none if no clip of the gallery
            has a label.
        scores: Their scores: probabilities of a classifier, or the scores of
            :func:`halp_mm.evaluation.knn_scores`, whose integer part counts votes and whose
            fraction grows with the similarity of the class. With several streams, their means.
        neighbours: The nearest clips of the gallery, the nearest first; none without a gallery.
    """

    classes: list[str]
    scores: list[float]
    neighbours: list[Neighbour]

    @property
    def action(self) -> str | None:
        """The most likely class; None if no clip of the gallery has a label."""
        return self.classes[0] if self.classes else None

    def __str__(self) -> str:
        best = [f'{name} {score:.3f}' for name, score in zip(self.classes[:5], self.scores)]
        similar = [
            f'{n.name} ({"" if n.action is None else n.action + ", "}{n.similarity:.3f})'
            for n in self.neighbours
        ]
        likely = [f'{self.action}: {", ".join(best)}'] if best else []
        like = [f'like {", ".join(similar)}'] if similar else []
        return '\n'.join([*likely, *like])


class SkeletonInferencer:
    """Recognise clips, find clips that are similar to them, or encode them.

    :meth:`from_checkpoint` needs nothing but a checkpoint. This constructor takes the config of
    the training as well, and encodes the training clips once as a gallery.

    The answers are those of an evaluation: clips are normalised, encoded and scored in the same
    way. A pre-trainer's encoder is used with the kNN protocol, and a classifier gives its own
    probabilities.

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
        >>> inferencer = SkeletonInferencer.from_checkpoint('model.pth')
        >>> answer = inferencer(np.load('wave.npy'))  # [M, T, V, C] or [T, V, C]
        >>> answer.action, answer.scores[0]
        >>> answers = inferencer(['wave.npy', 'nod.csv'], layout='kinect_v1')
        >>> print(inferencer.recognize_recording('morning.npy', 2.0, 0.5, frame_rate=30))
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
        model = build_model(config, checkpoint)
        check_encoders(model, dataset)
        if isinstance(model, SkeletonClassifier):
            check_num_classes(model, dataset)
        known, classes = KnownClips.of(dataset), dataset.metainfo['classes']
        self._set_model(InferenceModel.of(model), known, classes, protocol)
        k = config.protocols.get('knn', {}).get('k', 1) if k is None else k
        self._gallery = Gallery(encode_dataset(self.model, dataset), k, self._device)

    @classmethod
    def from_checkpoint(
        cls,
        checkpoint: str | os.PathLike,
        gallery: str | os.PathLike | ClipFeatures | None = None,
        protocol: str | None = None,
        k: int = 1,
    ) -> SkeletonInferencer:
        """Build an inferencer from a checkpoint alone, on the GPU if there is one.

        Args:
            checkpoint: A model that ``tools/test.py --save`` wrote, or a checkpoint of a training,
                or a work directory, which stands for its newest checkpoint. No code of the file is
                run. An encoder or transform of your own has to be imported before.
            gallery: Clips to compare new clips with: a file of :meth:`save` or of
                ``tools/extract_features.py``, or such features. A pre-trained encoder needs them
                to recognise; without, it only encodes.
            protocol: ``'classifier'`` or ``'knn'``; by default ``'classifier'`` if the model has
                one.
            k: How many neighbours vote in kNN.

        Raises:
            FileNotFoundError: if a file is missing.
            ValueError: if a file is damaged or does not describe its model, or gallery, protocol
                or k does not fit.
        """
        model, description = load_model(resolve_checkpoint(checkpoint))
        inferencer = cls.__new__(cls)
        inferencer._set_model(
            model.to(get_device()), description.clips, description.classes, protocol
        )
        if gallery is not None:
            inferencer.use_gallery(gallery, k)
        return inferencer

    def _set_model(
        self, model: InferenceModel, known: KnownClips, classes: list[str], protocol: str | None
    ) -> None:
        allowed = ['classifier', 'knn'] if model.classifiers else ['knn']
        if protocol not in (None, *allowed):
            what = 'with' if model.classifiers else 'without'
            raise ValueError(
                f'a model {what} a classifier cannot be asked by protocol {protocol!r}; expected '
                f'one of {allowed}'
            )
        #: The encoders, with classifiers if there are any.
        self.model = model
        #: ``'classifier'`` or ``'knn'``.
        self.protocol: str = protocol or allowed[0]
        #: What is known about the training clips, such as their layout.
        self.known = known
        self._classes = classes
        self._reader = ClipReader(known)
        self._device = next(model.parameters()).device
        self._gallery: Gallery | None = None

    @property
    def layout(self) -> SkeletonLayout:
        """The layout of new clips, unless it is named."""
        return self.known.layout

    @property
    def classes(self) -> list[str]:
        """The names of the classes: the classifier's, or the gallery's with kNN."""
        if self.protocol == 'classifier' or self._gallery is None:
            return self._classes
        return self._gallery.clips.classes

    @property
    def gallery(self) -> ClipFeatures | None:
        """The features of the clips that new clips are compared with, on the CPU."""
        return None if self._gallery is None else self._gallery.clips

    @property
    def k(self) -> int:
        """How many neighbours vote in kNN."""
        return 1 if self._gallery is None else self._gallery.k

    def use_gallery(self, gallery: str | os.PathLike | ClipFeatures, k: int = 1) -> None:
        """Compare new clips with these clips from now on.

        Args:
            gallery: A file of :meth:`save` or of ``tools/extract_features.py``, or such features.
            k: How many neighbours vote in kNN.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the features are another encoder's or not finite, or k does not fit.
        """
        where = 'the gallery'
        if not isinstance(gallery, ClipFeatures):
            where, gallery = os.fspath(gallery), read_features(gallery)
        if gallery.encoders not in (None, encoder_digest(self.model)):
            raise ValueError(
                f'{where} has features of other encoders than those of this model, which cannot be '
                'compared; make it again with this checkpoint: tools/extract_features.py'
            )
        dims = {stream: encoder.feature_dim for stream, encoder in self.model.encoders.items()}
        found = {stream: part.shape[1] for stream, part in gallery.features.items()}
        if found != dims:
            raise ValueError(f'{where} has features of the sizes {found}; expected {dims}')
        self._gallery = Gallery(gallery, k, self._device)

    def save(self, path: str | os.PathLike) -> None:
        """Write the gallery to a ``.safetensors`` file, for :meth:`from_checkpoint`.

        Raises:
            ValueError: if there is no gallery, or the file's suffix is another.
        """
        if self._gallery is None:
            raise ValueError('there is no gallery to save; give one by use_gallery')
        if not os.fspath(path).endswith('.safetensors'):
            raise ValueError(f'a gallery is a .safetensors file, got {os.fspath(path)}')
        write_features(self._gallery.clips, path)

    def __call__(
        self,
        clips: Clip | Sequence[Clip],
        layout: Layout | None = None,
        num_neighbours: int = 5,
        names: Sequence[str] | None = None,
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
            num_neighbours: How many clips of the gallery to name, or all if there are fewer.
            names: What to call the clips of a list in errors and warnings, unless they are files.

        Returns:
            The answer; for a list, the answers in its order.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if a clip is not as expected; the message says which one, what was found
                and what to do. Or if there is neither a classifier nor a gallery.
        """
        if num_neighbours < 0:
            raise ValueError(f'num_neighbours is {num_neighbours}; expected 0 or more')
        self._check_answers()
        inferences = []
        for samples in self._samples(clips, layout, names):
            inferences += self._infer(samples, num_neighbours)
        return inferences if isinstance(clips, (list, tuple)) else inferences[0]

    def neighbours(
        self, clip: Clip, layout: Layout | None = None, num_neighbours: int = 5
    ) -> list[Neighbour]:
        """Find the clips of the gallery that are most similar to a clip.

        Args:
            clip: As in :meth:`__call__`.
            layout: As in :meth:`__call__`.
            num_neighbours: How many to find, or all if there are fewer.

        Returns:
            The clips, the nearest first; themselves if they are in the gallery.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the clip is not as expected, or there is no gallery.
        """
        check_count(num_neighbours=num_neighbours)
        if self._gallery is None:
            raise ValueError('there is no gallery to search; give one by use_gallery')
        features = {key: part.to(self._device) for key, part in self.encode(clip, layout).items()}
        return self._gallery.neighbours(features, num_neighbours)[0]

    def encode(
        self,
        clips: Clip | Sequence[Clip],
        layout: Layout | None = None,
        names: Sequence[str] | None = None,
    ) -> dict[str, Tensor]:
        """Features of a clip, or of several of any lengths.

        Args:
            clips: As in :meth:`__call__`.
            layout: As in :meth:`__call__`.
            names: As in :meth:`__call__`.

        Returns:
            ``[N, D]`` by stream, float32, on the CPU; N is 1 for a single clip.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if a clip is not as expected, or there are none.
        """
        parts = [
            extract_features(self.model, samples) for samples in self._samples(clips, layout, names)
        ]
        if not parts:
            raise ValueError('there are no clips to encode; expected one or more')
        return {
            stream: torch.cat([part[stream] for part in parts]).cpu()
            for stream in self.model.encoders
        }

    @torch.no_grad()
    def recognize_recording(
        self,
        recording: Clip,
        window: float,
        stride: float,
        frame_rate: float | None = None,
        layout: Layout | None = None,
    ) -> Timeline:
        """Recognise the actions of a long recording, window by window.

        Args:
            recording: The recording, like a clip in :meth:`__call__`.
            window: Length of a window, about that of the training clips: in frames, or with a
                frame rate in seconds.
            stride: Distance between the starts of windows, likewise.
            frame_rate: Frames a second.
            layout: The layout of the joints; by default that of the training clips.

        Returns:
            The actions over time.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if the recording is not as expected, nobody is seen in it, or a number is
                out of range.
        """
        self._check_answers()
        clip = self._reader.read(recording, layout, 'the recording')
        starts, ends = window_bounds(clip.shape[1], window, stride, frame_rate)
        if not people_seen(clip, self.layout).any():
            raise ValueError('nobody is seen in the recording: it is zero everywhere')
        self._reader.compare_units([clip])
        scores = np.full((len(starts), len(self.classes)), np.nan)
        windows = [clip[:, start:end] for start, end in zip(starts, ends)]
        seen = [i for i, part in enumerate(windows) if people_seen(part, self.layout).any()]
        for first in range(0, len(seen), _CLIPS_AT_A_TIME):
            some = seen[first : first + _CLIPS_AT_A_TIME]
            samples = [
                self._reader.sample(windows[i], f'the window from frame {starts[i]} on')
                for i in some
            ]
            scores[some] = self._class_scores(extract_features(self.model, samples)).cpu().numpy()
        return Timeline(self.classes, starts, ends, scores, frame_rate)

    def _samples(
        self,
        clips: Clip | Sequence[Clip],
        layout: Layout | None,
        names: Sequence[str] | None,
    ) -> Iterator[list[dict]]:
        """Samples of a clip or several, some at a time."""
        if not isinstance(clips, (list, tuple)):
            clips, names = [clips], ['the clip']
        for start in range(0, len(clips), _CLIPS_AT_A_TIME):
            some = slice(start, start + _CLIPS_AT_A_TIME)
            called = [f'clip {start + i} of the list' for i in range(len(clips[some]))]
            yield self._reader.samples(clips[some], layout, names[some] if names else called)

    def _check_answers(self) -> None:
        if self.protocol == 'knn' and self._gallery is None:
            raise ValueError(
                'the model has no classifier, and no gallery of labelled clips to compare new '
                'clips with. Give a gallery: from_checkpoint(CHECKPOINT, gallery=FILE), which '
                'tools/extract_features.py makes. Or ask for features: encode(clips)'
            )

    @torch.no_grad()
    def _infer(self, samples: list[dict], num_neighbours: int) -> list[Inference]:
        features = extract_features(self.model, samples)
        scores, order = self._class_scores(features).sort(dim=1, descending=True, stable=True)
        neighbours: list[list[Neighbour]] = [[] for _ in samples]
        if self._gallery is not None:
            neighbours = self._gallery.neighbours(features, num_neighbours)
        names = self.classes
        return [
            Inference([names[label] for label in labels], values, nearest)
            for labels, values, nearest in zip(order.tolist(), scores.tolist(), neighbours)
        ]

    def _class_scores(self, features: dict[str, Tensor]) -> Tensor:
        """Scores ``[N, classes]``; with several streams their mean, as in the protocols."""
        if self.protocol == 'classifier':
            return self.model.probabilities(features)
        return self._gallery.class_scores(features)

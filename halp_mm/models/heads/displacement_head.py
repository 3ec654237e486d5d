"""Prediction of how joints have moved over several intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import (
    check_at_least,
    check_count,
    check_flag,
    check_positive,
)
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.frame_features import (
    check_keeps_frames,
    check_mixes_joints,
    check_three_coordinates,
)
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress

#: The directions are the signs of three coordinates.
NUM_DIRECTIONS = 27
#: Magnitudes: none, 14 steps, the last without an upper bound, and a person who is absent.
NUM_MAGNITUDES = 16
LARGEST, ABSENT = 14, 15


class Displacements(NamedTuple):
    """Classes of displacements, integer ``[N, T, R, V, M]`` with R intervals."""

    direction: Tensor
    magnitude: Tensor


class DisplacementClassifier(nn.Module):
    """Linear classifiers from a frame's feature to the displacements of all joints.

    Args:
        feature_dim: Length D of a frame's feature.
        num_intervals: R.
        num_joints: V.
        num_people: M.
    """

    def __init__(
        self, feature_dim: int, num_intervals: int, num_joints: int, num_people: int
    ) -> None:
        super().__init__()
        self.shape = (num_joints, num_people)
        self.layers = ModuleDict(
            {
                name: nn.ModuleList(
                    nn.Linear(feature_dim, num_joints * num_people * num_classes)
                    for _ in range(num_intervals)
                )
                for name, num_classes in (
                    ('direction', NUM_DIRECTIONS),
                    ('magnitude', NUM_MAGNITUDES),
                )
            }
        )

    def forward(self, features: Tensor, name: str) -> Tensor:
        """Map features ``[N, T, D]`` to logits ``[N, T, R, V, M, classes]``.

        Args:
            features: The features of frames.
            name: ``'direction'`` or ``'magnitude'``.
        """
        logits = [layer(features) for layer in self.layers[name]]
        return torch.stack([one.unflatten(-1, (*self.shape, -1)) for one in logits], 2)


def displacements(clips: Tensor, intervals: Sequence[int], step: float) -> Displacements:
    """Classify the displacements to the frames some intervals before.

    Args:
        clips: ``[N, M, T, V, 3]``.
        intervals: Numbers of frames; before the clip begins, its first frame is meant.
        step: Width of a class of magnitudes, in the unit of the coordinates.
    """
    frames = torch.arange(clips.shape[2], device=clips.device)
    before = torch.stack([(frames - interval).clamp(min=0) for interval in intervals])
    moved = clips[:, :, before] - clips[:, :, None]  # [N, M, R, T, V, 3]
    weights = 3 ** torch.arange(3, device=clips.device)
    direction = ((moved.sign().long() + 1) * weights).sum(-1)
    length = moved.norm(dim=-1)
    magnitude = ((length / step).floor().long() + 1).clamp(max=LARGEST)
    magnitude = torch.where(length > 0, magnitude, 0)
    is_absent = ~clips.flatten(2).any(-1)[..., None, None, None]
    magnitude = torch.where(is_absent, ABSENT, magnitude)
    return Displacements(*(c.permute(0, 3, 2, 4, 1) for c in (direction, magnitude)))


@MODELS.register_module()
class DisplacementHead(StreamHead):
    """Predict the direction and the magnitude of every joint's displacement over intervals.

    The features of each frame are those of the encoder's map, so the encoder must keep frames and
    mix people and joints. The centre joint stands for a person's path, as in
    :class:`~halp_mm.transforms.CenterTrajectory`, and has a weight of its own. Frames that show
    nobody are ignored.

    Source: GL-Transformer (Kim et al., ECCV 2022), Sec. 3.3, Eq. (5) to (8), and its release.

    Args:
        view: Name of the view that is encoded.
        intervals: Numbers of frames between a frame and the earlier one.
        magnitude_step: Width of a class of magnitudes, in the unit of the coordinates.
        trajectory_weight: Weight of the paths.
        magnitude_weight: Weight of the magnitudes relative to the directions.
        as_released: Whether to count only the paths of the first interval as paths, and the others
            as joints, which is a slip of the release.
    """

    def __init__(
        self,
        view: str = 'clean',
        intervals: Sequence[int] = (1, 5, 10),
        magnitude_step: float = 0.01,
        trajectory_weight: float = 0.05,
        magnitude_weight: float = 1.0,
        as_released: bool = False,
    ) -> None:
        super().__init__()
        for interval in intervals:
            check_count(intervals=interval)
        if not intervals or len(set(intervals)) < len(intervals):
            raise ValueError(f'intervals must be different numbers of frames, got {intervals}')
        check_positive(magnitude_step=magnitude_step)
        check_at_least(0, trajectory_weight=trajectory_weight, magnitude_weight=magnitude_weight)
        check_flag(as_released=as_released)
        self.view = view
        self.intervals = tuple(intervals)
        self.magnitude_step = magnitude_step
        self.trajectory_weight = trajectory_weight
        self.magnitude_weight = magnitude_weight
        self.as_released = as_released
        self.reads = Reads(clips=frozenset([view]), maps=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the classifiers of each stream.

        Raises:
            ValueError: if an encoder's map separates people or joints, or clips are not
                three-dimensional.
        """
        self.classifiers = ModuleDict()
        self.centers = {}
        for stream, network in networks.items():
            encoder = network.encoder
            check_mixes_joints(self, encoder)
            check_three_coordinates(self, encoder)
            layout = encoder.layout
            self.centers[stream] = layout.index(layout.center)
            self.classifiers[stream] = DisplacementClassifier(
                encoder.map_dim, len(self.intervals), layout.num_joints, encoder.num_people
            )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, and ``direction`` and ``magnitude``, the terms that it is made of.

        Raises:
            ValueError: if the map has other frames than the clips.
        """
        clips, feature_map = outputs.clips[self.view], outputs.maps[self.view]
        check_keeps_frames(self, feature_map, clips)
        features = feature_map[:, 0, :, :, 0].mT.to(clips.dtype)
        classifier = self.classifiers[outputs.stream]
        targets = displacements(clips, self.intervals, self.magnitude_step)
        is_seen = clips.flatten(3).any(-1).any(1)
        terms = {
            name: self.cross_entropy(
                outputs.run(classifier, features, name),
                getattr(targets, name),
                is_seen,
                self.centers[outputs.stream],
            )
            for name in ('direction', 'magnitude')
        }
        loss = terms['direction'] + self.magnitude_weight * terms['magnitude']
        return {'loss': loss, **{name: term.detach() for name, term in terms.items()}}

    def cross_entropy(self, logits: Tensor, target: Tensor, is_seen: Tensor, center: int) -> Tensor:
        """The mean cross-entropy of joints and the weighted one of paths.

        Args:
            logits: ``[N, T, R, V, M, classes]``.
            target: Classes ``[N, T, R, V, M]``.
            is_seen: Boolean ``[N, T]``: the frames that count.
            center: Index of the joint that stands for a path.
        """
        error = F.cross_entropy(logits.flatten(0, 4), target.flatten(), reduction='none')
        error = error.view(target.shape) * is_seen[:, :, None, None, None]
        is_path = torch.zeros(target.shape[2:], dtype=torch.bool, device=target.device)
        is_path[: 1 if self.as_released else None, center] = True
        count = is_seen.sum().clamp(min=1)
        joints, paths = (
            (error * where).sum() / (count * where.sum()) for where in (~is_path, is_path)
        )
        return joints + self.trajectory_weight * paths

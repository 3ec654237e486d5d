"""Prediction of the direction in which each joint moves next."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
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

#: The directions are three coordinates that grow or do not.
NUM_DIRECTIONS = 8
_EPS = 1e-12


class DirectionClassifier(nn.Module):
    """A frame's feature, mapped to a vector for each joint, and each to directions.

    The layers after the first are the same for all joints. Therefore each joint has classes of its
    own, and a classifier of the directions of all.

    Args:
        feature_dim: Length D of a frame's feature.
        num_joints: U, the joints of all people.
        num_units: Length of a joint's vector; a hidden layer follows of four times as many units.
    """

    def __init__(self, feature_dim: int, num_joints: int, num_units: int) -> None:
        super().__init__()
        self.num_joints = num_joints
        body_dim, hidden_dim = num_joints * num_units, 4 * num_units
        self.body = nn.Sequential(
            nn.Linear(feature_dim, body_dim), nn.GELU('tanh'), nn.LayerNorm(body_dim, _EPS)
        )
        self.joint = nn.Sequential(
            nn.Linear(num_units, hidden_dim), nn.GELU('tanh'), nn.LayerNorm(hidden_dim, _EPS)
        )
        self.output = nn.Linear(hidden_dim, NUM_DIRECTIONS * num_joints)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, K, D]`` to logits ``[N, K, U, 8 U]``."""
        joints = self.body(features).unflatten(-1, (self.num_joints, -1))
        return self.output(self.joint(joints))


def directions(clips: Tensor) -> Tensor:
    """Classify each joint's motion to the next frame: ``[N, M, T, V, 3]`` to ``[N, M, T, V]``.

    A class adds 1, 2 and 4 for x, y and z if they grow. The last frame, and one before a person is
    absent, has no motion. To stay where one is counts as not growing.
    """
    motion = F.pad(clips.diff(dim=2), (0, 0, 0, 0, 0, 1))
    is_absent = ~clips.flatten(3).any(-1)
    is_last = F.pad(is_absent[:, :, 1:], (0, 1), value=True)[..., None, None]
    grows = (motion > 0) & ~is_last
    return (grows * 2 ** torch.arange(3, device=clips.device)).sum(-1)


def at_frames(sequence: Tensor, frames: Tensor) -> Tensor:
    """Take frames ``[N, K]`` of a sequence ``[N, T, D]``: ``[N, K, D]``."""
    return sequence.gather(1, frames[..., None].expand(-1, -1, sequence.shape[2]))


@MODELS.register_module()
class DirectionHead(StreamHead):
    """Predict in which direction each joint moves from a few frames to the next ones.

    The frames are those that :class:`~halp_mm.transforms.FrameChoice` chooses; it also says
    whether the encoder sees them. Each joint has eight directions. The loss is the mean
    cross-entropy over the directions of all joints, whose classes compete.

    Source: H-Transformer (Cheng et al., ICME 2021), and its release.

    Args:
        view: Name of the view that is encoded, whose transforms must end with ``FrameChoice``.
        target_view: Name of the view that moves, from which the other must be derived.
        num_units: Length of the vector that a joint has in the classifier.
    """

    def __init__(
        self, view: str = 'chosen', target_view: str = 'clean', num_units: int = 64
    ) -> None:
        super().__init__()
        check_count(num_units=num_units)
        self.view = view
        self.target_view = target_view
        self.num_units = num_units
        self.reads = Reads(clips=frozenset([target_view]), maps=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the classifier of each stream.

        Raises:
            ValueError: if an encoder's map separates people or joints, or clips are not
                three-dimensional.
        """
        self.classifiers = ModuleDict()
        for stream, network in networks.items():
            encoder = network.encoder
            check_mixes_joints(self, encoder)
            check_three_coordinates(self, encoder)
            num_joints = encoder.num_people * encoder.layout.num_joints
            self.classifiers[stream] = DirectionClassifier(
                encoder.map_dim, num_joints, self.num_units
            )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``accuracy``, over the joints of those who are seen.

        Raises:
            ValueError: if no frames are chosen, or the map has other frames than the clips.
        """
        draws = outputs.draws.get(self.view, {})
        if 'chosen_frames' not in draws:
            raise ValueError(
                f'view {self.view!r} has no chosen frames; add the transform FrameChoice to its '
                'transforms'
            )
        clips, feature_map = outputs.clips[self.target_view], outputs.maps[self.view]
        check_keeps_frames(self, feature_map, clips)
        is_chosen = draws['chosen_frames'] >= 0
        frames = draws['chosen_frames'].clamp(min=0)
        features = at_frames(feature_map[:, 0, :, :, 0].mT, frames)
        logits = outputs.run(self.classifiers[outputs.stream], features)
        direction = at_frames(directions(clips).transpose(1, 2).flatten(2), frames)  # [N, K, U]
        classes = NUM_DIRECTIONS * torch.arange(direction.shape[2], device=clips.device)
        target = direction + classes
        is_seen = clips.flatten(3).any(-1)[..., None].expand(clips.shape[:-1])
        counts = at_frames(is_seen.transpose(1, 2).flatten(2), frames) & is_chosen[..., None]
        error = F.cross_entropy(logits.flatten(0, 2), target.flatten(), reduction='none')
        is_right = logits.detach().argmax(-1) == target
        num_counted = counts.sum().clamp(min=1)
        return {
            'loss': (error * counts.flatten()).sum() / num_counted,
            'accuracy': (is_right & counts).sum() / num_counted,
        }

"""The pose encoder of SeBiReNet."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.bidirectional_recursive_network import BidirectionalRecursiveNetwork
from halp_mm.models.modules.segment_pooling import segments_of
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, get_layout


@MODELS.register_module()
class SeBiReNet(Encoder):
    """A recursive network over the bones of single poses, and a code of each joint.

    The map has the joints' states. The pose codes that are made of them depend little on the view
    after pre-training by :class:`~halp_mm.models.DenoisingSiameseHead`. A pose that is all zero
    shows nobody: its states and codes are zero, and no mean counts it.

    A feature has the pose codes' means over the frames of each of S pieces of time, averaged over
    the people. It is this library's choice; the paper trains a recurrent classifier on the codes
    instead, see :class:`~halp_mm.evaluation.RecurrentProtocol`.

    Source: SeBiReNet (Nie et al., ECCV 2020), Sec. 3, and its release.

    Args:
        layout: Joint layout of the clips; its bones are the tree.
        num_channels: Number of coordinates of a joint.
        hidden_size: Length D of a joint's state.
        code_dim: Length of a joint's pose code.
        num_segments: S, the pieces of time whose means are concatenated.
        init_cfg: mmengine's initialisation of the weights; see
            :class:`~halp_mm.models.modules.BidirectionalRecursiveNetwork` for the default.

    Raises:
        ValueError: if an argument is less than 1.
    """

    keeps_people = True
    keeps_joints = True

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        hidden_size: int = 32,
        code_dim: int = 16,
        num_segments: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(
            num_channels=num_channels,
            hidden_size=hidden_size,
            code_dim=code_dim,
            num_segments=num_segments,
        )
        self.layout = get_layout(layout)
        self.num_channels = num_channels
        self.num_segments = num_segments
        self.code_dim = code_dim
        self.map_dim = hidden_size
        self.feature_dim = num_segments * self.layout.num_joints * code_dim
        self.tree = BidirectionalRecursiveNetwork(self.layout, num_channels, hidden_size)
        self.code = nn.Linear(hidden_size, code_dim)

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the joints' states ``[N, M, D, T, V]``.

        The poses of all people and frames are one batch.

        Raises:
            ValueError: if the clips differ from the encoder in joints or coordinates.
        """
        self.check_joints(clips)
        states = self.tree(clips.flatten(0, 2)).unflatten(0, clips.shape[:3])
        states = states * clips.flatten(3).any(-1)[..., None, None]
        return states.permute(0, 1, 4, 2, 3)

    def pose_codes(self, feature_map: Tensor) -> Tensor:
        """Make the pose codes ``[N, M, T, V, code_dim]`` of a feature map ``[N, M, D, T, V]``."""
        states = feature_map.permute(0, 1, 3, 4, 2)
        return self.code(states).tanh() * states.flatten(3).any(-1)[..., None, None]

    def frame_features(self, feature_map: Tensor) -> Tensor:
        """Map the feature map ``[N, M, D, T, V]`` to poses ``[N, M, T, V * code_dim]``."""
        return self.pose_codes(feature_map).flatten(3)

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average the pose codes over frames and people: ``[N, M, D, T, V]`` to ``[N, S V code]``.

        Of fewer frames than segments, neighbouring segments share some.
        """
        poses = self.frame_features(feature_map).flatten(0, 1).mT  # [N M, V code, T]
        pieces = segments_of(poses, self.num_segments)
        seen = torch.stack([piece.any(1).sum(-1) for piece in pieces], 1)  # [N M, S]
        sums = torch.stack([piece.sum(-1) for piece in pieces], 1)
        means = (sums / seen.clamp(min=1)[..., None]).unflatten(0, feature_map.shape[:2])
        num_people = seen.any(1).view(feature_map.shape[:2]).sum(1)[:, None, None]
        return (means.sum(1) / num_people.clamp(min=1)).flatten(1)

"""What an encoder is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mmengine.model import BaseModule
from torch import Tensor

from halp_mm.skeletons import SkeletonLayout


class Encoder(BaseModule, ABC):
    """Clips to features, in two steps with a feature map between them.

    The map ``[N, M', D, T', V']`` has people and joints apart or mixes them, in which case its
    axis is of length 1 or of another meaning.
    Whatever acts on maps, such as AimCLR's attention-guided drop, works with every encoder.
    """

    #: Length D of a feature.
    feature_dim: int
    #: Length D of a place of the map.
    map_dim: int
    #: Whether the map has people, and joints, apart; otherwise they are mixed.
    keeps_people: bool
    keeps_joints: bool
    #: People of a clip; None for any number.
    num_people: int | None = None
    #: Coordinates of a joint.
    num_channels: int
    #: Joint layout of the clips.
    layout: SkeletonLayout

    @abstractmethod
    def forward_map(self, clips: Tensor) -> Tensor:
        """A stream of clips ``[N, M, T, V, C]`` to the feature map ``[N, M', D, T', V']``."""

    @abstractmethod
    def readout(self, feature_map: Tensor) -> Tensor:
        """The feature map ``[N, M', D, T', V']`` to features ``[N, D]``."""

    def forward(self, clips: Tensor) -> Tensor:
        """A stream of clips ``[N, M, T, V, C]`` to features ``[N, D]``."""
        return self.readout(self.forward_map(clips))

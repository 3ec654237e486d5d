"""The base class of encoders."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType

from mmengine.model import BaseModule
from torch import Tensor

from halp_mm.skeletons import SkeletonLayout


class Encoder(BaseModule, ABC):
    """A network from clips to feature maps to features.

    The map ``[N, M', D, T', V']`` either separates or mixes people, and likewise joints. A mixed
    axis has length 1 or another meaning. Operations on maps, such as AimCLR's attention-guided
    drop, work with every encoder.
    """

    #: Length D of a feature.
    feature_dim: int
    #: Lengths of the parts that a feature is made of, in their order, if heads can read them apart.
    feature_parts: Mapping[str, int] = MappingProxyType({})
    #: Length D of each position of the map.
    map_dim: int
    #: Whether the map separates people.
    keeps_people: bool
    #: Whether the map separates joints.
    keeps_joints: bool
    #: Whether ``forward_map`` takes ``visible``, the cells that a view's mask leaves, and omits
    #: the others. Other encoders see zeros where the mask hides.
    omits_hidden: bool = False
    #: Whether ``forward_map`` takes ``mask``, what a view's mask hides, to replace it or to tell it
    #: from padding.
    reads_mask: bool = False
    #: Whether a learned token replaces hidden cells; such an encoder reads the mask.
    replaces_hidden: bool = False
    #: Number of frames of a cell, for encoders that omit or replace hidden cells.
    cell_frames: int
    #: Number of people in a clip; None for any number.
    num_people: int | None = None
    #: Number of coordinates of a joint.
    num_channels: int
    #: Joint layout of the clips.
    layout: SkeletonLayout

    @abstractmethod
    def forward_map(self, clips: Tensor) -> Tensor:
        """Map a stream of clips ``[N, M, T, V, C]`` to the feature map ``[N, M', D, T', V']``."""

    @abstractmethod
    def readout(self, feature_map: Tensor) -> Tensor:
        """Map the feature map ``[N, M', D, T', V']`` to features ``[N, D]``."""

    def frame_features(self, feature_map: Tensor) -> Tensor:
        """Map the feature map ``[N, M', D, T', V']`` to features of frames ``[N, M', T', F]``.

        A frame in which nobody is seen may be zero.
        """
        return feature_map.transpose(2, 3).flatten(3)

    @property
    def joint_shape(self) -> tuple[int, int]:
        """Numbers of joints and of coordinates of the clips."""
        return self.layout.num_joints, self.num_channels

    def check_joints(self, clips: Tensor) -> None:
        """Raise a ValueError if clips ``[N, M, T, V, C]`` have other joints or coordinates."""
        if clips.shape[3:] != self.joint_shape:
            raise ValueError(
                f'{type(self).__name__} was built for clips of (joints, coordinates) = '
                f'{self.joint_shape}, found {tuple(clips.shape[3:])}; set layout and num_channels '
                'of model.encoder to agree with the data'
            )

    def forward(self, clips: Tensor) -> Tensor:
        """Map a stream of clips ``[N, M, T, V, C]`` to features ``[N, D]``."""
        return self.readout(self.forward_map(clips))

"""A padded batch of clips: what transforms take and return."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from halp_mm.skeletons.layout import SkeletonLayout


@dataclass(frozen=True)
class Clips:
    """A batch of clips of different lengths, padded with zeros.

    Args:
        coordinates: ``[N, M, T, V, C]``: clip, person, frame, joint, coordinate. A person who
            is absent from a frame is zero there.
        num_frames: ``[N]``, integer: the length of each clip; frames from there on are padding.
        layout: The layout of the joint axis.
    """

    coordinates: Tensor
    num_frames: Tensor
    layout: SkeletonLayout

    @property
    def device(self) -> torch.device:
        """Where the batch is."""
        return self.coordinates.device

    def __len__(self) -> int:
        return len(self.coordinates)

    def with_coordinates(self, coordinates: Tensor) -> Clips:
        """The same clips with other coordinates, as long as before."""
        return replace(self, coordinates=coordinates)

    def present(self) -> Tensor:
        """Where a person was seen: boolean ``[N, M, T]``."""
        return self.coordinates.flatten(3).any(-1)

    def valid_frames(self) -> Tensor:
        """Which frames are not padding: boolean ``[N, T]``."""
        frames = torch.arange(self.coordinates.shape[2], device=self.device)
        return frames < self.num_frames[:, None]

"""A padded batch of clips, the input and output of transforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm import waiting
from halp_mm.skeletons.layout import SkeletonLayout


@dataclass(frozen=True)
class Clips:
    """A batch of clips of different lengths, padded with zeros.

    Args:
        coordinates: ``[N, M, T, V, C]``: clip, person, frame, joint, coordinate. A person who
            is absent from a frame is zero there.
        num_frames: ``[N]``, integer: the length of each clip; later frames are padding.
        layout: The layout of the joint axis.
        draws: Random draws recorded by transforms, ``[N, ...]`` by name. A ``mask``, boolean
            ``[N, M, T, V]``, is True for entries to hide from an encoder.
    """

    coordinates: Tensor
    num_frames: Tensor
    layout: SkeletonLayout
    draws: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """The device of the batch."""
        return self.coordinates.device

    def __len__(self) -> int:
        return len(self.coordinates)

    def with_coordinates(self, coordinates: Tensor) -> Clips:
        """The same clips with other coordinates and unchanged lengths."""
        return replace(self, coordinates=coordinates)

    def with_draws(self, **draws: Tensor) -> Clips:
        """The same clips with additional recorded draws."""
        return replace(self, draws={**self.draws, **draws})

    def present(self) -> Tensor:
        """Whether each person is seen in each frame: boolean ``[N, M, T]``."""
        if not waiting.may_ask(self.device):
            return self.coordinates.flatten(3).any(-1)
        present = self.coordinates[..., 0, :].any(-1)
        others = (~present).nonzero(as_tuple=True)  # mostly those who are absent
        present[others] = self.coordinates[others].flatten(1).any(-1)
        return present

    def num_people(self) -> Tensor:
        """How many people each clip has up to the last one who is ever seen: ``[N]``."""
        is_seen = self.present().any(-1)
        return (is_seen * torch.arange(1, is_seen.shape[1] + 1, device=self.device)).amax(1)

    def valid_frames(self) -> Tensor:
        """Whether each frame is not padding: boolean ``[N, T]``."""
        frames = torch.arange(self.coordinates.shape[2], device=self.device)
        return frames < self.num_frames[:, None]


def joined_clips(parts: Sequence[Clips], rows: Sequence[Tensor]) -> Clips:
    """Join the parts of a batch, padding shorter ones with zeros.

    Args:
        parts: Batches of one layout, with draws of the same names.
        rows: For each part int64 ``[n]``: where its clips stand in the batch.
    """
    order = torch.cat(list(rows)).argsort().to(parts[0].device, non_blocking=True)

    def joined(tensors: Sequence[Tensor]) -> Tensor:
        size = [max(lengths) for lengths in zip(*(tensor.shape[1:] for tensor in tensors))]
        return torch.cat([_enlarged(tensor, size) for tensor in tensors])[order]

    draws = {name: joined([part.draws[name] for part in parts]) for name in parts[0].draws}
    return Clips(
        joined([part.coordinates for part in parts]),
        joined([part.num_frames for part in parts]),
        parts[0].layout,
        draws,
    )


def _enlarged(tensor: Tensor, size: Sequence[int]) -> Tensor:
    """A tensor ``[n, ...]`` of a size beyond its first dimension, with zeros at the ends."""
    missing = [wanted - length for wanted, length in zip(size, tensor.shape[1:])]
    return F.pad(tensor, [n for count in reversed(missing) for n in (0, count)])

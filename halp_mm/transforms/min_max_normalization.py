"""The scaling of P&C and H-Transformer."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator

from halp_mm.argument_checks import check_flag
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded
from halp_mm.transforms.spatial import with_geometry


@TRANSFORMS.register_module()
class MinMaxNormalize(BatchTransform):
    """Scale each axis of each clip to [-1, 1], from its minimum to its maximum.

    The extremes are those of all joints of everybody who is seen, over all frames. A person who is
    absent from a frame stays zero. An axis without extent becomes zero.

    Source: the releases of P&C (Su et al., CVPR 2020) and H-Transformer (Cheng et al., ICME 2021).

    Args:
        counts_padding: Whether zeros are coordinates like others, as in these releases: they
            stretch the range, and those who are absent take a pose. Padding then consists of
            frames like others, too.
    """

    def __init__(self, counts_padding: bool = False) -> None:
        check_flag(counts_padding=counts_padding)
        self.counts_padding = counts_padding

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Scale; the generator is unused."""
        clips = bounded(clips)
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        is_seen = coordinates.flatten(3).any(-1)[..., None, None]
        if self.counts_padding:
            is_seen = torch.ones_like(is_seen)
            clips = replace(clips, num_frames=torch.full_like(clips.num_frames, is_seen.shape[2]))
        low = torch.where(is_seen, coordinates, torch.inf).amin((1, 2, 3), keepdim=True)
        high = torch.where(is_seen, coordinates, -torch.inf).amax((1, 2, 3), keepdim=True)
        extent = high - low
        scaled = 2 * (coordinates - low) / torch.where(extent > 0, extent, 1) - 1
        return with_geometry(clips, torch.where(is_seen & (extent > 0), scaled, 0))

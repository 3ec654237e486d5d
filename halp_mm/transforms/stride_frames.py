"""The frame skipping of P&C."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator

from halp_mm.argument_checks import check_count
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.temporal import take_frames


@TRANSFORMS.register_module()
class StrideFrames(BatchTransform):
    """Take every n-th frame of a clip, and no more than so many.

    n is the length divided by ``num_frames``, rounded down. Clips of less than twice that length
    thus lose their end instead of being thinned out. Shorter clips are filled with zeros.

    Source: the release of P&C (Su et al., CVPR 2020).

    Args:
        num_frames: Number of frames afterwards.
    """

    def __init__(self, num_frames: int = 50) -> None:
        check_count(num_frames=num_frames)
        self.num_frames = num_frames

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Take the frames; the generator is unused."""
        stride = (clips.num_frames // self.num_frames).clamp(min=1)
        places = torch.arange(self.num_frames, device=clips.device) * stride[:, None]
        is_taken = places < clips.num_frames[:, None]
        places = places.clamp(max=clips.coordinates.shape[2] - 1)
        taken = take_frames(clips.coordinates, places[:, None])
        taken *= is_taken[:, None, :, None, None]
        return replace(
            clips, coordinates=taken, num_frames=clips.num_frames.clamp(max=self.num_frames)
        )

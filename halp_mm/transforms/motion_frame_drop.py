"""Dropping the frames that move most."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.skeletons.streams import motion_stream
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.temporal import take_frames


@TRANSFORMS.register_module()
class MotionFrameDrop(RandomTransform):
    """Drop the frames with the largest motion, then as many random ones; the rest moves together.

    The motion of a frame is the mean squared difference to the next frame, over people, joints and
    coordinates. That of the last frame is zero.

    Source: PSTL (Zhou et al., AAAI 2023), Sec. 3.2, and its release.

    Args:
        num_frames: Number of frames that are dropped each time.
    """

    def __init__(self, num_frames: int = 10) -> None:
        check_count(num_frames=num_frames)
        self.num_frames = num_frames

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``kept``, the positions that the second drop keeps of those that the first keeps.

        Integer ``[N, T - 2 num_frames]``, ascending.

        Raises:
            ValueError: if no frame would be left.
        """
        frames = clips.coordinates.shape[2]
        left = frames - 2 * self.num_frames
        if left < 1:
            raise ValueError(
                f'MotionFrameDrop drops 2 x {self.num_frames} frames, found clips of {frames}; '
                'expected more frames, or a smaller num_frames'
            )
        noise = clip_draws.rand(
            len(clips), frames - self.num_frames, generator=generator, device=clips.device
        )
        return {'kept': noise.argsort(-1)[:, :left].sort(-1).values}

    def apply(self, clips: Clips, kept: Tensor) -> Clips:
        """Keep these of the frames with the least motion."""
        motion = motion_stream(clips).square().mean((1, 3, 4))
        least = motion.argsort(-1)[:, : motion.shape[1] - self.num_frames].sort(-1).values
        coordinates = take_frames(clips.coordinates, least.gather(1, kept)[:, None])
        length = torch.full_like(clips.num_frames, kept.shape[1])
        return replace(clips, coordinates=coordinates, num_frames=length)

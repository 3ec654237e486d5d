"""Clips of one length without resizing."""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator

from halp_mm.argument_checks import check_choice, check_count
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.temporal import take_frames


@TRANSFORMS.register_module()
class FixedLength(BatchTransform):
    """Cut clips to their first frames, and fill those that are shorter.

    A clip filled with zeros keeps its length, so that transforms of time move only its own
    frames. A clip that is repeated has as many frames as all others.

    Args:
        num_frames: Number of frames afterwards.
        fill: What follows a shorter clip: ``'zeros'``, or with ``'repeat'`` the clip again and
            again.
    """

    def __init__(self, num_frames: int, fill: str = 'zeros') -> None:
        check_count(num_frames=num_frames)
        check_choice(['zeros', 'repeat'], fill=fill)
        self.num_frames = num_frames
        self.fill = fill

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Cut and fill; the generator is unused."""
        if self.fill == 'repeat':
            frames = torch.arange(self.num_frames, device=clips.device)
            places = (frames % clips.num_frames[:, None])[:, None]
            coordinates = take_frames(clips.coordinates, places)
            length = torch.full_like(clips.num_frames, self.num_frames)
        else:
            missing = self.num_frames - clips.coordinates.shape[2]  # if negative, frames are cut
            coordinates = F.pad(clips.coordinates, (0, 0, 0, 0, 0, missing))
            length = clips.num_frames.clamp(max=self.num_frames)
        return replace(clips, coordinates=coordinates, num_frames=length)

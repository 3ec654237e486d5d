"""Short clips, played back and forth."""

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
class MirroredRepeat(BatchTransform):
    """Play clips that are too short back and forth, until they are long enough.

    Frames at the turning points come twice. Longer clips stay as they are.

    Source: SLiM (arXiv 2603.10648), its release.

    Args:
        min_frames: Minimum number of frames afterwards.
    """

    def __init__(self, min_frames: int = 150) -> None:
        check_count(min_frames=min_frames)
        self.min_frames = min_frames

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Repeat; the generator is unused."""
        padded = clips.coordinates.shape[2]
        length = clips.num_frames.clamp(min=self.min_frames)
        frames = torch.arange(max(padded, self.min_frames), device=clips.device)
        own = clips.num_frames[:, None]
        place = frames % (2 * own)
        place = torch.minimum(place, 2 * own - 1 - place)
        coordinates = take_frames(clips.coordinates, place[:, None])
        coordinates *= (frames < length[:, None])[:, None, :, None, None]
        return replace(clips, coordinates=coordinates, num_frames=length)

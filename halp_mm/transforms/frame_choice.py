"""The choice of frames that H-Transformer predicts."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_flag, check_fraction
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform


@TRANSFORMS.register_module()
class FrameChoice(RandomTransform):
    """Choose frames of a clip at random, for a head that predicts something of them.

    Coordinates stay unchanged. The draw ``chosen_frames`` travels with the clips. No transform
    after it may move frames.

    Source: H-Transformer (Cheng et al., ICME 2021), and its release.

    Args:
        ratio: Share of a clip's frames, rounded down, but at least one frame.
        hides: Whether to hide the chosen frames from the encoder, of all people and joints.
    """

    def __init__(self, ratio: float = 0.15, hides: bool = False) -> None:
        check_fraction(ratio=ratio)
        check_flag(hides=hides)
        self.ratio = ratio
        self.hides = hides

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``chosen_frames``, integer ``[N, K]``; -1 where a shorter clip has fewer."""
        num_clips, num_frames = len(clips), clips.coordinates.shape[2]
        scores = clip_draws.rand(num_clips, num_frames, generator=generator, device=clips.device)
        order = scores.masked_fill(~clips.valid_frames(), 2).argsort(1)
        largest = max(1, int(self.ratio * num_frames))
        count = (self.ratio * clips.num_frames).long().clamp(min=1)[:, None]
        is_chosen = torch.arange(largest, device=clips.device) < count
        return {'chosen_frames': order[:, :largest].where(is_chosen, -1)}

    def apply(self, clips: Clips, chosen_frames: Tensor) -> Clips:
        """Record ``chosen_frames`` and, if they are hidden, ``mask``: ``[N, M, T, V]``."""
        chosen = clips.with_draws(chosen_frames=chosen_frames)
        if not self.hides:
            return chosen
        shape = clips.coordinates.shape[:-1]
        # One frame more takes those that are none.
        mask = torch.zeros(len(clips), shape[2] + 1, dtype=torch.bool, device=clips.device)
        places = chosen_frames.where(chosen_frames >= 0, shape[2])
        mask = mask.scatter(1, places, True)[:, :-1]
        return chosen.with_draws(mask=mask[:, None, :, None].expand(shape))

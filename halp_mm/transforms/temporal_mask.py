"""The cut of a clip's end, from which MS2L predicts motion."""

from __future__ import annotations

import torch
from torch import Generator

from halp_mm.argument_checks import check_fraction
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform


@TRANSFORMS.register_module()
class TemporalMask(BatchTransform):
    """Hide the end of a clip from the encoder, of all people and joints.

    Coordinates stay unchanged. The draw ``mask`` travels with the clips, and the streams of the
    view are zero where it is True. No transform after it may move frames.

    Source: MS2L (Lin et al., ACM MM 2020), Sec. 3.2, and its release.

    Args:
        ratio: Share of a clip's frames that are hidden, rounded down to whole frames.
    """

    def __init__(self, ratio: float = 0.3) -> None:
        check_fraction(ratio=ratio)
        self.ratio = ratio

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Record ``mask``, boolean ``[N, M, T, V]``; the generator is unused."""
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
        is_hidden = frames >= (1 - self.ratio) * clips.num_frames[:, None]
        is_hidden = (is_hidden & clips.valid_frames())[:, None, :, None]
        return clips.with_draws(mask=is_hidden.expand(clips.coordinates.shape[:-1]))

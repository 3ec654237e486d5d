"""Masks: what an encoder shall not see."""

from __future__ import annotations

from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform


@TRANSFORMS.register_module()
class SpatioTemporalMask(RandomTransform):
    """Hide cells of one joint over a few frames; of every person as many, drawn for each.

    Coordinates stay as they are: the draw ``mask`` travels with the clips, and the streams of the
    view are zero where it is True. So it comes after whatever moves frames.

    Args:
        ratio: Share of the cells that are hidden.
        cell_frames: Frames of a cell; the last cell of a clip may have fewer.
    """

    def __init__(self, ratio: float = 0.5, cell_frames: int = 4) -> None:
        check_fraction(ratio=ratio)
        check_count(cell_frames=cell_frames)
        self.ratio = ratio
        self.cell_frames = cell_frames

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``mask``, boolean ``[N, M, T, V]``."""
        num_clips, people, frames, joints = clips.coordinates.shape[:4]
        num_cells = -(-frames // self.cell_frames) * joints
        noise = clip_draws.rand(
            num_clips, people, num_cells, generator=generator, device=clips.device
        )
        hidden = noise.argsort(-1).argsort(-1) < round(self.ratio * num_cells)
        mask = hidden.unflatten(-1, (-1, joints)).repeat_interleave(self.cell_frames, 2)
        return {'mask': mask[:, :, :frames]}

    def apply(self, clips: Clips, mask: Tensor) -> Clips:
        """Record the mask."""
        return clips.with_draws(mask=mask)

"""Masks, which hide cells of one joint over a few frames from an encoder."""

from __future__ import annotations

from abc import abstractmethod

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count, check_fraction, check_positive
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, cells_of
from halp_mm.transforms.base import RandomTransform

#: Added to probabilities before their logarithm, as in the release of MAMP.
_EPS = 1e-10


class CellMask(RandomTransform):
    """A mask of cells, drawn for each person; the same number is hidden of every person.

    Coordinates stay unchanged. The mask travels with the clips: transformers omit the hidden cells,
    other encoders see zeros there. No transform after it may move frames.

    Args:
        ratio: Share of the cells that are hidden. As in the release of MAMP, the number of visible
            cells is rounded down, and 1 - 0.9 is a little less than 0.1: 74 of 750 cells are
            visible at a ratio of 0.9.
        cell_frames: Number of frames of a cell; the last cell of a clip may have fewer.
    """

    def __init__(self, ratio: float = 0.5, cell_frames: int = 4) -> None:
        check_fraction(ratio=ratio)
        check_count(cell_frames=cell_frames)
        self.ratio = ratio
        self.cell_frames = cell_frames

    @abstractmethod
    def scores(self, clips: Clips, noise: Tensor) -> Tensor:
        """Score the cells; those with the lowest scores stay visible.

        Args:
            clips: The clips.
            noise: Uniform draws, ``[N, M, T', V]``.

        Returns:
            ``[N, M, T', V]``.
        """

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``visible``, indices of cells, ``[N, M, L]``."""
        num_clips, people, frames, joints = clips.coordinates.shape[:4]
        size = (num_clips, people, -(-frames // self.cell_frames), joints)
        noise = clip_draws.rand(*size, generator=generator, device=clips.device)
        scores = self.scores(clips, noise).flatten(2)
        num_visible = int(scores.shape[-1] * (1 - self.ratio))
        return {'visible': scores.argsort(-1)[..., :num_visible]}

    def apply(self, clips: Clips, visible: Tensor) -> Clips:
        """Record ``visible``, and ``mask``: boolean ``[N, M, T, V]``, True where hidden."""
        num_clips, people, frames, joints = clips.coordinates.shape[:4]
        num_cells = -(-frames // self.cell_frames) * joints
        hidden = torch.ones(num_clips, people, num_cells, dtype=torch.bool, device=clips.device)
        hidden = hidden.scatter(2, visible, False).unflatten(-1, (-1, joints))
        mask = hidden.repeat_interleave(self.cell_frames, 2)[:, :, :frames]
        return clips.with_draws(mask=mask, visible=visible)


@TRANSFORMS.register_module()
class SpatioTemporalMask(CellMask):
    """Hide cells at random, each with the same probability; see :class:`CellMask`.

    Source: the MAE baseline of MAMP (Mao et al., ICCV 2023).
    """

    def scores(self, clips: Clips, noise: Tensor) -> Tensor:
        """The draws themselves."""
        return noise


@TRANSFORMS.register_module()
class MotionAwareMask(CellMask):
    """Hide cells at random, more often where joints move; see :class:`CellMask`.

    A person's cells are drawn without replacement. The probabilities are a softmax of the cells'
    motion, which is the mean absolute difference from the joint's cell before.

    Source: MAMP (Mao et al., ICCV 2023), Sec. 3.4, and its release.

    Args:
        ratio: Share of the cells that are hidden.
        cell_frames: Number of frames of a cell; must divide the clips' number of frames.
        temperature: tau, relative to the person's largest motion. The higher, the more uniform.
    """

    def __init__(self, ratio: float = 0.9, cell_frames: int = 4, temperature: float = 0.8) -> None:
        super().__init__(ratio, cell_frames)
        check_positive(temperature=temperature)
        self.temperature = temperature

    def scores(self, clips: Clips, noise: Tensor) -> Tensor:
        """Gumbel perturbed log-probabilities, whose order is that of draws without replacement.

        Raises:
            ValueError: if the clips are shorter than two cells, or have a part of one.
        """
        frames = clips.coordinates.shape[2]
        if frames % self.cell_frames or frames < 2 * self.cell_frames:
            raise ValueError(
                f'MotionAwareMask needs clips of two or more whole cells of cell_frames='
                f'{self.cell_frames} frames; found {frames} frames. Resize the view before it'
            )
        cells = cells_of(clips.coordinates, self.cell_frames)
        motion = cells.diff(dim=2).abs().mean(-1)  # [N, M, T' - 1, V]
        motion = torch.cat([motion[:, :, :1], motion], 2).flatten(2)
        largest = motion.amax(-1, keepdim=True)
        share = F.softmax(motion / (largest * self.temperature + _EPS), -1)
        gumbel = -torch.log(-torch.log(noise.flatten(2) + _EPS) + _EPS)
        return (share.log() + gumbel).view_as(noise)

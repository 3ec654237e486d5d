"""Augmentations that set some joints to zero in some or all frames."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count, check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.spatial import with_geometry


@TRANSFORMS.register_module()
class JointFrameMask(RandomTransform):
    """Set a few joints to zero in a part of the frames, for all people of a clip.

    The frames are random, not successive. All counts are drawn for each clip.

    Source: AS-CAL (Rao et al., Information Sciences 2021), its release.

    Args:
        num_joints: Range of the number of joints.
        num_frames: Range of the number of frames.
        num_frames_of_short_clips: The same for clips with fewer frames than the longest of
            ``num_frames``. A clip with fewer frames than are drawn is masked in all its frames.
    """

    def __init__(
        self,
        num_joints: tuple[int, int] = (5, 15),
        num_frames: tuple[int, int] = (50, 100),
        num_frames_of_short_clips: tuple[int, int] = (20, 50),
    ) -> None:
        check_range(
            num_joints=num_joints,
            num_frames=num_frames,
            num_frames_of_short_clips=num_frames_of_short_clips,
        )
        self.num_joints = num_joints
        self.num_frames = num_frames
        self.num_frames_of_short_clips = num_frames_of_short_clips

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``joints``, boolean ``[N, V]``, and ``frames``, boolean ``[N, T]``."""
        length = clips.coordinates.shape[2]
        count, joints, frames = (
            clip_draws.rand(len(clips), size, generator=generator, device=clips.device)
            for size in (2, clips.layout.num_joints, length)
        )
        low, high = (
            torch.where(clips.num_frames < self.num_frames[1], short, long)
            for short, long in zip(self.num_frames_of_short_clips, self.num_frames)
        )
        frames = frames.masked_fill(~clips.valid_frames(), 2)  # padding comes last
        return {
            'joints': rank(joints) < whole_numbers(count[:, 0], *self.num_joints)[:, None],
            'frames': rank(frames) < whole_numbers(count[:, 1], low, high)[:, None],
        }

    def apply(self, clips: Clips, joints: Tensor, frames: Tensor) -> Clips:
        """Set the joints to zero in the frames; frames that the batch does not have are omitted."""
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        frames = frames[:, None, : coordinates.shape[2], None, None]
        masked = frames & joints[:, None, None, :, None]
        return with_geometry(clips, coordinates.masked_fill(masked, 0))


@TRANSFORMS.register_module()
class NeighbourWeightedJointMask(RandomTransform):
    """Hide joints from the encoder in all frames, preferably those with many neighbours.

    Joints are drawn without replacement from a pool in which a joint stands once for each of its
    neighbours. So a joint may be drawn twice, and fewer than ``num_draws`` are hidden.

    The draw ``mask`` travels with the clips, and the streams of the view are zero where it is
    True. PSTL's release draws once for a batch, and its encoder leaves the joints out.

    Source: PSTL (Zhou et al., AAAI 2023), Sec. 3.2, and its release.

    Args:
        num_draws: Number of draws from the pool.
    """

    def __init__(self, num_draws: int = 8) -> None:
        check_count(num_draws=num_draws)
        self.num_draws = num_draws

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``positions`` in the pool, integer ``[N, num_draws]``."""
        pool = neighbour_pool(clips.layout, clips.device)
        noise = clip_draws.rand(len(clips), len(pool), generator=generator, device=clips.device)
        return {'positions': noise.argsort(-1)[:, : self.num_draws]}

    def apply(self, clips: Clips, positions: Tensor) -> Clips:
        """Record the mask of the joints at these positions of the pool."""
        joints = neighbour_pool(clips.layout, clips.device)[positions]
        hidden = torch.zeros(
            len(clips), clips.layout.num_joints, dtype=torch.bool, device=clips.device
        ).scatter_(1, joints, True)
        shape = clips.coordinates.shape[:-1]
        return clips.with_draws(mask=hidden[:, None, None].expand(shape))


@lru_cache
def neighbour_pool(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """Positions of joints, each as often as it has neighbours, on a device; copied only once."""
    ends = sorted(joint for bone in layout.bone_indices for joint in bone)
    return torch.tensor(ends, dtype=torch.long, device=device)


def rank(values: Tensor) -> Tensor:
    """The position of each value in the order of its row."""
    return values.argsort(-1).argsort(-1)


def whole_numbers(uniform: Tensor, low: Tensor | int, high: Tensor | int) -> Tensor:
    """Whole numbers from ``low`` to ``high``, both included, from uniform draws in [0, 1)."""
    return low + (uniform * (high - low + 1)).long()

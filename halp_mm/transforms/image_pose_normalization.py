"""The normalisation of poses in an image."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Generator, Tensor

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout, bone_index
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.normalization import bounded, fill_null_frames, median_where
from halp_mm.transforms.spatial import seen_joints

_SMALLEST = 1e-6  # a body of less than a millionth of a pixel is no body


@TRANSFORMS.register_module()
class PreNormalize2D(BatchTransform):
    """Put the first person in the middle and make their trunk one unit long.

    Neither the place in the image nor the distance from the camera is left. Per clip: null frames
    of a person are filled (see :func:`fill_null_frames`). Frame by frame, everything is centred on
    the middle of those shoulders and hips of the first person that are tracked; where none is, on
    the median of the other frames. Then the clip is divided by the median, over the frames that
    show all four, of the distance from the middle of the shoulders to the middle of the hips. A
    clip that never shows all four is divided by the median length of the bones.

    Layouts without shoulders and hips, such as a hand, are centred on their centre joint, and
    divided by the median length of the bones. Joints that are zero stay zero.

    Args:
        score: The channel after the coordinates, if there is one, is a score: ``'keep'`` leaves it
            as a channel; ``'mask'`` sets joints that are not tracked to zero and drops it.
        min_score: Joints are tracked whose score is more than that.

    Raises:
        ValueError: if ``score`` is none of these, or the layout is not two-dimensional.
    """

    keeps_absent_people = True

    def __init__(self, score: str = 'keep', min_score: float = 0.0) -> None:
        if score not in ('keep', 'mask'):
            raise ValueError(f"PreNormalize2D has score={score!r}; expected 'keep' or 'mask'")
        self.score = score
        self.min_score = min_score

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Fill, centre and scale; the generator is not needed."""
        layout = clips.layout
        if layout.dimensions != 2:
            raise ValueError(
                f'PreNormalize2D needs a layout of 2 dimensions; {layout.name!r} has '
                f'{layout.dimensions}. Use PreNormalize3D'
            )
        clips = fill_null_frames(bounded(clips))
        coordinates, others = clips.coordinates[..., :2], clips.coordinates[..., 2:]
        is_there = seen_joints(coordinates)
        tracked = is_there
        if others.shape[-1]:
            tracked = is_there & (others[..., 0] > self.min_score)
            if self.score == 'mask':
                is_there, others = tracked, others[..., 1:]
        first, seen = coordinates[:, 0], tracked[:, 0] & clips.valid_frames()[..., None]
        center = body_center(first, seen, layout)[:, None, :, None]
        size = body_size(first, seen, layout)[:, None, None, None, None]
        coordinates = (coordinates - center) / size * is_there[..., None]
        return clips.with_coordinates(torch.cat([coordinates, others], -1))


def body_center(poses: Tensor, tracked: Tensor, layout: SkeletonLayout) -> Tensor:
    """The middle of a person's tracked shoulders and hips, or the layout's centre joint.

    Args:
        poses: ``[N, T, V, 2]``.
        tracked: Boolean ``[N, T, V]``.
        layout: The layout of V.

    Returns:
        ``[N, T, 2]``; in frames without any such joint the median of the others.
    """
    joints = trunk_index(layout, poses.device).flatten()
    weights = tracked.index_select(-1, joints)[..., None].to(poses.dtype)
    count = weights.sum(-2)
    middle = (poses.index_select(-2, joints) * weights).sum(-2) / count.clamp(min=1)
    median = median_where(middle, count > 0, 1)
    return torch.where(count > 0, middle, median[:, None])


def body_size(poses: Tensor, tracked: Tensor, layout: SkeletonLayout) -> Tensor:
    """The median length of a person's trunk, else of their bones.

    Args:
        poses: ``[N, T, V, 2]``.
        tracked: Boolean ``[N, T, V]``.
        layout: The layout of V.

    Returns:
        ``[N]``; 1 where nothing can be measured.
    """
    bones = bone_index(layout, poses.device)
    ends, are_tracked = poses[..., bones, :], tracked[..., bones].all(-1)
    lengths = (ends[..., 0, :] - ends[..., 1, :]).norm(dim=-1)
    size = median_where(lengths.flatten(1), are_tracked.flatten(1), 1)
    joints = trunk_index(layout, poses.device)
    if len(joints) == 2:
        shoulders, hips = poses[..., joints, :].mean(-2).unbind(-2)
        length = (shoulders - hips).norm(dim=-1)
        torso = median_where(length, tracked[..., joints].flatten(-2).all(-1), 1)
        size = torch.where(torso > _SMALLEST, torso, size)
    return torch.where(size > _SMALLEST, size, 1)


@lru_cache
def trunk_index(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """Positions of the shoulders and the hips, ``[2, 2]``; else of the centre joint, ``[1, 1]``."""
    pairs = [[f'{side}_{part}' for side in ('left', 'right')] for part in ('shoulder', 'hip')]
    if not {joint for pair in pairs for joint in pair} <= set(layout.joints):
        pairs = [[layout.center]]
    return torch.tensor([[layout.index(joint) for joint in pair] for pair in pairs], device=device)

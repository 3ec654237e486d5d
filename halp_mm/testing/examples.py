"""Clips to try components on, and how a broken promise is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from halp_mm.skeletons import Clips, SkeletonLayout, get_layout


def example_clips(
    lengths: Sequence[int] = (12, 1, 7, 9, 10),
    layout: str | Mapping | SkeletonLayout = 'kinect_v2',
    num_channels: int = 3,
    num_people: int = 2,
    dtype: torch.dtype = torch.float32,
    seed: int = 0,
) -> Clips:
    """Make a batch of random clips; of every clip but the first, the last person is absent.

    Args:
        lengths: Frames of each clip.
        layout: The layout.
        num_channels: Coordinates of a joint.
        num_people: People of a clip.
        dtype: The precision.
        seed: Seed of the random numbers.
    """
    layout = get_layout(layout)
    num_frames = torch.tensor(lengths)
    shape = (len(lengths), num_people, max(lengths), layout.num_joints, num_channels)
    coordinates = torch.randn(shape, generator=generator(seed), dtype=dtype)
    clips = Clips(coordinates, num_frames, layout)
    coordinates *= clips.valid_frames()[:, None, :, None, None]
    if num_people > 1:
        coordinates[1:, -1] = 0
    return clips


def clip_of(clips: Clips, position: int) -> Clips:
    """One clip of a batch as a batch of its own, without padding."""
    frames = int(clips.num_frames[position])
    chosen = slice(position, position + 1)
    return Clips(clips.coordinates[chosen, :, :frames], clips.num_frames[chosen], clips.layout)


def generator(seed: int = 0) -> torch.Generator:
    """A generator with a seed."""
    return torch.Generator().manual_seed(seed)


def require(holds: bool, broken: str) -> None:
    """Raise an AssertionError with a text, unless a promise is kept.

    Not ``assert``, which ``python -O`` leaves out.
    """
    if not holds:
        raise AssertionError(broken)


def require_close(actual: Tensor, expected: Tensor, tolerance: float, broken: str) -> None:
    """Raise an AssertionError, unless two tensors agree up to a share of the largest entry."""
    require(
        actual.shape == expected.shape,
        f'{broken}: shape {list(actual.shape)}, not {list(expected.shape)}',
    )
    if not actual.numel():
        return
    difference = float((actual.detach() - expected.detach()).abs().max())
    largest = max(float(expected.detach().abs().max()), 1e-12)
    require(
        difference <= tolerance * largest, f'{broken}: they differ by {difference:.3g} of {largest}'
    )

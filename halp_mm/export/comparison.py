"""Comparison of an exported model with its original, at sizes other than the exported one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from halp_mm.datasets.known_clips import KnownClips

#: Numbers of clips and frames to compare at.
SIZES = ((1, 10), (3, 64), (17, 300))
#: The largest difference of an export, relative to the largest output or 1, whichever is larger.
TOLERANCE = 1e-4


class Difference(NamedTuple):
    """How far outputs are from what is expected.

    Args:
        largest: The largest absolute difference of two entries.
        scale: The largest absolute entry of what is expected, or 1 if that is larger.
    """

    largest: float
    scale: float

    def check(self, tolerance: float = TOLERANCE) -> None:
        """Raise a ValueError if the difference is too large, or not a number."""
        if not self.largest <= tolerance * self.scale:
            raise ValueError(
                f'the exported model differs from the original by up to {self.largest:.2g}, where '
                f'the largest output is {self.scale:.2g}; expected at most {tolerance:g} of that. '
                'Nothing was written. Other versions of torch, onnx, onnxscript and onnxruntime '
                'may export it correctly'
            )


def sample_clips(
    known: KnownClips, num_clips: int, num_frames: int, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Make raw clips with what recordings have: absences, padding, and joints that are not tracked.

    Args:
        known: The form of the clips.
        num_clips: N.
        num_frames: T, the length of the longest clip.
        seed: The same seed makes the same clips.

    Returns:
        Random poses in motion ``[N, M, T, V, C]``, as large as the training clips' bodies, and the
        clips' lengths ``[N]``.
    """
    generator = torch.Generator().manual_seed(seed)
    size, dimensions = known.body_length or 1.0, known.layout.dimensions
    people, joints, channels = known.num_people, known.layout.num_joints, known.num_channels
    shape = (num_clips, people, num_frames, joints, channels)
    poses = torch.randn(num_clips, people, 1, joints, channels, generator=generator)
    motion = torch.randn(shape, generator=generator).cumsum(2) / num_frames**0.5
    clips = size * (poses + 0.2 * motion) / 2
    clips[..., dimensions:] = torch.rand(
        (*shape[:-1], channels - dimensions), generator=generator
    )  # a score
    lengths = torch.randint(num_frames // 2 + 1, num_frames + 1, (num_clips,), generator=generator)
    lengths[0] = num_frames
    clips *= torch.rand(shape[:-1], generator=generator)[..., None] > 0.05
    clips *= (torch.arange(num_frames) < lengths[:, None])[:, None, :, None, None]
    clips[1::3, -1, : num_frames // 4] = 0  # comes late
    clips[2::3, 1:] = 0  # is not there
    return clips, lengths


@torch.no_grad()
def largest_difference(
    expected: Callable[[Tensor, Tensor], Sequence[Tensor]],
    exported: Callable[[Tensor, Tensor], Sequence[Tensor]],
    known: KnownClips,
    sizes: Sequence[tuple[int, int]] = SIZES,
) -> Difference:
    """Compare two functions of clips.

    Args:
        expected: The original: clips ``[N, M, T, V, C]`` and lengths ``[N]`` to outputs.
        exported: What it was exported to.
        known: The form of the clips.
        sizes: Numbers of clips and frames to compare at.

    Raises:
        ValueError: if the outputs differ in number or shape.
    """
    largest, scale = torch.zeros(()), torch.ones(())
    for seed, (num_clips, num_frames) in enumerate(sizes):
        sample = sample_clips(known, num_clips, num_frames, seed)
        ours, theirs = list(expected(*sample)), list(exported(*sample))
        shapes = [[list(output.shape) for output in outputs] for outputs in (ours, theirs)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f'the exported model gives {shapes[1]} for {num_clips} clips of {num_frames} '
                f'frames; the original gives {shapes[0]}'
            )
        for one, other in zip(ours, theirs):
            difference = (one - other).abs().max()
            largest = torch.maximum(largest, difference)  # NaN stays NaN
            scale = torch.maximum(scale, one.abs().max())
    return Difference(largest.item(), scale.item())

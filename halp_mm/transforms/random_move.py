"""A camera that moves during a clip."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.spatial import seen_joints, with_geometry


@TRANSFORMS.register_module()
class RandomMove(RandomTransform):
    """Turn, scale and shift bodies in the x-y plane, changing evenly from first to last frame.

    The angle, the scale and the shifts at both ends are drawn from a few values. Joints that are
    zero stay zero.

    Source: ST-GCN (Yan et al., AAAI 2018), Sec. 4.2, "random moving".

    Args:
        degrees: Angles to draw from.
        scales: Factors to draw from.
        shifts: Shifts along x and along y to draw from, in the clips' unit.

    Raises:
        ValueError: if there is nothing to draw from.
    """

    def __init__(
        self,
        degrees: Sequence[float] = (-10, -5, 0, 5, 10),
        scales: Sequence[float] = (0.9, 1.0, 1.1),
        shifts: Sequence[float] = (-0.2, -0.1, 0.0, 0.1, 0.2),
    ) -> None:
        for name, values in (('degrees', degrees), ('scales', scales), ('shifts', shifts)):
            if not len(values):
                raise ValueError(f'{name} is empty; expected one or more numbers to draw from')
        self.values = ([math.radians(angle) for angle in degrees], scales, shifts, shifts)

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``poses``: angle in radians, scale, and shifts at both ends, ``[N, 2, 4]``."""
        uniform = clip_draws.rand(len(clips), 2, 4, generator=generator, device=clips.device)
        poses = []
        for numbers, values in zip(uniform.unbind(-1), self.values):
            chosen = (numbers * len(values)).long().clamp(max=len(values) - 1)
            pose = torch.zeros_like(numbers)
            for step, value in enumerate(values):
                pose = pose + (chosen == step) * float(value)
            poses.append(pose)
        return {'poses': torch.stack(poses, -1)}

    def apply(self, clips: Clips, poses: Tensor) -> Clips:
        """Move every frame by a pose between those at both ends."""
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        frames = torch.arange(coordinates.shape[2], device=clips.device, dtype=coordinates.dtype)
        time = (frames / (clips.num_frames[:, None] - 1).clamp(min=1)).clamp(max=1)
        start, end = poses.to(coordinates.dtype)[:, None].unbind(2)
        pose = torch.lerp(start, end, time[..., None])[:, None, :, None]  # [N, 1, T, 1, 4]
        angle, scale, shift_x, shift_y = pose.unbind(-1)
        x, y, *others = coordinates.unbind(-1)
        cosine, sine = scale * angle.cos(), scale * angle.sin()
        parts = [cosine * x - sine * y + shift_x, sine * x + cosine * y + shift_y, *others]
        moved = torch.stack(parts, -1) * seen_joints(coordinates)[..., None]
        return with_geometry(clips, moved)

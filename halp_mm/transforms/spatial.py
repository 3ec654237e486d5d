"""Augmentations of the coordinates within each frame."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import RandomTransform


def map_coordinates(coordinates: Tensor, matrix: Tensor) -> Tensor:
    """Multiply each joint, a row vector, with its clip's matrix.

    Args:
        coordinates: ``[N, M, T, V, C]``.
        matrix: ``[N, D, D]`` with D at most C; channels from D on stay as they are.

    Returns:
        ``[N, M, T, V, C]``.
    """
    dimensions = matrix.shape[-1]
    # All joints of a clip in one product.
    joints = coordinates[..., :dimensions].flatten(1, 3)
    mapped = (joints @ matrix.to(coordinates.dtype)).view(*coordinates.shape[:-1], dimensions)
    if dimensions == coordinates.shape[-1]:
        return mapped
    return torch.cat([mapped, coordinates[..., dimensions:]], -1)


def uniform_matrices(clips: Clips, amplitude: float, generator: Generator | None) -> Tensor:
    """One matrix a clip, entries uniform in ±amplitude, as large as the layout's dimensions."""
    size = (len(clips), clips.layout.dimensions, clips.layout.dimensions)
    uniform = torch.rand(size, generator=generator, device=clips.device)
    return (2 * uniform - 1) * amplitude


@TRANSFORMS.register_module()
class Shear(RandomTransform):
    """Slant the body: each coordinate gains a random share of the others.

    Args:
        amplitude: The matrix has a unit diagonal, and off it entries uniform in ±amplitude.
    """

    def __init__(self, amplitude: float = 1.0) -> None:
        self.amplitude = amplitude

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``matrix`` ``[N, D, D]``."""
        matrix = uniform_matrices(clips, self.amplitude, generator)
        matrix.diagonal(dim1=-2, dim2=-1).fill_(1)
        return {'matrix': matrix}

    def apply(self, clips: Clips, matrix: Tensor) -> Clips:
        """Multiply every joint with its clip's matrix."""
        return clips.with_coordinates(map_coordinates(clips.coordinates, matrix))


@TRANSFORMS.register_module()
class JointCorruption(RandomTransform):
    """Corrupt a random set of joints in all frames of a clip.

    Half of the time the joints are set to zero, half of the time they are multiplied with one
    random matrix, entries uniform in [-1, 1] (the "joint jittering" of ISC).

    Args:
        joint_ratio: How many of the joints are corrupted; 0.6 is 15 of Kinect v2's 25.
    """

    def __init__(self, joint_ratio: float = 0.6) -> None:
        if not 0 <= joint_ratio <= 1:
            raise ValueError(f'joint_ratio must be within [0, 1], got {joint_ratio}')
        self.joint_ratio = joint_ratio

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``joints``, boolean ``[N, V]``, and ``matrix`` ``[N, D, D]``, zero half the time."""
        size, device = (len(clips), clips.layout.num_joints), clips.device
        rank = torch.rand(size, generator=generator, device=device).argsort(-1).argsort(-1)
        matrix = uniform_matrices(clips, 1.0, generator)
        keep = torch.rand(len(clips), 1, 1, generator=generator, device=device) < 0.5
        return {
            'joints': rank < round(self.joint_ratio * clips.layout.num_joints),
            'matrix': matrix * keep,
        }

    def apply(self, clips: Clips, joints: Tensor, matrix: Tensor) -> Clips:
        """Multiply the drawn joints with their clip's matrix."""
        corrupted = map_coordinates(clips.coordinates, matrix)
        where = joints[:, None, None, :, None]
        return clips.with_coordinates(torch.where(where, corrupted, clips.coordinates))

"""Augmentations of the coordinates within each frame."""

from __future__ import annotations

import math
from abc import abstractmethod
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm import clip_draws, waiting
from halp_mm.argument_checks import (
    check_at_least,
    check_choice,
    check_flag,
    check_fraction,
    check_range,
)
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.transforms import compiled_views
from halp_mm.transforms.base import BatchTransform, RandomTransform

_AXES = 'xyz'


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
    mapped = multiply_rows(joints, matrix.to(coordinates.dtype))
    mapped = mapped.view(*coordinates.shape[:-1], dimensions)
    if dimensions == coordinates.shape[-1]:
        return mapped
    return torch.cat([mapped, coordinates[..., dimensions:]], -1)


def multiply_rows(rows: Tensor, matrix: Tensor) -> Tensor:
    """Multiply the rows ``[N, R, D]`` with small matrices ``[N, D, D]``.

    CPUs are slow at products with matrices of three columns. There, several rows are one, and their
    matrix has the small one in each block of its diagonal. The zeros beside it cost nothing that
    matters, but spread a NaN or an infinity to the other rows.
    """
    if rows.is_cuda or torch.compiler.is_compiling():  # whose number of rows may be any
        return rows @ matrix
    count, dimensions = rows.shape[1:]
    block = next((size for size in (8, 5, 4, 2) if count and count % size == 0), 1)
    if block == 1:
        return rows @ matrix
    blocks = torch.eye(block, dtype=rows.dtype, device=rows.device)
    # An outer product of both: [N, block, D, block, D].
    large = blocks[:, None, :, None] * matrix[:, None, :, None, :]
    large = large.reshape(len(rows), block * dimensions, block * dimensions)
    return (rows.reshape(len(rows), -1, block * dimensions) @ large).view(rows.shape)


def map_joints(coordinates: Tensor, matrices: Tensor) -> Tensor:
    """Multiply each joint, a row vector, with its clip's matrix for it; made for CPUs.

    Products of so small matrices are slow there. Whole frames are multiplied instead, by the
    matrices' diagonals, each moved by how far its entries lead from one coordinate to another.

    Args:
        coordinates: ``[N, M, T, V, C]``.
        matrices: ``[N, V, D, D]`` with D at most C.

    Returns:
        ``[N, M, T, V, D]``.
    """
    dimensions = matrices.shape[-1]
    joints = coordinates[..., :dimensions]
    rows = joints.flatten(3).flatten(1, 2)  # [N, M T, V D]
    matrices = matrices.to(rows.dtype)
    library = compiled_views.library_for(rows)
    if library is not None:
        return compiled_views.mapped_joints(library, rows, matrices).view(joints.shape)
    mapped = rows * matrices.diagonal(0, 2, 3).flatten(1)[:, None]
    for step in range(1, dimensions):
        ahead = F.pad(matrices.diagonal(step, 2, 3), (step, 0)).flatten(1)[:, None]
        back = F.pad(matrices.diagonal(-step, 2, 3), (0, step)).flatten(1)[:, None]
        mapped[..., step:].addcmul_(rows[..., :-step], ahead[..., step:])
        mapped[..., :-step].addcmul_(rows[..., step:], back[..., :-step])
    return mapped.view(joints.shape)


def with_geometry(clips: Clips, coordinates: Tensor) -> Clips:
    """The clips with other coordinates ``[N, M, T, V, D]``.

    Channels from D on, such as a score, are not geometry and stay as they are.
    """
    dimensions = coordinates.shape[-1]
    if dimensions < clips.coordinates.shape[-1]:
        coordinates = torch.cat([coordinates, clips.coordinates[..., dimensions:]], -1)
    return clips.with_coordinates(coordinates)


def seen_joints(coordinates: Tensor) -> Tensor:
    """Which joints of ``[..., V, D]`` are not zero: boolean ``[..., V]``."""
    first, *others = coordinates.unbind(-1)
    seen = first != 0
    for other in others:
        seen |= other != 0
    return seen


def uniform_matrices(clips: Clips, amplitude: float, generator: Generator | None) -> Tensor:
    """One matrix a clip, entries uniform in ±amplitude, as large as the layout's dimensions."""
    size = (len(clips), clips.layout.dimensions, clips.layout.dimensions)
    uniform = clip_draws.rand(*size, generator=generator, device=clips.device)
    return (2 * uniform - 1) * amplitude


class JointMap(RandomTransform):
    """A transform that multiplies each joint, a row vector, with a matrix.

    All people and frames of a clip share a joint's matrix, so that on a CPU a
    :class:`~halp_mm.transforms.RandomChoice` of such transforms is one product.
    """

    @abstractmethod
    def matrices(self, clips: Clips, *args: Any, **draws: Any) -> Tensor:
        """The matrices ``[N, V, D, D]`` of some draws, D as large as the layout's dimensions."""


@TRANSFORMS.register_module()
class Shear(JointMap):
    """Slant the body: each coordinate gains a random share of the others.

    Args:
        amplitude: The matrix has a unit diagonal, and off it entries uniform in ±amplitude.
        keep_center: Whether the centre joint stays as it is: after
            :class:`~halp_mm.transforms.CenterTrajectory` it holds a person's path. So does the
            release of GL-Transformer (Kim et al., ECCV 2022).
    """

    def __init__(self, amplitude: float = 1.0, keep_center: bool = False) -> None:
        check_at_least(0, amplitude=amplitude)
        check_flag(keep_center=keep_center)
        self.amplitude = amplitude
        self.keep_center = keep_center

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``matrix`` ``[N, D, D]``."""
        matrix = uniform_matrices(clips, self.amplitude, generator)
        matrix.diagonal(dim1=-2, dim2=-1).fill_(1)
        return {'matrix': matrix}

    def matrices(self, clips: Clips, matrix: Tensor) -> Tensor:
        """The clip's matrix for every joint, the identity for a kept one."""
        matrices = matrix[:, None].expand(-1, clips.layout.num_joints, -1, -1)
        if self.keep_center:
            matrices, center = matrices.clone(), clips.layout.index(clips.layout.center)
            matrices[:, center] = torch.eye(matrix.shape[-1], device=matrix.device)
        return matrices

    def apply(self, clips: Clips, matrix: Tensor) -> Clips:
        """Multiply every joint, except a kept one, with its clip's matrix."""
        coordinates = map_coordinates(clips.coordinates, matrix)
        if self.keep_center:
            center = clips.layout.index(clips.layout.center)
            coordinates[..., center, :] = clips.coordinates[..., center, :]
        return clips.with_coordinates(coordinates)


@TRANSFORMS.register_module()
class Rotate(RandomTransform):
    """Turn the body about the three axes: far about one of them, a little about the others.

    The rotations come one after the other, about x, then y, then z. As in the release of AimCLR
    they are clockwise for somebody who looks from the axis' positive end to the origin.

    Args:
        main_degrees: Range of the angle about the main axis.
        other_degrees: Range of the angles about the other two.
        axis: The main axis, ``'x'``, ``'y'`` or ``'z'``; drawn for each clip if None.

    Raises:
        ValueError: if a range is none, or the clips' layout is not three-dimensional.
    """

    def __init__(
        self,
        main_degrees: tuple[float, float] = (0, 30),
        other_degrees: tuple[float, float] = (0, 1),
        axis: str | None = None,
    ) -> None:
        check_range(main_degrees=main_degrees, other_degrees=other_degrees)
        check_choice([*_AXES, None], axis=axis)
        self.axis = axis
        self.main_degrees = main_degrees
        self.other_degrees = other_degrees

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``angles`` about x, y and z in radians, ``[N, 3]``."""
        uniform = clip_draws.rand(len(clips), 4, generator=generator, device=clips.device)
        axes = torch.arange(3, device=clips.device)
        drawn = (3 * uniform[:, 3:]).long().clamp(max=2)
        main = axes == (drawn if self.axis is None else _AXES.index(self.axis))
        ranges = (self.main_degrees, self.other_degrees)
        far, little = (low + (high - low) * uniform[:, :3] for low, high in ranges)
        return {'angles': torch.where(main, far, little) * (math.pi / 180)}

    def apply(self, clips: Clips, angles: Tensor) -> Clips:
        """Multiply every joint with its clip's rotation."""
        if clips.layout.dimensions != 3:
            raise ValueError(
                f'Rotate needs a layout of 3 dimensions; {clips.layout.name!r} has '
                f'{clips.layout.dimensions}. Leave Rotate out of the views of 2-D poses'
            )
        matrix = rotations(angles.to(clips.coordinates.dtype))
        return clips.with_coordinates(map_coordinates(clips.coordinates, matrix))


@TRANSFORMS.register_module()
class RecordedRotate(Rotate):
    """:class:`Rotate`, and tell heads how: the draw ``rotation``, ``[N, 3, 3]``.

    A joint, a row vector, is multiplied with it from the right. It leads from the clips before
    this transform to those after it, so no transform of coordinates may follow in a view whose base
    is compared with it.

    Args:
        main_degrees: See :class:`Rotate`; by default any angle.
        other_degrees: See :class:`Rotate`.
    """

    def __init__(
        self,
        main_degrees: tuple[float, float] = (-180, 180),
        other_degrees: tuple[float, float] = (-30, 30),
    ) -> None:
        super().__init__(main_degrees, other_degrees)

    def apply(self, clips: Clips, angles: Tensor) -> Clips:
        """Rotate and record."""
        rotation = rotations(angles.to(clips.coordinates.dtype))
        return super().apply(clips, angles).with_draws(rotation=rotation)


def rotations(angles: Tensor) -> Tensor:
    """Clockwise rotations of row vectors about x, then y, then z.

    Args:
        angles: Radians ``[N, 3]``.

    Returns:
        ``[N, 3, 3]``.
    """
    cosine, sine = angles.cos(), angles.sin()
    matrix = torch.eye(3, dtype=angles.dtype, device=angles.device)
    for axis in range(3):
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = torch.zeros(len(angles), 3, 3, dtype=angles.dtype, device=angles.device)
        turn[:, axis, axis] = 1
        turn[:, first, first] = turn[:, second, second] = cosine[:, axis]
        turn[:, second, first] = sine[:, axis]
        turn[:, first, second] = -sine[:, axis]
        matrix = matrix @ turn
    return matrix


@TRANSFORMS.register_module()
class SpatialFlip(BatchTransform):
    """Swap the left and the right joints.

    By default, as in the release of AimCLR, joints change places and coordinates stay. A score goes
    with its joint.

    Args:
        mirror: Whether the sign of x turns as well, which gives a mirror image, as in the release
            of SLiM.
    """

    def __init__(self, mirror: bool = False) -> None:
        check_flag(mirror=mirror)
        self.mirror = mirror

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Swap; the generator is not needed."""
        swap = mirror_index(clips.layout, clips.device)
        coordinates = clips.coordinates.index_select(-2, swap)
        if self.mirror:
            coordinates[..., 0].neg_()
        return clips.with_coordinates(coordinates)


@lru_cache
def mirror_index(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """The layout's mirror ``[V]`` on a device; copied there only once."""
    return torch.tensor(layout.mirror, device=device)


@TRANSFORMS.register_module()
class AxisMask(RandomTransform):
    """Set one coordinate axis to zero, for all people and joints in all frames of a clip."""

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``axis`` ``[N]``."""
        dimensions = clips.layout.dimensions
        uniform = clip_draws.rand(len(clips), generator=generator, device=clips.device)
        return {'axis': (dimensions * uniform).long().clamp(max=dimensions - 1)}

    def apply(self, clips: Clips, axis: Tensor) -> Clips:
        """Set each clip's axis to zero."""
        channels = torch.arange(clips.coordinates.shape[-1], device=clips.device)
        masked = (channels == axis[:, None])[:, None, None, None]
        return clips.with_coordinates(clips.coordinates.masked_fill(masked, 0))


@TRANSFORMS.register_module()
class JointCorruption(JointMap):
    """Corrupt a random set of joints in all frames of a clip.

    Half of the time the joints are set to zero, half of the time they are multiplied with one
    random matrix, entries uniform in [-1, 1] (the "joint jittering" of ISC).

    Args:
        joint_ratio: How many of the joints are corrupted; 0.6 is 15 of Kinect v2's 25.
    """

    def __init__(self, joint_ratio: float = 0.6) -> None:
        check_fraction(joint_ratio=joint_ratio)
        self.joint_ratio = joint_ratio

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``joints``, boolean ``[N, V]``, and ``matrix`` ``[N, D, D]``, zero half the time."""
        size, device = (len(clips), clips.layout.num_joints), clips.device
        order = clip_draws.rand(*size, generator=generator, device=device)
        count = round(self.joint_ratio * clips.layout.num_joints)
        first = order.topk(count, largest=False, sorted=False).indices
        joints = torch.zeros_like(order, dtype=torch.bool).scatter_(1, first, True)
        matrix = uniform_matrices(clips, 1.0, generator)
        keep = clip_draws.rand(len(clips), 1, 1, generator=generator, device=device) < 0.5
        return {'joints': joints, 'matrix': matrix * keep}

    def matrices(self, clips: Clips, joints: Tensor, matrix: Tensor) -> Tensor:
        """The clip's matrix for the drawn joints, the identity for the others."""
        identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
        return torch.where(joints[..., None, None], matrix[:, None], identity)

    def apply(self, clips: Clips, joints: Tensor, matrix: Tensor) -> Clips:
        """Multiply the drawn joints with their clip's matrix."""
        if waiting.may_ask(clips.device):
            matrices = self.matrices(clips, joints, matrix)
            return with_geometry(clips, map_joints(clips.coordinates, matrices))
        corrupted = map_coordinates(clips.coordinates, matrix)
        where = joints[:, None, None, :, None]
        return clips.with_coordinates(torch.where(where, corrupted, clips.coordinates))


@TRANSFORMS.register_module()
class JointOffset(RandomTransform):
    """Displace each joint of each person, in all frames of a clip alike.

    Bodies and the way people hold themselves differ then between the views of a clip, and how they
    move does not: what tells people apart is no longer what tells clips apart. Joints that are
    zero stay zero.

    Args:
        std: Standard deviation of the displacement, relative to the root mean square of the clip's
            coordinates, which should be centred.
    """

    def __init__(self, std: float = 0.2) -> None:
        check_at_least(0, std=std)
        self.std = std

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``offset`` ``[N, M, 1, V, D]``."""
        num_clips, people, _, joints = clips.coordinates.shape[:4]
        size = (num_clips, people, 1, joints, clips.layout.dimensions)
        offset = clip_draws.randn(*size, generator=generator, device=clips.device)
        return {'offset': offset.mul_(self.std)}

    def apply(self, clips: Clips, offset: Tensor) -> Clips:
        """Add the offsets to the joints that are seen."""
        coordinates = clips.coordinates[..., : offset.shape[-1]]
        seen = seen_joints(coordinates)[..., None]
        count = seen.flatten(1).sum(1).clamp(min=1) * offset.shape[-1]
        scale = (coordinates.square().flatten(1).sum(1) / count).sqrt()[:, None, None, None, None]
        return with_geometry(clips, coordinates + offset * scale * seen)

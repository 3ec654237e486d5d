"""Normalisations: what a method does to raw clips before it augments them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm import waiting
from halp_mm.argument_checks import check_choice, check_count, check_flag
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.transforms.base import BatchTransform
from halp_mm.transforms.spatial import map_coordinates, seen_joints, with_geometry
from halp_mm.transforms.temporal import crop_resize, take_frames

#: Metres that the release of AimCLR adds to the distance between the shoulders.
_SHOULDER_MARGIN = 1e-4

#: Coordinates beyond this, which no body has, are brought to it: their squares would be infinite.
_LARGEST = 1e15


@TRANSFORMS.register_module()
class PreNormalize3D(BatchTransform):
    """The normalisation of ISC, CMD and HaLP, known by this name from MMAction2.

    Per clip: null frames of a person are filled (see :func:`fill_null_frames`); everything is
    centred on the upper spine joint of the first person; then rotated so that in one pose the spine
    of the first person points along z, and then so that the line from the left to the right
    shoulder points along x. Zeros, joints as well as people, stay zero.

    Args:
        align_spine: Whether to rotate the spine onto z.
        align_shoulders: Whether to rotate the shoulders onto x. Where everybody faces the sensor,
            as in MSR-Action3D, both rotations only carry the first frame's noise into the clip.
        turn: The pose in which they point there: ``'first'``, the first frame's, as in the
            releases; ``'median'``, each coordinate's median over the frames in which the joint
            is seen, which does not depend on a single frame; None: nothing is rotated.
        center: Where that joint is: ``'frame'``, in each frame, as in the releases; ``'clip'``, its
            median over the frames in which it is seen, so that a clip tells where people go and
            whether they bend.

    Raises:
        ValueError: if there is no such turn or centre, the layout is not three-dimensional, or it
            does not say which joints are the spine and the shoulders.
    """

    keeps_absent_people = True

    def __init__(
        self,
        align_spine: bool = True,
        align_shoulders: bool = True,
        turn: str | None = 'first',
        center: str = 'frame',
    ) -> None:
        check_flag(align_spine=align_spine, align_shoulders=align_shoulders)
        check_choice(('first', 'median', None), turn=turn)
        check_choice(('frame', 'clip'), center=center)
        self.turn = turn
        self.center = center
        self.align_spine = align_spine
        self.align_shoulders = align_shoulders

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Fill, centre and rotate; the generator is not needed."""
        layout = clips.layout
        check_trunk(layout, 'PreNormalize3D', 'spine', 'shoulders')
        lower, upper = layout.ends('spine')
        right, left = layout.ends('shoulders')
        clips = fill_null_frames(bounded(clips))
        coordinates = clips.coordinates[..., :3]
        of_frames = coordinates[:, :1, :, upper : upper + 1]
        origin = of_frames
        if self.center == 'clip':
            place = median_where(of_frames[:, 0], self.seen(of_frames[:, 0], clips), 1)
            origin = place[:, None, None]
        centered = relative_to(coordinates, origin)
        if self.turn is None:
            return with_geometry(clips, centered)
        # Both rotations follow from one pose of the first person, of which only the ends of lines
        # matter, and are applied as one. The pose does not depend on where the centre is.
        ends = (lower, upper, left, right)
        person = torch.stack([coordinates[:, 0, :, joint] for joint in ends], 2)
        relative = relative_to(person, of_frames[:, 0])
        pose = relative[:, 0]
        if self.turn == 'median':
            pose = median_where(relative, self.seen(person, clips), 1)
        lines = [(0, 1, 2)] * self.align_spine + [(2, 3, 0)] * self.align_shoulders
        rotation = None
        for start, end, axis in lines:
            turn = rotation_of_line(pose, start, end, axis)
            pose = pose @ turn.mT
            rotation = turn if rotation is None else turn @ rotation
        if rotation is not None:
            centered = map_coordinates(centered, rotation.mT)
        return with_geometry(clips, centered)

    @staticmethod
    def seen(person: Tensor, clips: Clips) -> Tensor:
        """Where joints of a person ``[N, T, V, 3]`` are seen, ``[N, T, V, 1]``."""
        return (seen_joints(person) & clips.valid_frames()[..., None])[..., None]


@TRANSFORMS.register_module()
class RelativeNormalize3D(BatchTransform):
    """The normalisation of SkeletonCLR, CrosSCLR and AimCLR.

    A clip ends with the last frame in which somebody is seen, and is resized. Then every person
    is on their own, frame by frame: coordinates become relative to the layout's centre joint, and
    the body is turned about the vertical y axis until the line from the left to the right shoulder
    points along x. Zeros, joints as well as people, stay zero.

    Args:
        num_frames: Length of every clip afterwards.
        align_shoulders: Whether to turn the bodies. As in the release, 0.1 mm is added to the
            distance between the shoulders, so some hundredths of a radian are left.

    Raises:
        ValueError: if the layout is not three-dimensional, or does not say which joints are the
            shoulders.
    """

    keeps_absent_people = True

    def __init__(self, num_frames: int = 50, align_shoulders: bool = True) -> None:
        check_count(num_frames=num_frames)
        check_flag(align_shoulders=align_shoulders)
        self.num_frames = num_frames
        self.align_shoulders = align_shoulders

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Resize, centre and turn; the generator is not needed."""
        layout = clips.layout
        check_trunk(layout, 'RelativeNormalize3D', 'shoulders')
        clips = bounded(clips)
        start = torch.zeros_like(clips.num_frames)
        clips = crop_resize(clips, start, frames_until_last_seen(clips), self.num_frames)
        coordinates = clips.coordinates[..., :3]
        center = layout.index(layout.center)
        coordinates = relative_to(coordinates, coordinates[..., center : center + 1, :])
        if self.align_shoulders:
            right, left = layout.ends('shoulders')
            coordinates = turn_onto_x(coordinates, left, right)
        return with_geometry(clips, coordinates)


def bounded(clips: Clips) -> Clips:
    """The clips with coordinates that can be squared: what is finite stays finite."""
    return clips.with_coordinates(clips.coordinates.clamp(-_LARGEST, _LARGEST))


def median_where(values: Tensor, where: Tensor, dim: int) -> Tensor:
    """The median of some values along a dimension; the lower one of an even number.

    Args:
        values: Any shape.
        where: Boolean, the same shape or one that broadcasts to it: which values count.
        dim: The dimension, which the result does not have.

    Returns:
        The medians; zero where nothing counts.
    """
    if not torch.compiler.is_compiling():
        return values.where(where, torch.nan).nanmedian(dim).values.nan_to_num()
    # No exporter or compiler knows this median. Sorting takes two to three times as long.
    where = where.expand_as(values)
    ordered = values.where(where, torch.inf).sort(dim).values
    count = where.sum(dim, keepdim=True)
    median = ordered.gather(dim, (count - 1).clamp(min=0) // 2)
    return median.where(count > 0, 0).squeeze(dim)


def relative_to(coordinates: Tensor, origin: Tensor) -> Tensor:
    """Coordinates ``[N, ..., V, 3]`` relative to an origin; joints that are zero stay zero."""
    relative = coordinates - origin
    if waiting.may_ask(coordinates.device) and bool(coordinates[..., 0].all()):
        return relative
    return relative.mul_(seen_joints(coordinates)[..., None])


def frames_until_last_seen(clips: Clips) -> Tensor:
    """How many frames each clip has up to the last one in which somebody is seen: ``[N]``.

    A clip in which nobody is ever seen keeps its length.
    """
    seen = clips.present().any(1) & clips.valid_frames()
    frames = torch.arange(1, seen.shape[1] + 1, device=clips.device)
    length = (seen * frames).amax(1)
    return torch.where(length > 0, length, clips.num_frames)


def turn_onto_x(coordinates: Tensor, start: int, end: int) -> Tensor:
    """Turn each body in each frame about y so that the line between two joints points along x.

    Args:
        coordinates: ``[N, M, T, V, 3]``.
        start: Joint where the line starts.
        end: Joint where it ends.
    """
    line = coordinates[..., end, :] - coordinates[..., start, :]
    length = line[..., ::2].norm(dim=-1)
    cosine = line[..., 0] / (length + _SHOULDER_MARGIN)
    cosine = torch.where(length > 0, cosine, 1)
    sine = (1 - cosine.square()).clamp(min=0).sqrt()
    sine = torch.where(line[..., 2] < 0, -sine, sine)[..., None]
    cosine = cosine[..., None]
    x, y, z = coordinates.unbind(-1)
    return torch.stack([cosine * x + sine * z, y, cosine * z - sine * x], -1)


def check_trunk(layout: SkeletonLayout, name: str, *lines: str) -> None:
    """Raise a ValueError unless a layout is three-dimensional and has these lines.

    Args:
        layout: The layout.
        name: Who needs it.
        lines: ``'spine'``, ``'shoulders'`` or both.
    """
    found = {line: getattr(layout, line) for line in lines}
    if layout.dimensions != 3 or None in found.values():
        lacking = ', '.join(f'{line}={value}' for line, value in found.items())
        raise ValueError(
            f'{name} needs a layout of 3 dimensions with {" and ".join(lines)}; '
            f'{layout.name!r} has dimensions={layout.dimensions}, {lacking}'
        )


def rotation_of_line(pose: Tensor, start: int, end: int, axis: int) -> Tensor:
    """The rotations ``[N, 3, 3]`` that make a line in each pose point along an axis.

    Args:
        pose: ``[N, V, 3]``.
        start: Joint where the line starts.
        end: Joint where it ends.
        axis: 0, 1 or 2 for x, y or z.
    """
    unit_axis = torch.eye(3, dtype=pose.dtype, device=pose.device)[axis]
    return rotation_onto(pose[:, end] - pose[:, start], unit_axis)


def fill_null_frames(clips: Clips) -> Clips:
    """Fill the frames in which a person was not seen, as the releases do.

    A person who is missing at the start is moved to the start, without any gaps. Then what is
    missing at the end is filled by playing the person's frames again from the first. Gaps within
    the clip of a person who was there at the start stay as they are, and so does padding.
    """
    valid = clips.valid_frames()[:, None]
    present = clips.present() & valid
    if waiting.may_ask(clips.device) and bool((present == (valid & present.any(-1, True))).all()):
        return clips  # as nearly always
    frames = torch.arange(present.shape[-1], device=clips.device)
    late = ~present[..., :1]
    order = torch.where(late, present_first(present), frames)
    until_last = torch.where(present, frames + 1, 0).amax(-1, keepdim=True)
    length = torch.where(late, present.sum(-1, keepdim=True), until_last).clamp(min=1)
    source = order.gather(-1, frames % length)
    filled = take_frames(clips.coordinates, source)
    filled *= valid[..., None, None]
    return clips.with_coordinates(filled)


def present_first(present: Tensor) -> Tensor:
    """Order frames so that those with a person come first, and otherwise stay in order.

    Args:
        present: Boolean ``[..., T]``.

    Returns:
        The frames' numbers, integer ``[..., T]``.
    """
    # Where each frame goes, counted. This is cheaper than sorting, and ONNX has no stable sort.
    before = present.cumsum(-1)
    after = before[..., -1:] + (~present).cumsum(-1)
    places = torch.where(present, before, after) - 1
    frames = torch.arange(present.shape[-1], device=present.device)
    return torch.empty_like(places).scatter_(-1, places, frames.expand_as(places))


def rotation_onto(vectors: Tensor, axis: Tensor) -> Tensor:
    """The smallest rotations that turn vectors onto an axis.

    Args:
        vectors: ``[N, 3]``. A vector that is zero or (anti)parallel to the axis is not turned.
        axis: Unit vector ``[3]``.

    Returns:
        Matrices ``[N, 3, 3]`` that multiply column vectors.
    """
    unit = F.normalize(vectors, dim=-1)
    cosine = (unit @ axis)[:, None, None]
    turn = torch.linalg.cross(unit, axis.expand_as(unit))
    sine = turn.norm(dim=-1)[:, None, None]
    zero = torch.zeros_like(turn[:, 0])
    x, y, z = F.normalize(turn, dim=-1).unbind(-1)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))
    # Rodrigues' formula with the unit axis: a rotation also close to half a turn, where dividing
    # by 1 + cosine would not give one.
    identity = torch.eye(3, dtype=skew.dtype, device=skew.device)
    rotation = identity + sine * skew + (1 - cosine) * (skew @ skew)
    return torch.where(sine >= 1e-6, rotation, identity)

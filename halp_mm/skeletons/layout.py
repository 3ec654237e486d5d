"""The layout of a skeleton: its joints and the bones that connect them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from functools import cached_property

Pair = tuple[str, str]

#: Maximum number of joints of a layout: encoders and graphs have matrices of joints times joints.
MAX_JOINTS = 1000


@dataclass(frozen=True)
class SkeletonLayout:
    """Joints, bones and symmetry of one kind of skeleton.

    Fields refer to joints by name. The index properties translate names to positions on the joint
    axis of a clip ``[M, T, V, C]``.

    Args:
        name: Name of the layout in configs and data files.
        joints: Joint names in the order of the joint axis.
        bones: Pairs of joints that a bone connects, in any order. They form one tree.
        center: Root of the tree; the graph's partitions are measured from it.
        left_right: (left, right) pairs of joints that mirror each other; by default the joints
            named ``left_*`` and ``right_*``, which then must come in pairs.
        spine: (lower, upper) joint of the trunk, for normalisations that turn a body upright.
        shoulders: (right, left) shoulder, for normalisations that turn a body to the camera.
        dimensions: 3 for x, y, z; 2 for poses in an image. Additional channels, such as a score,
            may follow the coordinates. Geometric transforms do not change them.

    Raises:
        ValueError: if a joint is repeated or unknown, a ``left_*`` or ``right_*`` lacks its
            partner, there are too many joints, or the bones are not one tree.
    """

    name: str
    joints: tuple[str, ...]
    bones: tuple[Pair, ...]
    center: str
    left_right: tuple[Pair, ...] | None = None
    spine: Pair | None = None
    shoulders: Pair | None = None
    dimensions: int = 3

    def __post_init__(self) -> None:
        set_field = object.__setattr__  # the dataclass is frozen; this is its constructor
        set_field(self, 'joints', tuple(self.joints))
        if len(self.joints) > MAX_JOINTS:
            raise ValueError(
                f'layout {self.name!r} has {len(self.joints)} joints; expected at most {MAX_JOINTS}'
            )
        set_field(self, 'bones', _pairs(self.bones))
        for field in ('spine', 'shoulders'):
            value = getattr(self, field)
            set_field(self, field, None if value is None else tuple(value))
        twice = [joint for joint, count in Counter(self.joints).items() if count > 1]
        if twice:
            raise ValueError(f'layout {self.name!r} names these joints more than once: {twice}')
        if self.left_right is None:
            set_field(self, 'left_right', self._pairs_by_prefix())
        else:
            set_field(self, 'left_right', _pairs(self.left_right))
        if self.dimensions not in (2, 3):
            raise ValueError(
                f'layout {self.name!r} has dimensions={self.dimensions}; expected 2 or 3'
            )
        self._check_names()
        self._check_tree()

    @classmethod
    def from_dict(cls, description: Mapping) -> SkeletonLayout:
        """Build a layout from a dict of a config or a data file.

        Raises:
            ValueError: if a field is missing or unknown, or the layout contradicts itself.
        """
        known = {field.name for field in fields(cls)}
        required = {'name', 'joints', 'bones', 'center'}
        missing, unknown = required - set(description), set(description) - known
        if missing or unknown:
            raise ValueError(
                f'a skeleton layout needs {sorted(required)} and may have '
                f'{sorted(known - required)}; missing: {sorted(missing)}, '
                f'unknown: {sorted(unknown)}'
            )
        return cls(**description)

    def to_dict(self) -> dict:
        """Convert the layout to plain containers; the inverse of :meth:`from_dict`."""
        return asdict(self)

    @property
    def num_joints(self) -> int:
        """Length of the joint axis V."""
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of a joint on the joint axis."""
        return self._positions[joint]

    @cached_property
    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """The bones as pairs of positions."""
        return tuple((self.index(a), self.index(b)) for a, b in self.bones)

    @cached_property
    def distances_to_center(self) -> tuple[int, ...]:
        """Number of bones between each joint and the centre."""
        return self._walk()[0]

    @cached_property
    def parents(self) -> tuple[int, ...]:
        """Each joint's neighbour towards the centre; the centre is its own parent."""
        return self._walk()[1]

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """The position of each joint's mirror image, which is itself for joints on the midline."""
        image = list(range(self.num_joints))
        for left, right in self.left_right or ():
            image[self.index(left)], image[self.index(right)] = self.index(right), self.index(left)
        return tuple(image)

    def ends(self, line: str) -> tuple[int, int]:
        """The positions of the two joints of a line, ``'spine'`` or ``'shoulders'``.

        Raises:
            ValueError: if the layout has no such line.
        """
        joints = getattr(self, line)
        if joints is None:
            raise ValueError(f'layout {self.name!r} has no {line}')
        first, second = joints
        return self.index(first), self.index(second)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {joint: position for position, joint in enumerate(self.joints)}

    def _pairs_by_prefix(self) -> tuple[Pair, ...]:
        partners = {
            joint: f'{there}_{joint.removeprefix(f"{here}_")}'
            for here, there in (('left', 'right'), ('right', 'left'))
            for joint in self.joints
            if joint.startswith(f'{here}_')
        }
        for joint, partner in partners.items():
            if partner not in partners:
                paired = {j for j, other in partners.items() if other in partners}
                others = [j for j in self.joints if j != joint and j not in paired]
                likely = get_close_matches(partner, others, n=1)
                raise ValueError(
                    f'layout {self.name!r} has {joint!r} but no {partner!r}'
                    + (f'; it has {likely[0]!r}, is that what it means?' if likely else '.')
                    + ' Name both sides alike, or say by left_right which joints mirror each other'
                )
        return tuple((j, other) for j, other in partners.items() if j.startswith('left_'))

    def _check_names(self) -> None:
        pairs = (*self.bones, *(self.left_right or ()), self.spine or (), self.shoulders or ())
        unknown = sorted({self.center, *(j for pair in pairs for j in pair)} - set(self.joints))
        if unknown:
            raise ValueError(
                f'layout {self.name!r} refers to joints that it does not have: {unknown}; '
                f'its joints are {list(self.joints)}'
            )

    def _check_tree(self) -> None:
        unreached = [j for j, d in zip(self.joints, self.distances_to_center) if d < 0]
        if unreached:
            raise ValueError(
                f'layout {self.name!r}: no chain of bones leads from {self.center!r} to {unreached}'
            )
        if len(self.bones) != self.num_joints - 1:
            raise ValueError(
                f'layout {self.name!r} has {len(self.bones)} bones for {self.num_joints} joints; '
                f'a tree has {self.num_joints - 1}'
            )

    def _walk(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Distances and parents, from a breadth-first walk from the centre."""
        neighbours: list[list[int]] = [[] for _ in self.joints]
        for a, b in self.bone_indices:
            neighbours[a].append(b)
            neighbours[b].append(a)
        root = self.index(self.center)
        distances, parents = [-1] * self.num_joints, list(range(self.num_joints))
        distances[root] = 0
        queue = [root]
        for joint in queue:
            for neighbour in neighbours[joint]:
                if distances[neighbour] < 0:
                    distances[neighbour], parents[neighbour] = distances[joint] + 1, joint
                    queue.append(neighbour)
        return tuple(distances), tuple(parents)


def _pairs(pairs: Sequence[Sequence[str]]) -> tuple[Pair, ...]:
    return tuple((a, b) for a, b in pairs)

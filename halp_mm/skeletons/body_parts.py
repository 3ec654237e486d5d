"""The trunk and the limbs of a skeleton, for any layout."""

from __future__ import annotations

from functools import lru_cache

from halp_mm.skeletons.layout import SkeletonLayout

#: Words in the names of joints that belong to an arm or a leg.
_WORDS = {
    'arm': ('clavicle', 'shoulder', 'elbow', 'wrist', 'hand'),
    'leg': ('hip', 'knee', 'ankle', 'foot', 'heel', 'toe'),
}


@lru_cache
def body_parts(layout: SkeletonLayout) -> dict[str, tuple[int, ...]]:
    """Sort the joints of a layout into trunk, arms and legs.

    A joint of an arm or a leg has a mirror image, and a name that says so, such as ``left_elbow``,
    or it hangs on such a joint, as fingers do. All others, those of the head too, are the trunk's.

    Args:
        layout: The layout.

    Returns:
        The positions of the joints of ``trunk``, ``left_arm``, ``right_arm``, ``left_leg`` and
        ``right_leg``, without parts that the layout does not have. Those of the trunk go from the
        lower end of the spine upwards, those of limbs have the layout's order.
    """
    sides = {joint: 'left' for joint, _ in layout.left_right or ()}
    sides |= {joint: 'right' for _, joint in layout.left_right or ()}
    part_of: dict[int, str] = {}
    for position in sorted(range(layout.num_joints), key=layout.distances_to_center.__getitem__):
        joint = layout.joints[position]
        part = 'trunk'
        if joint in sides:
            named = [kind for kind, words in _WORDS.items() if any(word in joint for word in words)]
            if named:
                part = f'{sides[joint]}_{named[0]}'
            elif part_of.get(layout.parents[position], '').startswith(sides[joint]):
                part = part_of[layout.parents[position]]
        part_of[position] = part
    parts = {
        part: tuple(joint for joint in range(layout.num_joints) if part_of[joint] == part)
        for part in ('trunk', 'left_arm', 'right_arm', 'left_leg', 'right_leg')
    }
    steps = distances_to(layout, lower_end(layout))
    parts['trunk'] = tuple(sorted(parts['trunk'], key=steps.__getitem__))
    return {part: joints for part, joints in parts.items() if joints}


def lower_end(layout: SkeletonLayout) -> int:
    """The lower joint of the spine, or the centre of layouts without a spine."""
    return layout.index(layout.center if layout.spine is None else layout.spine[0])


def distances_to(layout: SkeletonLayout, joint: int) -> list[int]:
    """Number of bones between each joint and the given one."""
    distances = [-1] * layout.num_joints
    distances[joint] = 0
    queue = [joint]
    for here in queue:
        for bone in layout.bone_indices:
            if here in bone:
                there = bone[0] + bone[1] - here
                if distances[there] < 0:
                    distances[there] = distances[here] + 1
                    queue.append(there)
    return distances

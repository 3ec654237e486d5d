"""Bodies with other proportions."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_choice, check_fraction
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.skeletons.body_parts import body_parts, distances_to, lower_end
from halp_mm.transforms.base import RandomTransform
from halp_mm.transforms.spatial import seen_joints, with_geometry

_KINDS = ('trunk', 'arm', 'leg')


@TRANSFORMS.register_module()
class LimbScaling(RandomTransform):
    """Scale the trunk, the arms and the legs, each by a factor of its own, for all people alike.

    Bones change their lengths and keep their directions; the lower end of the spine stays in place.
    Joints that are zero stay zero.

    The release rebuilds joints in the order of the layout. On Kinect v2 the neck and the shoulders
    hang on a joint that comes after them, so head and arms are attached to the origin instead.

    Source: SLiM (arXiv 2603.10648), its release.

    Args:
        amplitude: Factors are uniform in 1 ± amplitude.
        order: In which joints are rebuilt: ``'tree'``, from the spine outwards, or ``'index'``, as
            in the release.
    """

    def __init__(self, amplitude: float = 0.15, order: str = 'tree') -> None:
        check_fraction(below_one=True, amplitude=amplitude)
        check_choice(['tree', 'index'], order=order)
        self.amplitude = amplitude
        self.order = order

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``factors`` of trunk, arms and legs, ``[N, 3]``."""
        uniform = clip_draws.rand(len(clips), 3, generator=generator, device=clips.device)
        return {'factors': 1 + (2 * uniform - 1) * self.amplitude}

    def apply(self, clips: Clips, factors: Tensor) -> Clips:
        """Scale all bones and put them together again."""
        coordinates = clips.coordinates[..., : clips.layout.dimensions]
        kind, parent, chain = bone_chains(clips.layout, self.order, clips.device)
        bones = coordinates - coordinates.index_select(3, parent)
        root = lower_end(clips.layout)
        bones[..., root, :] = coordinates[..., root, :]
        factor = factors.to(bones.dtype)[:, kind]
        factor[:, root] = 1
        matrices = chain.to(bones.dtype) * factor[:, None]  # [N, V, V]
        people, frames = bones.shape[1:3]
        scaled = matrices @ bones.permute(0, 3, 1, 2, 4).flatten(2)
        scaled = scaled.unflatten(2, (people, frames, -1)).permute(0, 2, 3, 1, 4)
        return with_geometry(clips, scaled * seen_joints(coordinates)[..., None])


@lru_cache
def bone_chains(
    layout: SkeletonLayout, order: str, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """How joints hang on each other, on a device; copied there only once.

    A limb is scaled as a whole, so all its joints hang on its first one.

    Args:
        layout: The layout.
        order: See :class:`LimbScaling`.
        device: The device.

    Returns:
        The kind of each joint's bone, of trunk, arm and leg, ``[V]``; the joint on which it hangs,
        ``[V]``; and which bones lead to it, ``[V, V]``.
    """
    steps = distances_to(layout, lower_end(layout))
    parent, kind = [0] * layout.num_joints, [0] * layout.num_joints
    for part, joints in body_parts(layout).items():
        first = min(joints, key=steps.__getitem__)
        for joint in joints:
            kind[joint] = _KINDS.index(part.rpartition('_')[2])
            is_direct = part == 'trunk' or joint == first
            parent[joint] = parent_towards(layout, steps, joint) if is_direct else first
    chain = torch.eye(layout.num_joints)
    by_index = range(layout.num_joints)
    for joint in by_index if order == 'index' else sorted(by_index, key=steps.__getitem__):
        if steps[joint] and (order == 'tree' or parent[joint] < joint):
            chain[joint] += chain[parent[joint]]
    of_joint = torch.tensor([kind, parent], device=device)
    return of_joint[0], of_joint[1], chain.to(device)


def parent_towards(layout: SkeletonLayout, steps: list[int], joint: int) -> int:
    """The neighbour of a joint that is nearer to where ``steps`` are counted from, or itself."""
    ends = [a + b - joint for a, b in layout.bone_indices if joint in (a, b)]
    return next((end for end in ends if steps[end] < steps[joint]), joint)

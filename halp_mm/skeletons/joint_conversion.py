"""Clips of one layout to another, by the joints' names.

The rule, in this order:

1. **Copied.** A joint that the source has too is copied: one of the same name, else one of the
   same meaning. In the words of Kinect v2, ``hip_center``, ``mid_hip``, ``pelvis``, ``hip`` and
   ``root`` mean ``spine_base``; ``spine``, ``torso`` and ``spine_navel`` mean ``spine_mid``;
   ``shoulder_center`` and ``thorax`` mean ``spine_shoulder``. A ``neck`` that both shoulders are
   joined to, in a layout that has no other joint between the shoulders, means ``spine_shoulder``:
   so it is in MSR-Action3D and OpenPose, and not in Kinect v2, where the neck is above. A collar is
   a clavicle. A foot is no ankle.
2. **Head and face.** A ``head`` that the source lacks is in the middle of its ears, else of its
   eyes, else at its nose. Nose, eyes and ears are at the head of a source that has none of them.
3. **Between left and right.** A joint that the source lacks, of whose neighbours in the target's
   tree a left and right pair is known by now, is in the middle of that pair, or of all such pairs.
4. **Between neighbours.** Every other joint that the source lacks is in the middle of all its
   neighbours in the target's tree, lacking ones included; these are linear equations, solved
   together, so no order matters. One lacking joint between two is in their middle; several in a
   row divide the way evenly; at the end of a limb all take the place of the last joint that is
   there.

The outcome is one matrix of weights whose rows are not negative and sum to 1. Where a source joint
is zero, that is not tracked, the weights of the others are scaled up; where all of them are zero,
the joint is zero. So absent people and padding stay zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import get_layout

Layout = str | Mapping | SkeletonLayout

_SAME_MEANING = {
    'spine_base': ('hip_center', 'mid_hip', 'pelvis', 'hip', 'root'),
    'spine_mid': ('spine', 'torso', 'spine_navel'),
    'spine_shoulder': ('shoulder_center', 'thorax'),
    'left_clavicle': ('left_collar',),
    'right_clavicle': ('right_collar',),
}
_SYNONYMS = {name: meaning for meaning, names in _SAME_MEANING.items() for name in names}
_BETWEEN_SHOULDERS = ('spine_shoulder', *_SAME_MEANING['spine_shoulder'])
#: What a head is in the middle of, the best first.
_FACE = (('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',))
_DECIMALS = 12


def conversion_matrix(source: Layout, target: Layout) -> Tensor:
    """The weights of the source's joints in each joint of the target; see the module's rule.

    Args:
        source: The layout of the clips: a name, a dict or a layout.
        target: The layout that they shall have.

    Returns:
        float64 ``[V_to, V_from]``; rows sum to 1.

    Raises:
        ValueError: if one layout is of 2 and the other of 3 dimensions, or the source has fewer
            than half of the target's joints.
    """
    source, target = get_layout(source), get_layout(target)
    if source.dimensions != target.dimensions:
        raise ValueError(
            f'layout {source.name!r} has {source.dimensions} dimensions and {target.name!r} has '
            f'{target.dimensions}; layouts can be converted only where these are equal. Choose '
            f'another layout of {source.dimensions} dimensions'
        )
    copied = _copied(source, target)
    if 2 * len(copied) < target.num_joints:
        lacking = [j for i, j in enumerate(target.joints) if i not in copied]
        raise ValueError(
            f'layout {source.name!r} has {len(copied)} of the {target.num_joints} joints of '
            f'{target.name!r}; expected at least half of them. It lacks {lacking}. Choose another '
            'layout, or give joints of the same meaning the same names'
        )
    matrix = np.zeros((target.num_joints, source.num_joints))
    matrix[list(copied), list(copied.values())] = 1
    for joint, sources in _head_and_face(source, target).items():
        if joint not in copied:
            matrix[joint, sources] = 1 / len(sources)
    joined = np.zeros((target.num_joints, target.num_joints))
    a, b = np.array(target.bone_indices, int).reshape(-1, 2).T
    joined[a, b] = joined[b, a] = 1
    is_known = matrix.any(1)
    is_guided = is_known.copy()
    pairs = [[target.index(joint) for joint in pair] for pair in target.left_right]
    for joint in np.flatnonzero(~is_known):
        guides = [i for pair in pairs if (joined[joint, pair] * is_known[pair]).all() for i in pair]
        if guides:
            matrix[joint] = matrix[guides].mean(0)
            is_guided[joint] = True
    free = ~is_guided
    # Of each free joint: how many neighbours it has, times its place, is the sum of their places.
    equations = np.diag(joined.sum(1)) - joined
    matrix[free] = np.linalg.solve(
        equations[np.ix_(free, free)], joined[np.ix_(free, is_guided)] @ matrix[is_guided]
    )
    matrix = matrix.round(_DECIMALS)  # what is 0 or 1 is so exactly
    return torch.from_numpy(matrix / matrix.sum(1, keepdims=True))


def conversion_recipe(source: Layout, target: Layout) -> dict[str, dict[str, float]]:
    """The same as :func:`conversion_matrix` by names.

    Returns:
        For each joint of the target the joints of the source that it is made of, with their
        weights.

    Raises:
        ValueError: as :func:`conversion_matrix` does.
    """
    source, target = get_layout(source), get_layout(target)
    return {
        joint: {name: weight for name, weight in zip(source.joints, weights) if weight}
        for joint, weights in zip(target.joints, conversion_matrix(source, target).tolist())
    }


def describe_conversion(source: Layout, target: Layout) -> dict:
    """What a conversion does, as plain containers for notes and summaries.

    Returns:
        ``from`` and ``to``, the layouts' names; ``made``, for each joint that is not a copy of one
        of the same name what it is made of, such as ``'0.5 neck + 0.5 head'``; and ``dropped``,
        the source's joints that are not used. Empty if the layouts are the same.

    Raises:
        ValueError: as :func:`conversion_matrix` does.
    """
    source, target = get_layout(source), get_layout(target)
    if source == target:
        return {}
    recipe = conversion_recipe(source, target)
    made = {
        joint: ' + '.join(name if w == 1 else f'{w:.3g} {name}' for name, w in weights.items())
        for joint, weights in recipe.items()
        if weights != {joint: 1}
    }
    used = {name for weights in recipe.values() for name in weights}
    dropped = [joint for joint in source.joints if joint not in used]
    return {'from': source.name, 'to': target.name, 'made': made, 'dropped': dropped}


def convert_joints(coordinates: Tensor, source: Layout, target: Layout) -> Tensor:
    """Convert clips to another layout.

    Joints made of a single one are copied bit for bit, with all their channels. The others are
    weighted means over the source joints that were tracked, a score like the coordinates.

    Args:
        coordinates: ``[..., V_from, C]``.
        source: Their layout.
        target: The layout that they shall have.

    Returns:
        ``[..., V_to, C]``.

    Raises:
        ValueError: as :func:`conversion_matrix` does.
    """
    source, target = get_layout(source), get_layout(target)
    if source == target:
        return coordinates
    copied_from, built, weights = _plan(source, target, coordinates.device)
    converted = coordinates.index_select(-2, copied_from)
    if not len(built):
        return converted
    weights = weights.to(coordinates.dtype)
    is_tracked = (coordinates[..., : source.dimensions] != 0).any(-1, keepdim=True)
    weight = weights @ is_tracked.to(coordinates.dtype)
    mean = weights @ (coordinates * is_tracked) / torch.where(weight > 0, weight, 1)
    return converted.index_copy(-2, built, mean)


@lru_cache
def _plan(
    source: SkeletonLayout, target: SkeletonLayout, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Each joint's main source ``[V_to]``, the joints of several sources, and their weights."""
    matrix = conversion_matrix(source, target)
    built = (matrix.count_nonzero(1) > 1).nonzero()[:, 0]
    return tuple(tensor.to(device) for tensor in (matrix.argmax(1), built, matrix[built]))


def _copied(source: SkeletonLayout, target: SkeletonLayout) -> dict[int, int]:
    """Positions of joints that both have: the target's to the source's."""
    names = _meanings(source)
    by_name = {name: i for i, name in enumerate(names)}
    by_synonym = {_SYNONYMS.get(name, name): i for name, i in reversed(by_name.items())}
    found = {
        i: by_name.get(name, by_synonym.get(_SYNONYMS.get(name, name)))
        for i, name in enumerate(_meanings(target))
    }
    return {i: position for i, position in found.items() if position is not None}


def _head_and_face(source: SkeletonLayout, target: SkeletonLayout) -> dict[int, list[int]]:
    """Positions of the source's joints that the target's head, or its face, is in the middle of."""
    of_source, of_target = set(source.joints), set(target.joints)
    places = [joints for joints in _FACE if set(joints) <= of_source]
    if 'head' in of_target and places:
        return {target.index('head'): [source.index(joint) for joint in places[0]]}
    face = [joint for joints in _FACE for joint in joints]
    if 'head' in of_source and not of_source & set(face):
        head = [source.index('head')]
        return {target.index(joint): head for joint in face if joint in of_target}
    return {}


def _meanings(layout: SkeletonLayout) -> list[str]:
    """The joints' names, but that of a neck which is between the shoulders."""
    bones = {frozenset(bone) for bone in layout.bones}
    between_shoulders = {frozenset({'neck', f'{side}_shoulder'}) for side in ('left', 'right')}
    is_between = between_shoulders <= bones and not set(_BETWEEN_SHOULDERS) & set(layout.joints)
    return ['spine_shoulder' if is_between and j == 'neck' else j for j in layout.joints]

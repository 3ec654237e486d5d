"""Conversion of clips between layouts by joint names.

The rule, in this order:

1. **Copied.** A joint of the same name in the source is copied, else a joint of the same meaning.
   In the terms of Kinect v2, ``hip_center``, ``mid_hip``, ``pelvis``, ``hip`` and ``root`` mean
   ``spine_base``; ``spine``, ``torso`` and ``spine_navel`` mean ``spine_mid``;
   ``shoulder_center`` and ``thorax`` mean ``spine_shoulder``. A ``neck`` that is connected to both
   shoulders means ``spine_shoulder`` if the layout has no other joint between the shoulders. This
   applies to MSR-Action3D and OpenPose, but not to Kinect v2, whose neck is higher. A collar is a
   clavicle. A foot is not an ankle.
2. **Head and face.** A missing ``head`` is the middle of the source's ears, else of its eyes, else
   its nose. If the source has a head but no nose, eyes or ears, these are at the head.
3. **Between left and right.** A missing joint whose neighbours in the target's tree include known
   left and right pairs is the middle of these pairs.
4. **Between neighbours.** Every other missing joint is the middle of all its neighbours in the
   target's tree, including missing ones. These linear equations are solved together, so the order
   does not matter. A missing joint between two joints is their middle. Several missing joints in a
   row divide the distance evenly. Missing joints at the end of a limb coincide with the limb's last
   known joint.

The result is one matrix of non-negative weights whose rows sum to 1. If a source joint is zero,
that is, not tracked, the weights of the others are scaled up. If all source joints are zero, the
joint is zero. Absent people and padding thus stay zero.
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
#: The joints whose middle is the head, in order of preference.
_FACE = (('left_ear', 'right_ear'), ('left_eye', 'right_eye'), ('nose',))
_DECIMALS = 12


def conversion_matrix(source: Layout, target: Layout) -> Tensor:
    """Compute the weights of the source's joints in each joint of the target.

    The module's docstring states the rule.

    Args:
        source: The layout of the clips: a name, a dict or a layout.
        target: The layout to convert to.

    Returns:
        float64 ``[V_to, V_from]``; rows sum to 1.

    Raises:
        ValueError: if the layouts differ in dimensions, or the source has fewer than half of the
            target's joints.
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
    _fill_missing(matrix, target)
    matrix = matrix.round(_DECIMALS)  # removes rounding errors of weights 0 and 1
    return torch.from_numpy(matrix / matrix.sum(1, keepdims=True))


def _fill_missing(matrix: np.ndarray, target: SkeletonLayout) -> None:
    """Fill the zero rows of a conversion matrix in place by steps 3 and 4 of the module's rule."""
    joined = np.zeros((target.num_joints, target.num_joints))
    a, b = np.array(target.bone_indices, int).reshape(-1, 2).T
    joined[a, b] = joined[b, a] = 1
    is_known = np.asarray(matrix.any(1))
    is_guided = is_known.copy()
    pairs = [[target.index(joint) for joint in pair] for pair in target.left_right or ()]
    for joint in np.flatnonzero(~is_known):
        guides = [i for pair in pairs if (joined[joint, pair] * is_known[pair]).all() for i in pair]
        if guides:
            matrix[joint] = matrix[guides].mean(0)
            is_guided[joint] = True
    free = ~is_guided
    # A free joint's position times its number of neighbours is the sum of their positions.
    equations = np.diag(joined.sum(1)) - joined
    matrix[free] = np.linalg.solve(
        equations[np.ix_(free, free)], joined[np.ix_(free, is_guided)] @ matrix[is_guided]
    )


def conversion_recipe(source: Layout, target: Layout) -> dict[str, dict[str, float]]:
    """Describe :func:`conversion_matrix` by joint names.

    Returns:
        For each joint of the target, the weights of the source's joints by name, without zeros.

    Raises:
        ValueError: as :func:`conversion_matrix` does.
    """
    source, target = get_layout(source), get_layout(target)
    return {
        joint: {name: weight for name, weight in zip(source.joints, weights) if weight}
        for joint, weights in zip(target.joints, conversion_matrix(source, target).tolist())
    }


def describe_conversion(source: Layout, target: Layout) -> dict:
    """Describe a conversion in plain containers for notes and summaries.

    Returns:
        ``from`` and ``to``, the layouts' names; ``made``, the composition of each joint that is not
        a copy of one of the same name, such as ``'0.5 neck + 0.5 head'``; and ``dropped``, the
        source's unused joints. Empty if the layouts are the same.

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

    Joints made of a single source joint are copied bit for bit, with all channels. The others are
    weighted means over the tracked source joints, for coordinates and scores alike.

    Args:
        coordinates: ``[..., V_from, C]``.
        source: The layout of the clips.
        target: The layout to convert to.

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
    """Each joint's main source ``[V_to]``, the joints with several sources, and their weights."""
    matrix = conversion_matrix(source, target)
    built = (matrix.count_nonzero(1) > 1).nonzero()[:, 0]
    return matrix.argmax(1).to(device), built.to(device), matrix[built].to(device)


def _copied(source: SkeletonLayout, target: SkeletonLayout) -> dict[int, int]:
    """Positions of common joints, from the target's to the source's."""
    names = _meanings(source)
    by_name = {name: i for i, name in enumerate(names)}
    by_synonym = {_SYNONYMS.get(name, name): i for name, i in reversed(by_name.items())}
    found = {
        i: by_name.get(name, by_synonym.get(_SYNONYMS.get(name, name)))
        for i, name in enumerate(_meanings(target))
    }
    return {i: position for i, position in found.items() if position is not None}


def _head_and_face(source: SkeletonLayout, target: SkeletonLayout) -> dict[int, list[int]]:
    """Positions of the source's joints whose middle is the target's head or face."""
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
    """The joints' names, with ``spine_shoulder`` for a neck between the shoulders."""
    bones = {frozenset(bone) for bone in layout.bones}
    between_shoulders = {frozenset({'neck', f'{side}_shoulder'}) for side in ('left', 'right')}
    is_between = between_shoulders <= bones and not set(_BETWEEN_SHOULDERS) & set(layout.joints)
    return ['spine_shoulder' if is_between and j == 'neck' else j for j in layout.joints]

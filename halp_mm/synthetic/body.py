"""The bodies of the synthetic people: bone lengths, movement traits and forward kinematics.

A body's axes are x to its right, y up and z to its back. For a body that faces the camera, these
are the axes of the Kinect's camera space. Each joint rotates the bones of its children.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from halp_mm.skeletons import get_layout

LAYOUT = get_layout('kinect_v2')
# The layout's root is between the shoulders; a body's kinematic root is its pelvis.
_TREE = replace(LAYOUT, center='spine_base')
_PARENTS = _TREE.parents
_ORDER = [int(joint) for joint in np.argsort(_TREE.distances_to_center, kind='stable')][1:]
_ROOT = _TREE.index('spine_base')

# Joint positions of an average person who stands upright with hanging arms, in body heights.
_STANDING = {
    'spine_base': (0.0, 0.535, 0.0),
    'spine_mid': (0.0, 0.69, 0.0),
    'spine_shoulder': (0.0, 0.815, 0.0),
    'neck': (0.0, 0.855, 0.0),
    'head': (0.0, 0.945, -0.01),
    'right_shoulder': (0.105, 0.795, 0.0),
    'right_elbow': (0.105, 0.63, 0.0),
    'right_wrist': (0.105, 0.485, 0.0),
    'right_hand': (0.105, 0.44, 0.0),
    'right_thumb': (0.095, 0.43, -0.03),
    'right_hand_tip': (0.105, 0.39, 0.0),
    'right_hip': (0.05, 0.52, 0.0),
    'right_knee': (0.05, 0.28, 0.0),
    'right_ankle': (0.05, 0.04, 0.0),
    'right_foot': (0.055, 0.015, -0.075),
}
_PROPORTIONS = {
    'trunk': ('spine_mid', 'spine_shoulder', 'neck', 'head'),
    'shoulders': ('*_shoulder',),
    'arms': ('*_elbow', '*_wrist', '*_hand', '*_thumb', '*_hand_tip'),
    'hips': ('*_hip',),
    'legs': ('*_knee', '*_ankle', '*_foot'),
}


def _average_offsets() -> np.ndarray:
    """Offset of each joint from its parent, ``[V, 3]``, in body heights."""
    places = np.empty((LAYOUT.num_joints, 3))
    for joint, (x, y, z) in _STANDING.items():
        places[LAYOUT.index(joint)] = x, y, z
    for left, right in LAYOUT.left_right:
        places[LAYOUT.index(left)] = places[LAYOUT.index(right)] * (-1, 1, 1)
    return places - places[list(_PARENTS)]


_OFFSETS = _average_offsets()
_FEET = [LAYOUT.index(f'{side}_{part}') for side in ('left', 'right') for part in ('ankle', 'foot')]
_ANKLES = [LAYOUT.index('left_ankle'), LAYOUT.index('right_ankle')]


@dataclass(frozen=True)
class SyntheticPerson:
    """A subject's body size and movement traits, the same in all of the subject's clips.

    Args:
        offsets: ``[V, 3]``, metres: offset of each joint of the standing body from its parent.
        amplitude: Relative extent of movements; 1 is typical.
        tempo: Relative speed of movements; 1 is typical.
        left_handed: Whether the person prefers the left hand and foot.
        habits: ``[3]``, from -1 to 1: deviations of the person's movements from the average in
            height, direction and carriage; see :class:`~halp_mm.synthetic.actions.Manner`.
        posture: ``[V, 3]``, degrees: joint angles of the person at rest.
        sway: Amplitude of the joint angles' drift while standing, in degrees.
    """

    offsets: np.ndarray
    amplitude: float
    tempo: float
    left_handed: bool
    habits: np.ndarray
    posture: np.ndarray
    sway: float

    @classmethod
    def draw(cls, generator: np.random.Generator) -> SyntheticPerson:
        """Draw a random person."""
        return cls(
            offsets=_draw_offsets(generator),
            amplitude=generator.uniform(0.8, 1.15),
            tempo=generator.uniform(0.8, 1.25),
            left_handed=bool(generator.random() < 0.3),
            habits=generator.uniform(-1, 1, 3),
            posture=_draw_posture(generator),
            sway=generator.uniform(1, 3),
        )


def _draw_offsets(generator: np.random.Generator) -> np.ndarray:
    lengths = np.full((LAYOUT.num_joints, 1), generator.uniform(1.5, 1.95))
    for joints in _PROPORTIONS.values():
        names = {joint.replace('*', side) for joint in joints for side in ('left', 'right')}
        lengths[[LAYOUT.index(name) for name in names]] *= generator.normal(1, 0.04)
    return _OFFSETS * lengths


def _draw_posture(generator: np.random.Generator) -> np.ndarray:
    lean, stoop, arms_out, elbows, stance = generator.uniform((-5, -14, 4, 5, 1), (3, 2, 14, 35, 7))
    angles = {
        'spine_base': (lean, 0, 0),
        'spine_mid': (stoop, 0, 0),
        'right_shoulder': (-elbows / 3, 0, arms_out),
        'right_elbow': (elbows, 0, 0),
        'right_hip': (-lean, 0, stance),
        'right_ankle': (0, 0, -stance),
    }
    posture = np.zeros((LAYOUT.num_joints, 3))
    for joint, angle in angles.items():
        posture[LAYOUT.index(joint)] = angle
    for left, right in LAYOUT.left_right:
        posture[LAYOUT.index(left)] = posture[LAYOUT.index(right)] * (1, -1, -1)
    return posture


def rotation_matrices(angles: np.ndarray) -> np.ndarray:
    """Rotations about fixed axes, first z, then x, then y.

    Args:
        angles: ``[..., 3]``, radians about x, y and z.

    Returns:
        ``[..., 3, 3]``.
    """
    (sin_x, sin_y, sin_z), (cos_x, cos_y, cos_z) = (
        np.moveaxis(function(angles), -1, 0) for function in (np.sin, np.cos)
    )
    rows = (
        (cos_y * cos_z + sin_y * sin_x * sin_z, sin_y * sin_x * cos_z - cos_y * sin_z),
        (cos_x * sin_z, cos_x * cos_z),
        (cos_y * sin_x * sin_z - sin_y * cos_z, sin_y * sin_z + cos_y * sin_x * cos_z),
    )
    last = (sin_y * cos_x, -sin_x, cos_y * cos_x)
    return np.stack([np.stack([*row, end], -1) for row, end in zip(rows, last)], -2)


def forward_kinematics(angles: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Compute joint positions from joint angles, with the pelvis at the origin.

    Args:
        angles: ``[..., V, 3]``, radians about a joint's x, y and z axes, relative to its parent;
            see :func:`rotation_matrices`.
        offsets: ``[V, 3]``, or any shape that broadcasts to that of the angles: offset of each
            joint of the standing body from its parent. The lengths are the bone lengths.

    Returns:
        ``[..., V, 3]``, in the unit of the offsets.

    Raises:
        ValueError: if V is not the number of joints of ``kinect_v2``.
    """
    expected = (LAYOUT.num_joints, 3)
    for name, array in (('angles', angles), ('offsets', offsets)):
        if array.shape[-2:] != expected:
            raise ValueError(f'{name} have shape {list(array.shape)}; expected [..., 25, 3]')
    turns = rotation_matrices(angles)
    places = np.zeros(np.broadcast_shapes(angles.shape, offsets.shape))
    for joint in _ORDER:
        parent = _PARENTS[joint]
        bone = turns[..., parent, :, :] @ offsets[..., joint, :, None]
        places[..., joint, :] = places[..., parent, :] + bone[..., 0]
        turns[..., joint, :, :] = turns[..., parent, :, :] @ turns[..., joint, :, :]
    return places


def stand_on_floor(places: np.ndarray) -> np.ndarray:
    """Shift a body so that its lower foot stays in place on the floor y = 0.

    Args:
        places: ``[..., V, 3]``, metres, of a body with a fixed pelvis.

    Returns:
        ``[..., V, 3]``.
    """
    heights = places[..., _FEET, 1]
    ground = heights.min(-1)
    # To avoid jerks, the weight shifts between the feet within about 10 cm of lifting one.
    load = np.exp(-(places[..., _ANKLES, 1] - ground[..., None]) / 0.1)
    load /= load.sum(-1, keepdims=True)
    foothold = (load[..., None] * places[..., _ANKLES, :]).sum(-2)
    foothold[..., 1] = ground
    return places - foothold[..., None, :]

"""Clips of people who improvise: movements drawn at random, each of them once, without labels.

The table of actions has 14 kinds of movement; improvised clips have as many kinds as clips, each by
a person of their own. That is what the encoders that come with the package have learned from.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np

from halp_mm.argument_checks import check_count
from halp_mm.datasets.storage import ClipWriter
from halp_mm.skeletons import SkeletonLayout, get_layout
from halp_mm.synthetic.body import (
    LAYOUT,
    SyntheticPerson,
    forward_kinematics,
    rotation_matrices,
    stand_on_floor,
)
from halp_mm.synthetic.clips import (
    FRAMES_PER_SECOND,
    add_sensor_errors,
    drift,
    fidgets,
    film,
    sway,
)
from halp_mm.synthetic.other_layouts import in_layout

#: The split of all clips.
SPLIT = 'train'
MIN_FRAMES, MAX_FRAMES = 30, 109
#: Standard deviation of the direction in which people face, in degrees from the camera.
FACING = 25.0

_STREAM = 77  # separates the random numbers from those of the actions' clips

# Lowest and highest angles of the joints of a limb, degrees about x, y and z, of the right side.
Limb = Mapping[str, tuple[tuple[float, float, float], tuple[float, float, float]]]
_ARM: Limb = {
    'shoulder': ((-40, -40, -10), (170, 60, 100)),
    'elbow': ((0, -20, 0), (140, 40, 0)),
    'wrist': ((-30, 0, -30), (30, 0, 30)),
}
_LEG: Limb = {
    'hip': ((-30, -20, -5), (90, 20, 40)),
    'knee': ((-110, 0, 0), (0, 0, 0)),
}
_TRUNK: Limb = {
    'spine_base': ((-40, -25, -8), (8, 25, 8)),
    'spine_mid': ((-30, -40, -15), (12, 40, 15)),
    'neck': ((-20, -40, -15), (20, 40, 15)),
}
# What moves, and how often. In 'all', one arm and one leg move, and sometimes the other arm.
_KINDS = {'arm': 0.35, 'mirrored': 0.2, 'arms': 0.17, 'leg': 0.1, 'all': 0.1, 'crouch': 0.08}


def write_improvised(
    path: str | os.PathLike,
    num_clips: int,
    seed: int = 0,
    layout: str | Mapping | SkeletonLayout = LAYOUT,
) -> None:
    """Write improvised clips of one person each to a data file, without labels.

    All are in the split ``train``. Equal arguments give equal files.

    Args:
        path: The file to write; it appears only when it is complete.
        num_clips: How many clips.
        seed: Seed of the data set. A clip depends only on it and on the clip's number.
        layout: The layout of the clips; see :func:`~halp_mm.synthetic.other_layouts.in_layout`.

    Raises:
        ValueError: if the seed or the number is out of range, or the layout does not fit.
    """
    check_count(num_clips=num_clips)
    check_count(0, seed=seed)
    layout = get_layout(layout)
    with ClipWriter(path, layout, [], 'improvised') as writer:
        writer.notes = {'seed': seed, 'frames_per_second': FRAMES_PER_SECOND}
        for number in range(num_clips):
            clip = in_layout(improvised_clip(seed, number), layout)
            writer.add(f'clip{number:05d}', clip, None, [SPLIT])


def improvised_clip(seed: int, number: int) -> np.ndarray:
    """One clip, float32 ``[1, T, 25, 3]``, metres in camera space, joints of ``kinect_v2``."""
    generator = np.random.default_rng([seed, _STREAM, number])
    places = improvise(SyntheticPerson.draw(generator), generator)
    facing = rotation_matrices(np.deg2rad((0, generator.normal(0, FACING), 0)))
    seen = film(places @ facing.T, 1, generator)
    return add_sensor_errors(seen, generator).astype(np.float32)


def improvise(person: SyntheticPerson, generator: np.random.Generator) -> np.ndarray:
    """Let a person move at random.

    Args:
        person: The person.
        generator: Generator of the movements.

    Returns:
        ``[1, T, 25, 3]``, metres in the room, facing -z.
    """
    frames = int(generator.integers(MIN_FRAMES, MAX_FRAMES + 1))
    angles = person.amplitude * _movements(frames, generator)
    angles += person.posture + sway(person.sway, frames, generator)
    if generator.random() < 0.3:
        angles += fidgets(frames, generator)
    body = stand_on_floor(forward_kinematics(np.deg2rad(angles), person.offsets))
    return body[None] + drift(frames, generator)


def _movements(frames: int, generator: np.random.Generator) -> np.ndarray:
    """The joint angles of all limbs that move, ``[T, V, 3]``, degrees."""
    angles = np.zeros((frames, LAYOUT.num_joints, 3))

    def move(limb: Limb, *sides: str) -> None:
        course = _course(limb, frames, generator)
        for side in sides:
            for i, part in enumerate(limb):
                joint = f'{side}_{part}' if side else part
                mirrored = (1, -1, -1) if side == 'left' else (1, 1, 1)
                angles[:, LAYOUT.index(joint)] += course[:, i] * mirrored

    kind = generator.choice(list(_KINDS), p=list(_KINDS.values()))
    sides = ('left', 'right') if generator.random() < 0.3 else ('right', 'left')
    if kind in ('arm', 'all', 'arms'):
        move(_ARM, sides[0])
    if kind == 'arms' or (kind == 'all' and generator.random() < 0.5):
        move(_ARM, sides[1])
    if kind == 'mirrored' or (kind == 'crouch' and generator.random() < 0.5):
        move(_ARM, *sides)
    if kind in ('leg', 'all'):
        move(_LEG, sides[0])
    if kind == 'crouch':
        move(_LEG, *sides)
    if generator.random() < 0.4:
        move(_TRUNK, '')
    return angles


def _course(limb: Limb, frames: int, generator: np.random.Generator) -> np.ndarray:
    """The angles of a limb that goes through one to four poses, ``[T, joints, 3]``, degrees.

    It begins at rest, and ends there four times of five. Half of the time it swings as well.
    """
    low, high = (np.array([ends[i] for ends in limb.values()], float) for i in (0, 1))
    start, end = generator.uniform((0, 0.6), (0.35, 1))
    times = np.sort(generator.uniform(start, end, generator.integers(1, 5)))
    rest = np.zeros_like(low)
    poses = [rest, rest]
    for _ in times:
        # A third of the angles stay as they were.
        moves = generator.random(low.shape) < 0.65
        poses.append(np.where(moves, generator.uniform(low, high), poses[-1]))
    poses += [rest if generator.random() < 0.8 else poses[-1]] * 2
    knots = np.array([0, 0.8 * start, *times, min(1, end + 0.1), 1.001])
    knots += 1e-6 * np.arange(len(knots))  # no two are the same
    progress = np.linspace(0, 1, frames)
    piece = np.clip(np.searchsorted(knots, progress, side='right') - 1, 0, len(knots) - 2)
    x = (progress - knots[piece]) / (knots[piece + 1] - knots[piece])
    share = (x * x * (3 - 2 * x)).clip(0, 1)[:, None, None]
    path = np.stack(poses)
    course = path[piece] * (1 - share) + path[piece + 1] * share
    if generator.random() < 0.5:
        extent = 0.6 * np.minimum(high - low, 60) * generator.uniform(-1, 1, low.shape)
        extent *= generator.random(low.shape) < 0.5
        there = np.clip((progress - start) / 0.1, 0, 1) * np.clip((end - progress) / 0.1, 0, 1)
        hertz, phase = generator.uniform((0.6, 0), (3, 1))
        cycles = hertz * progress * frames / FRAMES_PER_SECOND + phase
        course = course + (there * np.sin(2 * np.pi * cycles))[:, None, None] * extent
    return course

"""Pieces that synthetic people perform: movements drawn at random, each a kind of its own.

A piece says what moves, through which poses and when. How a person performs it is in
:mod:`halp_mm.synthetic.improvisation`. Angles are those of :mod:`halp_mm.synthetic.actions`, times
are seconds from the beginning of the piece at the usual tempo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

#: Degrees a second at which an angle of a joint changes at most on the way from pose to pose.
MAX_SPEED = 500.0
#: The same of the body's turn about the vertical.
MAX_TURNING_SPEED = 200.0
#: Seconds that a piece lasts.
MIN_SECONDS, MAX_SECONDS = 0.8, 3.0

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
    'spine_base': ((-15, -25, -8), (8, 25, 8)),
    'spine_mid': ((-30, -40, -15), (12, 40, 15)),
    'neck': ((-20, -40, -15), (20, 40, 15)),
}
_BENT_TRUNK: Limb = {
    'spine_base': ((-75, -15, -5), (-20, 15, 5)),
    'spine_mid': ((-40, -25, -10), (0, 25, 10)),
    'neck': ((-20, -20, -10), (15, 20, 10)),
}
_BOTH_LEGS = ('hip', 'knee', 'ankle')
# What moves, and how often.
_KINDS = {
    'arm': 0.36,
    'mirrored': 0.14,
    'arms': 0.12,
    'leg': 0.1,
    'bend': 0.1,
    'crouch': 0.08,
    'walk': 0.1,
}


@dataclass(frozen=True)
class Swing:
    """A limb that swings or circles.

    Args:
        extent: ``[joints, 3]``, degrees to either side.
        lag: ``[joints, 3]``, the part of a cycle by which an angle is late: two angles with a
            quarter between them make a circle.
        hertz: Cycles a second.
        times: When it begins and ends.
    """

    extent: np.ndarray
    lag: np.ndarray
    hertz: float
    times: tuple[float, float]


@dataclass(frozen=True)
class Movement:
    """A limb that goes through poses.

    Args:
        joints: Names of the limb's joints, without the side.
        sides: ``'left'``, ``'right'`` or, mirrored, both; ``''`` for the trunk.
        times: ``[K]``: when the limb is in each pose.
        poses: ``[K, joints, 3]``, degrees. A pose that is held comes twice.
        swing: What is added to the poses, if anything.
    """

    joints: tuple[str, ...]
    sides: tuple[str, ...]
    times: np.ndarray
    poses: np.ndarray
    swing: Swing | None = None


@dataclass(frozen=True)
class Walk:
    """Steps along a straight or bent path, or on the spot.

    Args:
        hertz: Double steps a second.
        stride: Degrees that the thighs swing to either side.
        speed: Metres a second.
        heading: Degrees between the path and where the body faces.
        bend: Degrees a second that body and path turn.
        times: When it begins and ends.
    """

    hertz: float
    stride: float
    speed: float
    heading: float
    bend: float
    times: tuple[float, float]


@dataclass(frozen=True)
class Turn:
    """The whole body turns about the vertical, by some degrees, from one time to another."""

    degrees: float
    times: tuple[float, float]


@dataclass(frozen=True)
class Piece:
    """Movements that belong together.

    Args:
        movements: Those of the limbs.
        seconds: How long it lasts at the usual tempo.
        walk: The steps, if there are any.
        turn: The turn, if there is one.
    """

    movements: tuple[Movement, ...]
    seconds: float
    walk: Walk | None = None
    turn: Turn | None = None

    @classmethod
    def draw(cls, generator: np.random.Generator) -> Piece:
        """Draw a random piece."""
        kind = generator.choice(list(_KINDS), p=list(_KINDS.values()))
        both = ('left', 'right') if generator.random() < 0.3 else ('right', 'left')
        first, second = both[:1], both[1:]
        seconds = generator.uniform(MIN_SECONDS, MAX_SECONDS)
        movements: list[Movement] = []

        def move(limb: Limb, sides: tuple[str, ...] = ('',), probability: float = 1) -> None:
            if generator.random() < probability:
                movements.append(_draw_movement(limb, sides, seconds, generator))

        if kind in ('arm', 'arms'):
            move(_ARM, first)
        if kind == 'arms':
            move(_ARM, second)
        if kind == 'mirrored':
            move(_ARM, both)
        if kind == 'leg':
            move(_LEG, first)
            move(_ARM, second, 0.3)
        if kind == 'bend':
            move(_BENT_TRUNK)
        if kind == 'crouch':
            movements.append(_draw_crouch(both, seconds, generator))
            move(_TRUNK, probability=0.5)
        if kind in ('bend', 'crouch', 'walk'):
            move(_ARM, both if generator.random() < 0.5 else first, 1 if kind == 'bend' else 0.55)
        if kind in ('arm', 'arms', 'mirrored', 'leg'):
            move(_TRUNK, probability=0.35)
        if kind == 'walk':
            return cls(tuple(movements), seconds, walk=_draw_walk(seconds, generator))
        turn = _draw_turn(seconds, generator) if generator.random() < 0.12 else None
        return cls(tuple(movements), seconds, turn=turn)


def _draw_movement(
    limb: Limb, sides: tuple[str, ...], seconds: float, generator: np.random.Generator
) -> Movement:
    """One to four poses; mostly the limb comes from rest and returns to it."""
    low, high = (np.array([ends[i] for ends in limb.values()], float) for i in (0, 1))
    rest = np.zeros_like(low)
    poses = [rest]
    for _ in range(generator.integers(1, 5)):
        # A third of the angles stay as they were.
        moves = generator.random(low.shape) < 0.65
        pose = np.where(moves, generator.uniform(low, high), poses[-1])
        if limb is _ARM and generator.random() < 0.7:
            # The hand is lifted, to the front or sideways.
            pose[0, 0 if generator.random() < 0.75 else 2] = generator.uniform(35, 150)
        poses.append(pose)
    is_there, stays = generator.random(2) < 0.15
    poses = poses[1 if is_there else 0 :] + ([] if stays else [rest])
    times, path = _times_of(poses, seconds, generator)
    swing = None
    if generator.random() < 0.5:
        swing = _draw_swing(high - low, times, seconds, generator)
    return Movement(tuple(limb), sides, times, path, swing)


def _times_of(
    poses: list[np.ndarray], seconds: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The times of poses, and the poses, of which those that are held come twice.

    Poses for which there is no time are left out.
    """
    path = np.stack(poses if len(poses) > 1 else poses * 2)
    while (least := least_seconds(path)).sum() > seconds and len(path) > 2:
        path = np.delete(path, len(path) // 2, 0)
    # Whatever time is left goes to slower movements and to holding poses.
    shares = generator.dirichlet(np.full(2 * len(least) + 1, 0.8))
    left = max(0.0, seconds - least.sum()) * shares
    moves, holds = least + left[: len(least)], left[len(least) :]
    arrivals = holds[0] + np.cumsum(moves) + np.cumsum([0, *holds[1:-1]])
    times = np.stack([arrivals, arrivals + holds[1:]], 1).flatten()
    return np.array([0, holds[0], *times]), path.repeat(2, 0)


def least_seconds(path: np.ndarray) -> np.ndarray:
    """How long each movement from pose to pose takes at least; its middle is the fastest.

    Args:
        path: ``[K, joints, 3]``, degrees.

    Returns:
        ``[K - 1]``.
    """
    return np.maximum(1.5 * np.abs(np.diff(path, axis=0)).max((1, 2)) / MAX_SPEED, 0.1)


def _draw_swing(
    span: np.ndarray, times: np.ndarray, seconds: float, generator: np.random.Generator
) -> Swing:
    hertz = generator.uniform(0.6, 2.8)
    largest = np.minimum(0.5 * span, min(45, 0.8 * MAX_SPEED / (2 * np.pi * hertz)))
    extent = largest * generator.uniform(-1, 1, span.shape) * (generator.random(span.shape) < 0.5)
    circles = generator.random() < 0.5
    lag = generator.choice([0, 0.25], span.shape) if circles else np.zeros(span.shape)
    start = 0.8 * times[2]  # shortly before the first pose is reached
    return Swing(extent, lag, hertz, (start, max(start + 0.5, generator.uniform(0.6, 1) * seconds)))


def _draw_crouch(
    sides: tuple[str, ...], seconds: float, generator: np.random.Generator
) -> Movement:
    """Both legs bend, so that the body goes down: to sit, to squat, to pick something up."""

    def low_pose() -> np.ndarray:
        thigh = generator.uniform(30, 100)
        shin = thigh * generator.uniform(0.9, 1.5)
        return np.array([(thigh, 0, generator.uniform(0, 20)), (-shin, 0, 0), (shin - thigh, 0, 0)])

    upright, down = np.zeros((3, 3)), low_pose()
    ways = (
        [upright, down, upright],
        [upright, down],
        [down, upright],
        [upright, down, upright, low_pose(), upright],
    )
    poses = ways[generator.choice(4, p=(0.4, 0.25, 0.25, 0.1))]
    return Movement(_BOTH_LEGS, sides, *_times_of(poses, seconds, generator))


def _draw_walk(seconds: float, generator: np.random.Generator) -> Walk:
    start, end = 0.0, seconds
    if generator.random() < 0.5:
        start = generator.uniform(0, 0.3) * seconds
    if generator.random() < 0.4:
        end = generator.uniform(0.6, 1) * seconds
    return Walk(
        hertz=generator.uniform(0.6, 1.5),
        stride=generator.uniform(12, 35),
        speed=generator.uniform(0.3, 1.2) if generator.random() < 0.8 else 0.0,
        heading=0.0 if generator.random() < 0.8 else generator.uniform(-180, 180),
        bend=0.0 if generator.random() < 0.4 else generator.uniform(-90, 90),
        times=(start, end),
    )


def _draw_turn(seconds: float, generator: np.random.Generator) -> Turn:
    degrees = generator.choice([-1, 1]) * generator.uniform(30, 150)
    least = 1.5 * abs(degrees) / MAX_TURNING_SPEED
    start = generator.uniform(0, max(0, seconds - least))
    return Turn(degrees, (start, max(start + least, generator.uniform(start, seconds))))

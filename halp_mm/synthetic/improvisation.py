"""Clips of people who perform pieces, movements drawn at random: several performances of each.

The table of actions has 14 kinds of movement; there are as many pieces as one likes. No two
performances of a piece are by the same person, at the same pace, from the same side. What they
have in common is what the encoders that come with the package have learned to see.
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
from halp_mm.synthetic.pieces import Movement, Piece, Swing, Walk, least_seconds

#: The split of all clips.
SPLIT = 'train'
#: Performances of each piece, if no number is named.
PERFORMANCES = 6
MIN_FRAMES, MAX_FRAMES = 24, 120
#: Standard deviations of the direction in which people face, in degrees from the camera: of most
#: of them, and of the others.
FACING, FACING_AWAY = 20.0, 70.0
#: Share of those others.
AWAY = 0.3
#: Seconds for which people are seen before a piece and after it, at most, and the share of a piece
#: that is cut off at either end, at most.
AROUND, CUT = 1.0, 0.12
#: Standard deviation of the angles of a pose between performances, in degrees.
POSE_DEVIATION = 12.0
#: Standard deviations of the logarithms of what differs by a factor: the pace of the whole, that of
#: parts, and frequency and extent of swings.
PACE_DEVIATION = 0.3
PART_DEVIATION = 0.35
SWING_DEVIATION = 0.3
STRIDE_DEVIATION = 0.15
#: Seconds within which swinging and walking begin and end.
FADE = 0.3
#: The errors of the best sensor, relative to those of the worst.
LEAST_ERRORS = 0.1
#: Sway and, at most, drift of people who improvise, relative to those of the table of actions.
SWAY, MAX_DRIFT = 0.6, 0.4

_STREAM = 78  # separates the random numbers from those of the actions' clips


def write_improvised(
    path: str | os.PathLike,
    num_pieces: int,
    performances: int = PERFORMANCES,
    seed: int = 0,
    layout: str | Mapping | SkeletonLayout = LAYOUT,
) -> None:
    """Write improvised clips of one person each to a data file; the piece is a clip's class.

    All are in the split ``train``. The column ``performance`` counts those of a piece from 0. Equal
    arguments give equal files.

    Args:
        path: The file to write; it appears only when it is complete.
        num_pieces: How many pieces.
        performances: How many clips of each.
        seed: Seed of the data set. A clip depends only on it and on the clip's numbers.
        layout: The layout of the clips; see :func:`~halp_mm.synthetic.other_layouts.in_layout`.

    Raises:
        ValueError: if the seed or a number is out of range, or the layout does not fit.
    """
    check_count(num_pieces=num_pieces, performances=performances)
    check_count(0, seed=seed)
    layout = get_layout(layout)
    names = [f'piece {piece}' for piece in range(num_pieces)]
    with ClipWriter(path, layout, names, 'improvised') as writer:
        writer.notes = {'seed': seed, 'frames_per_second': FRAMES_PER_SECOND}
        for piece in range(num_pieces):
            for performance in range(performances):
                clip = in_layout(improvised_clip(seed, piece, performance), layout)
                name = f'piece{piece:05d}_{performance:03d}'
                writer.add(name, clip, piece, [SPLIT], performance=performance)


def improvised_clip(seed: int, piece: int, performance: int) -> np.ndarray:
    """One clip, float32 ``[1, T, 25, 3]``, metres in camera space, joints of ``kinect_v2``."""
    generator = np.random.default_rng([seed, _STREAM, piece, 1 + performance])
    places = perform_piece(drawn_piece(seed, piece), SyntheticPerson.draw(generator), generator)
    spread = FACING_AWAY if generator.random() < AWAY else FACING
    facing = rotation_matrices(np.deg2rad((0, generator.normal(0, spread), 0)))
    seen = film(places @ facing.T, 1, generator)
    errors = add_sensor_errors(seen, generator) - seen
    return (seen + LEAST_ERRORS ** generator.random() * errors).astype(np.float32)


def drawn_piece(seed: int, piece: int) -> Piece:
    """A piece by its number."""
    return Piece.draw(np.random.default_rng([seed, _STREAM, piece, 0]))


def perform_piece(
    piece: Piece, person: SyntheticPerson, generator: np.random.Generator
) -> np.ndarray:
    """Let a person perform a piece.

    Args:
        piece: The piece.
        person: The person.
        generator: Generator of what differs between performances.

    Returns:
        ``[1, T, 25, 3]``, metres in the room, facing -z when the piece begins.
    """
    pace = person.tempo * np.exp(generator.normal(0, PACE_DEVIATION))
    time = _draw_times(piece.seconds, pace, generator)
    frames = len(time)
    amplitude = person.amplitude * generator.uniform(0.8, 1.2)
    angles = np.zeros((frames, LAYOUT.num_joints, 3))
    for movement in piece.movements:
        course = amplitude * _course(movement, time, pace, generator)
        for side in movement.sides:
            for i, part in enumerate(movement.joints):
                mirrored = (1, -1, -1) if side == 'left' else (1, 1, 1)
                angles[:, LAYOUT.index(f'{side}_{part}' if side else part)] += (
                    course[:, i] * mirrored
                )
    hips = [LAYOUT.index('left_hip'), LAYOUT.index('right_hip')]
    # Legs stay upright below a trunk that bends.
    angles[:, hips, 0] -= angles[:, LAYOUT.index('spine_base'), :1]
    path, turned = np.zeros((frames, 3)), np.zeros(frames)
    if piece.walk is not None:
        path, turned = _walk(piece.walk, time, angles, generator)
    if piece.turn is not None:
        start, end = piece.turn.times
        turned = amplitude * piece.turn.degrees * _smooth((time - start) / (end - start))
    angles += person.posture + sway(SWAY * person.sway, frames, generator)
    if generator.random() < 0.3:
        angles += fidgets(frames, generator)
    body = stand_on_floor(forward_kinematics(np.deg2rad(angles), person.offsets))
    turns = rotation_matrices(np.deg2rad(turned)[:, None] * (0, 1, 0))
    placed = body @ turns.swapaxes(1, 2) + path[:, None]
    return placed[None] + generator.uniform(0, MAX_DRIFT) * drift(frames, generator)


def _draw_times(seconds: float, pace: float, generator: np.random.Generator) -> np.ndarray:
    """The time in the piece at each frame of a clip, ``[T]``."""
    before, after = generator.uniform(-CUT * seconds, AROUND, 2)
    frames = round((before + after + seconds / pace) * FRAMES_PER_SECOND)
    frames = int(np.clip(frames, MIN_FRAMES, MAX_FRAMES))
    time = (np.arange(frames) / FRAMES_PER_SECOND - before) * pace
    # The first part is quicker than the last, or those in the middle than the ends, or the reverse.
    x = np.clip(time / seconds, 0, 1)
    halves, quarters = generator.uniform(-0.42, 0.42, 2) * seconds / np.pi
    return time + halves * np.sin(np.pi * x) + quarters / 2 * np.sin(2 * np.pi * x)


def _course(
    movement: Movement, time: np.ndarray, pace: float, generator: np.random.Generator
) -> np.ndarray:
    """The angles of a limb, ``[T, joints, 3]``, degrees."""
    # A pose that is held comes twice, with the same deviation; angles that never move have none.
    held = movement.poses[::2]
    deviation = generator.normal(0, POSE_DEVIATION, held.shape) * np.abs(held).any(0)
    is_rest = ~held.any((1, 2), keepdims=True)
    poses = (held + deviation * ~is_rest).repeat(2, 0)
    gaps = np.diff(movement.times)
    gaps *= np.exp(generator.normal(0, PART_DEVIATION, len(gaps)))
    # Whoever is quick is no quicker than people can be.
    gaps[1::2] = np.maximum(gaps[1::2], pace * least_seconds(poses[::2]))
    times = generator.normal(0, PART_DEVIATION / 2) + np.cumsum([movement.times[0], *gaps])
    before = np.clip(np.searchsorted(times, time, side='right') - 1, 0, len(times) - 2)
    length = np.maximum(times[before + 1] - times[before], 1e-6)
    share = _smooth((time - times[before]) / length)[:, None, None]
    course = poses[before] * (1 - share) + poses[before + 1] * share
    return course if movement.swing is None else course + _swing(movement.swing, time, generator)


def _swing(swing: Swing, time: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The angles by which a limb swings, ``[T, joints, 3]``, degrees."""
    faster, further = np.exp(generator.normal(0, SWING_DEVIATION, 2))
    cycles = faster * swing.hertz * (time - swing.times[0]) + generator.random()
    wave = np.sin(2 * np.pi * (cycles[:, None, None] - swing.lag))
    return _within(time, swing.times)[:, None, None] * wave * further * swing.extent


def _walk(
    walk: Walk, time: np.ndarray, angles: np.ndarray, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Add the steps to the angles of the joints, ``[T, V, 3]``.

    Arms that have nothing else to do swing as well.

    Returns:
        The path ``[T, 3]``, metres, its middle at the origin, and how far the body has turned at
        each frame, degrees.
    """
    going = _within(time, walk.times)
    longer, faster = np.exp(generator.normal(0, STRIDE_DEVIATION, 2))
    stride, arms = walk.stride * longer * going, generator.uniform(0.3, 1)
    cycle = 2 * np.pi * (walk.hertz * time + generator.random())
    for side, sign in (('left', 1), ('right', -1)):
        forward, lifted = sign * np.sin(cycle), np.clip(sign * np.cos(cycle), 0, None)
        angles[:, LAYOUT.index(f'{side}_hip'), 0] += stride * (forward + 0.3)
        angles[:, LAYOUT.index(f'{side}_knee'), 0] -= stride * (0.3 + 1.5 * lifted)
        shoulder = LAYOUT.index(f'{side}_shoulder')
        if not angles[:, shoulder].any():
            angles[:, shoulder, 0] -= stride * forward * arms
    turned = walk.bend * (np.clip(time, *walk.times) - walk.times[0])
    heading = np.deg2rad(turned + walk.heading)
    steps = walk.speed * faster * going * np.gradient(time)
    path = np.stack([-np.sin(heading), np.zeros_like(heading), -np.cos(heading)], 1)
    path = (path * steps[:, None]).cumsum(0)
    return path - (path.min(0) + path.max(0)) / 2, turned


def _smooth(share: np.ndarray) -> np.ndarray:
    """Go from 0 to 1 without a jerk."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)


def _within(time: np.ndarray, times: tuple[float, float]) -> np.ndarray:
    """Rise from 0 to 1 after the first time, and fall to 0 before the second."""
    start, end = times
    return np.clip((time - start) / FADE, 0, 1) * np.clip((end - time) / FADE, 0, 1)

"""Synthetic clips from a kinematic model of people in front of depth cameras.

The clips need no download. They have the difficulties of real recordings: bodies of different
sizes, individual movement traits, views from different sides, sensor noise and lost joints.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from halp_mm.datasets.storage import ClipWriter
from halp_mm.skeletons import SkeletonLayout, get_layout
from halp_mm.synthetic.actions import ACTIONS, Action, Manner
from halp_mm.synthetic.body import (
    LAYOUT,
    SyntheticPerson,
    forward_kinematics,
    rotation_matrices,
    stand_on_floor,
)
from halp_mm.synthetic.other_layouts import in_layout

NUM_SUBJECTS = 20
NUM_CAMERAS = 3
MAX_REPEATS = 999  # limited by the three digits in the clips' names
FRAMES_PER_SECOND = 30
MIN_FRAMES, MAX_FRAMES = 40, 120

_SUBJECT_STREAM, _CLIP_STREAM = 0, 1  # separate the random numbers of subjects and clips
# Yaw in degrees, height above the floor and distance from the middle of the scene in metres.
_CAMERAS = ((0, 1.1, 3.2), (-45, 1.3, 3.3), (45, 1.2, 3.1))
_MAX_FACING = 120  # degrees that people turn at most to either side of the first camera


@dataclass(frozen=True)
class SyntheticClip:
    """A clip and its metadata.

    Args:
        coordinates: float32 ``[M, T, 25, 3]``, metres in camera space, joints of ``kinect_v2``: x
            to the right in the Kinect's mirrored image, y up, z away from the camera. A person
            whom the sensor has lost is zero.
        label: The action, counted from 0 in ``ACTIONS``.
        subject: The subject, counted from 1.
        camera: The camera, counted from 1.
        repetition: The repetition, counted from 1.
    """

    coordinates: np.ndarray
    label: int
    subject: int
    camera: int
    repetition: int

    @property
    def name(self) -> str:
        """The name in NTU's format: setup, camera, performer, repetition and action."""
        return (
            f'S001C{self.camera:03d}P{self.subject:03d}R{self.repetition:03d}A{self.label + 1:03d}'
        )

    @property
    def splits(self) -> tuple[str, str]:
        """The splits: odd subjects train, even ones test; cameras 2 and 3 train, camera 1 tests."""
        return (
            'xsub_train' if self.subject % 2 else 'xsub_test',
            'xview_test' if self.camera == 1 else 'xview_train',
        )


def generate_synthetic(seed: int = 0, repeats: int = 1) -> Iterator[SyntheticClip]:
    """Generate all clips of the data set, one at a time.

    Args:
        seed: Seed of the data set. A clip depends only on it and on the clip's name.
        repeats: Number of repetitions of each action by each subject before each camera.

    Yields:
        ``20 subjects x actions x 3 cameras x repeats`` clips.

    Raises:
        ValueError: if the seed is negative, or ``repeats`` is not from 1 to 999.
    """
    _check_seed(seed)
    if not 1 <= repeats <= MAX_REPEATS:
        raise ValueError(f'repeats is {repeats}; expected 1 to {MAX_REPEATS}')
    return (
        generate_clip(seed, subject, label, camera, repetition)
        for subject in range(1, NUM_SUBJECTS + 1)
        for label in range(len(ACTIONS))
        for camera in range(1, NUM_CAMERAS + 1)
        for repetition in range(1, repeats + 1)
    )


def write_synthetic(
    path: str | os.PathLike,
    seed: int = 0,
    repeats: int = 1,
    layout: str | Mapping | SkeletonLayout = LAYOUT,
) -> None:
    """Write the data set to a data file.

    The file has the splits ``xsub_train``, ``xsub_test``, ``xview_train`` and ``xview_test`` and
    the columns ``subject``, ``camera`` and ``repetition``. Equal arguments give equal files.

    Args:
        path: The file to write; it appears only when it is complete.
        seed: See :func:`generate_synthetic`.
        repeats: See :func:`generate_synthetic`.
        layout: The layout of the clips; see :func:`~halp_mm.synthetic.other_layouts.in_layout`.

    Raises:
        ValueError: if the seed or the repeats are out of range, or the layout does not fit.
    """
    clips, layout = generate_synthetic(seed, repeats), get_layout(layout)
    with ClipWriter(path, layout, list(ACTIONS), 'synthetic') as writer:
        writer.notes = {'seed': seed, 'repeats': repeats, 'frames_per_second': FRAMES_PER_SECOND}
        for clip in clips:
            writer.add(
                clip.name,
                in_layout(clip.coordinates, layout),
                clip.label,
                clip.splits,
                subject=clip.subject,
                camera=clip.camera,
                repetition=clip.repetition,
            )


def synthetic_person(seed: int, subject: int) -> SyntheticPerson:
    """The body and movement traits of a subject.

    Raises:
        ValueError: if the seed is negative.
    """
    _check_seed(seed)
    return SyntheticPerson.draw(np.random.default_rng([seed, _SUBJECT_STREAM, subject]))


def generate_clip(
    seed: int, subject: int, label: int, camera: int, repetition: int
) -> SyntheticClip:
    """Generate one clip.

    Args:
        seed: Seed of the data set.
        subject: The subject, from 1 to 20.
        label: The action, counted from 0 in ``ACTIONS``.
        camera: The camera, from 1 to 3.
        repetition: The repetition, from 1 to 999.

    Raises:
        ValueError: if the seed is negative or a number is out of range.
    """
    _check_seed(seed)
    for name, number, first, last in (
        ('subject', subject, 1, NUM_SUBJECTS),
        ('label', label, 0, len(ACTIONS) - 1),
        ('camera', camera, 1, NUM_CAMERAS),
        ('repetition', repetition, 1, MAX_REPEATS),
    ):
        if not first <= number <= last:
            raise ValueError(f'{name} is {number}; expected {first} to {last}')
    numbers = [seed, _CLIP_STREAM, subject, label, camera, repetition]
    generator = np.random.default_rng(numbers)
    action = list(ACTIONS.values())[label]
    # Partners come from the same half of the subjects, so that training contains no test bodies.
    others = [s for s in range(1, NUM_SUBJECTS + 1) if s != subject and (s - subject) % 2 == 0]
    subjects = [subject, *generator.permutation(others)][: action.num_people]
    people = [synthetic_person(seed, int(person)) for person in subjects]
    coordinates = film(perform(action, people, generator), camera, generator)
    coordinates = add_sensor_errors(coordinates, generator)
    return SyntheticClip(coordinates.astype(np.float32), label, subject, camera, repetition)


def perform(
    action: Action, people: list[SyntheticPerson], generator: np.random.Generator
) -> np.ndarray:
    """Simulate a performance of an action.

    Args:
        action: The action.
        people: As many people as the action needs.
        generator: Generator of the differences between performances.

    Returns:
        ``[M, T, 25, 3]``, metres in the room: the floor is y = 0, the origin is the scene's middle,
        and -z points to the first camera. People are in the order of tracking.
    """
    seconds = generator.uniform(*action.seconds) / people[0].tempo
    busy = min(round(seconds * FRAMES_PER_SECOND), MAX_FRAMES - 6)
    frames = max(generator.integers(MIN_FRAMES, MAX_FRAMES + 1), busy + 6)
    start = generator.integers(0, frames - busy + 1)
    progress = np.clip((np.arange(frames) - start) / busy, 0, 1)
    other_hand = bool(generator.random() < 0.1)
    peak = generator.uniform(0.3, 0.5)
    places = []
    for position, person in enumerate(people):
        traits = np.clip(0.6 * person.habits + generator.uniform(-0.6, 0.6, 3), -1, 1)
        amplitude = person.amplitude * generator.uniform(0.9, 1.1)
        manner = Manner(amplitude, busy / FRAMES_PER_SECOND, *traits, peak)
        motion = action.motion(position, progress, manner)
        # People who interact use the same hand.
        if people[0].left_handed != other_hand:
            motion = motion.mirrored()
        angles = motion.angles + person.posture + sway(person.sway, frames, generator)
        angles += fidgets(frames, generator)
        body = stand_on_floor(forward_kinematics(np.deg2rad(angles), person.offsets))
        places.append(body + motion.path[:, None])
    # People who interact drift together.
    return _place_in_room(np.stack(places), action, generator) + drift(frames, generator)


def film(places: np.ndarray, camera: int, generator: np.random.Generator) -> np.ndarray:
    """Transform a scene to the space of a camera.

    Args:
        places: ``[M, T, 25, 3]``, metres in the room.
        camera: The camera, from 1 to 3.
        generator: Generator of small differences in the camera's setup.

    Returns:
        ``[M, T, 25, 3]``, metres in camera space.
    """
    yaw, height, distance = _CAMERAS[camera - 1]
    tilt, roll, turn = generator.normal(0, (3, 1, 3))
    around = rotation_matrices(np.deg2rad((0, yaw + turn, 0)))
    tilted = rotation_matrices(np.deg2rad((tilt, 0, roll)))
    seen = places @ around.T + (0, -height, distance + generator.uniform(-0.2, 0.2))
    return seen @ tilted.T


def add_sensor_errors(coordinates: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add the tracking errors of a depth sensor.

    Joints tremble and drift, especially hands. Single joints occasionally freeze or jump for some
    frames. A second person is sometimes lost.

    Args:
        coordinates: ``[M, T, 25, 3]``, metres in camera space.
        generator: Generator of the errors.

    Returns:
        A new ``[M, T, 25, 3]``.
    """
    people, frames, joints, _ = coordinates.shape
    white = generator.normal(size=(2, *coordinates.shape))
    age = np.arange(frames)[:, None] - np.arange(frames)
    memory = np.where(age >= 0, 0.85 ** np.abs(age), 0) * np.sqrt(1 - 0.85**2)
    drift = np.einsum('ts,msvc->mtvc', memory, white[1])
    noisy = coordinates + _NOISE[:, None] * (0.5 * white[0] + drift)
    for _ in range(generator.poisson(1.5 * people)):
        person, joint = generator.integers(people), generator.integers(joints)
        first = generator.integers(1, frames - 3)
        lost = slice(first, first + generator.integers(3, 13))
        if generator.random() < 0.6:
            noisy[person, lost, joint] = noisy[person, first - 1, joint]
        else:
            noisy[person, lost, joint] += generator.normal(0, 0.12, 3)
    if people > 1 and generator.random() < 0.2:
        first = generator.integers(0, frames - 10)
        noisy[1, first : first + generator.integers(2, 11)] = 0
    return noisy


def _joint_noise() -> np.ndarray:
    """The typical error of each joint, ``[V]``, metres."""
    noise = np.full(LAYOUT.num_joints, 0.007)
    for parts, factor in ((('hand', 'thumb', 'wrist'), 2.2), (('foot', 'ankle'), 1.6)):
        for index, joint in enumerate(LAYOUT.joints):
            if any(part in joint for part in parts):
                noise[index] *= factor
    return noise


_NOISE = _joint_noise()

# Joints of purposeless movements, with the maximum angles in degrees about x, y and z.
_FIDGETS = [
    *((f'{side}_shoulder', (45, 20, 20)) for side in ('left', 'right')),
    *((f'{side}_elbow', (90, 35, 0)) for side in ('left', 'right')),
    ('neck', (15, 40, 10)),
    ('spine_mid', (8, 15, 8)),
]


def sway(degrees: float, frames: int, generator: np.random.Generator) -> np.ndarray:
    """Slow drift of all joint angles, ``[T, V, 3]``, degrees."""
    angles = degrees * _slow_waves(frames, (LAYOUT.num_joints, 3), generator)
    angles[:, LAYOUT.index('spine_base'), 1] *= 6  # standing people turn more than they lean
    return angles


def drift(frames: int, generator: np.random.Generator) -> np.ndarray:
    """Slow drift of people from their position, ``[T, 1, 3]``, metres."""
    return _slow_waves(frames, (1, 3), generator) * (0.14, 0, 0.14)


def _slow_waves(frames: int, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Smooth noise of variance 1, ``[T, *shape]``."""
    waves = (3, 1, *shape)
    hertz, phase = generator.uniform(0.05, 0.5, waves), generator.uniform(0, 2 * np.pi, waves)
    time = np.arange(frames).reshape(-1, *(1 for _ in shape)) / FRAMES_PER_SECOND
    return np.sin(2 * np.pi * hertz * time + phase).sum(0) / np.sqrt(1.5)


def fidgets(frames: int, generator: np.random.Generator) -> np.ndarray:
    """Movements unrelated to the action, ``[T, V, 3]``, degrees."""
    angles = np.zeros((frames, LAYOUT.num_joints, 3))
    time = np.arange(frames)
    for _ in range(generator.poisson(4)):
        joint, max_turn = _FIDGETS[generator.integers(len(_FIDGETS))]
        middle, width = generator.uniform(0, frames), generator.uniform(6, 25)
        turn = generator.uniform(-1, 1, 3) * max_turn
        turn[0] = abs(turn[0])  # elbows do not bend backwards
        angles[:, LAYOUT.index(joint)] += np.exp(-(((time - middle) / width) ** 2))[:, None] * turn
    return angles


def _place_in_room(
    places: np.ndarray, action: Action, generator: np.random.Generator
) -> np.ndarray:
    """Move bodies from the origin to their positions in the room, ``[M, T, 25, 3]``."""
    facing = generator.uniform(-_MAX_FACING, _MAX_FACING)
    middle = np.array([generator.uniform(-0.3, 0.3), 0, generator.uniform(-0.3, 0.3)])
    if len(places) == 2:
        # They face each other; who faces the first camera must not depend on the class.
        facing += generator.choice([-90, 90])
        distance = generator.uniform(*action.distance)
        places = np.stack([places[0], places[1] * (-1, 1, -1)]) + (
            np.array([1, -1])[:, None, None, None] * (0, 0, distance / 2)
        )
    turn = rotation_matrices(np.deg2rad((0, facing, 0)))
    placed = places @ turn.T + middle
    return placed[generator.permutation(len(placed))]


def _check_seed(seed: int) -> None:
    if seed < 0:
        raise ValueError(f'seed is {seed}; expected 0 or more')

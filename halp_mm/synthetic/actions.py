"""The actions of the synthetic people: joint angles as functions of time.

Angles are in degrees about the axes of :mod:`~halp_mm.synthetic.body` and are added to a person's
posture. Positive x lifts a hanging arm or leg to the front, bends an elbow or leans a trunk back.
On the right side, positive z lifts a limb sideways and positive y turns it inwards. All actions are
defined for the right hand and foot; :meth:`Motion.mirrored` gives those for the left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from halp_mm.synthetic.body import LAYOUT

Angle = float | np.ndarray
Angles = Mapping[str, tuple[Angle, Angle, Angle]]


@dataclass(frozen=True)
class Manner:
    """The manner of one performance of an action.

    Args:
        amplitude: Relative extent of the joints' movements; 1 is typical.
        seconds: Duration of the action.
        height: Height that hands or feet reach, from -1 to 1.
        direction: Direction of hands or feet, from -1 (inwards) to 1 (outwards).
        carriage: Extent to which elbows and knees are bent and held out, from -1 to 1.
        peak: Progress at which the action culminates, from 0.3 to 0.5.
    """

    amplitude: float
    seconds: float
    height: float
    direction: float
    carriage: float
    peak: float


@dataclass(frozen=True)
class Motion:
    """The motion of one person in an action, over T frames.

    Args:
        angles: ``[T, V, 3]``, degrees, without the person's posture.
        path: ``[T, 3]``: the person's path, metres along the body's axes; y is a jump.
    """

    angles: np.ndarray
    path: np.ndarray

    def mirrored(self) -> Motion:
        """The same motion by the other side of the body."""
        angles = self.angles[:, list(LAYOUT.mirror)] * (1, -1, -1)
        return Motion(angles, self.path * (-1, 1, 1))


# The result of an action's function: angles by joint, and the path.
Performance = tuple[Angles, tuple[Angle, Angle, Angle]]
_STAY = (0, 0, 0)


def _smooth(progress: np.ndarray, start: float, end: float) -> np.ndarray:
    """Rise smoothly from 0 at the start to 1 at the end."""
    x = np.clip((progress - start) / (end - start), 0, 1)
    return x * x * (3 - 2 * x)


def _rise_and_fall(progress: np.ndarray, top: float, fall: float, end: float = 1) -> np.ndarray:
    """Rise from 0 to 1 at ``top``, then fall from 1 at ``fall`` to 0 at ``end``."""
    return _smooth(progress, 0, top) - _smooth(progress, fall, end)


def _swing(progress: np.ndarray, manner: Manner, hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * manner.seconds * progress)


def _both(part: str, x: Angle = 0, y: Angle = 0, z: Angle = 0) -> Angles:
    """The same angles for the right side and, mirrored, for the left side."""
    left = -np.asarray(y), -np.asarray(z)
    return {f'right_{part}': (x, y, z), f'left_{part}': (x, *left)}


def _wave(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, 0.25, 0.75)
    swing = up * _swing(progress, manner, 1.6 - 0.4 * manner.carriage)
    return {
        'right_shoulder': (up * 85, up * 15 * manner.direction, up * (70 + 30 * manner.height)),
        'right_elbow': (up * (70 - 30 * manner.height) + swing * 22, swing * 12, 0),
        'right_wrist': (0, 0, swing * 15),
    }, _STAY


def _drink(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, manner.peak, 0.7)
    sip = _rise_and_fall(progress, manner.peak + 0.1, 0.65, 0.85)
    return {
        'right_shoulder': (up * (68 + 8 * sip), up * 14, up * (10 + 10 * manner.carriage)),
        'right_elbow': (up * 124, up * 22, 0),
        'neck': (sip * 16 - up * 4, 0, 0),
    }, _STAY


def _phone_call(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, manner.peak, 0.75)
    return {
        'right_shoulder': (up * 98, -up * (22 + 12 * manner.carriage), up * 6),
        'right_elbow': (up * 135, up * 12, 0),
        'neck': (0, up * 8 * manner.direction, -up * 10),
    }, _STAY


def _clap(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, 0.25, 0.75)
    beat = up * (0.5 + 0.5 * _swing(progress, manner, 2.2 + 0.5 * manner.direction))
    return {
        **_both('shoulder', up * (35 + 35 * manner.height), up * 12, 0),
        **_both('elbow', up * (65 - 30 * manner.height), up * 25 - beat * 35, 0),
    }, _STAY


def _throw(progress: np.ndarray, manner: Manner) -> Performance:
    out = _rise_and_fall(progress, manner.peak, 0.75)
    release = _smooth(progress, manner.peak, manner.peak + 0.2) * out
    return {
        'right_shoulder': (
            out * (95 - 35 * release),
            -out * 20 + release * 95,
            out * (78 + 15 * manner.height),
        ),
        'right_elbow': (out * 95 - release * 85, 0, 0),
        'spine_mid': (-release * 12, -out * 20 + release * 45, 0),
        'left_hip': (release * 14, 0, 0),
    }, _STAY


def _point(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, manner.peak, 0.75)
    return {
        'right_shoulder': (up * (80 + 25 * manner.height), -up * 35 * manner.direction, 0),
        'right_elbow': (-up * 12, 0, 0),
        'neck': (0, -up * 20 * manner.direction, 0),
    }, _STAY


def _kick(progress: np.ndarray, manner: Manner) -> Performance:
    back = _rise_and_fall(progress, manner.peak * 0.7, manner.peak * 0.8, manner.peak + 0.1)
    front = _rise_and_fall(np.clip(progress - manner.peak * 0.6, 0, 1), 0.25, 0.3, 0.6)
    return {
        'right_hip': (
            -back * 22 + front * (62 + 18 * manner.height),
            0,
            front * 12 * manner.direction,
        ),
        'right_knee': (-back * 55 - front * (18 + 14 * manner.carriage), 0, 0),
        'left_shoulder': (front * 30 - back * 15, 0, -front * 15),
        'right_shoulder': (-front * 22, 0, front * 15),
        'spine_mid': (-front * 8, front * 12, 0),
    }, _STAY


def _bow(progress: np.ndarray, manner: Manner) -> Performance:
    down = _rise_and_fall(progress, manner.peak, 0.65)
    bend = down * (38 + 12 * manner.height)
    return {
        'spine_base': (-bend, 0, 0),
        'spine_mid': (-down * 18, 0, 0),
        'neck': (-down * 14, 0, 0),
        **_both('hip', bend),
        **_both('shoulder', bend * (0.5 + 0.5 * manner.carriage)),
    }, _STAY


def _sit_down(progress: np.ndarray, manner: Manner) -> Performance:
    seated = _smooth(progress, 0, 1)
    lean = 4 * seated * (1 - seated) * (26 + 8 * manner.height)
    thighs = seated * (76 + 6 * manner.height)
    return {
        'spine_base': (-lean * 0.5, 0, 0),
        'spine_mid': (-lean * 0.6, 0, 0),
        **_both('hip', thighs + lean * 0.5, 0, seated * (4 + 6 * manner.direction)),
        **_both('knee', -thighs * 1.08),
        **_both('ankle', thighs * 0.08),
        **_both('shoulder', seated * 28 + lean * 0.6),
        **_both('elbow', seated * (32 + 15 * manner.carriage), seated * 15),
    }, _STAY


def _stand_up(progress: np.ndarray, manner: Manner) -> Performance:
    return _sit_down(1 - progress, manner)


def _jump_up(progress: np.ndarray, manner: Manner) -> Performance:
    start, end = manner.peak, manner.peak + 0.3
    crouch = _rise_and_fall(progress, start * 0.7, start * 0.75, start)
    landing = _smooth(progress, end - 0.05, end + 0.08) - _smooth(progress, end + 0.1, 1)
    bend = (crouch + 0.7 * landing) * 48
    time = np.clip((progress - start) / (end - start), 0, 1)
    arms = _rise_and_fall(progress, start, end) * (70 + 60 * manner.height)
    return {
        'spine_mid': (-bend * 0.5, 0, 0),
        **_both('hip', bend),
        **_both('knee', -bend * 1.9),
        **_both('ankle', bend * 0.9),
        **_both('shoulder', arms - crouch * 45),
        **_both('elbow', arms * 0.3),
    }, (0, 4 * time * (1 - time) * (0.26 + 0.08 * manner.height), 0)


def _shake_hand(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, 0.3, 0.75)
    shake = up * _swing(progress, manner, 2.2 + 0.4 * manner.direction)
    return {
        'right_shoulder': (up * 42 + shake * 7, up * 10, up * 6 * manner.carriage),
        'right_elbow': (up * (32 + 10 * manner.carriage) + shake * 10, up * 5, 0),
        'spine_mid': (-up * 7, up * 8, 0),
    }, _STAY


def _steps(progress: np.ndarray, start: float, end: float) -> Angles:
    """Two steps in any direction."""
    x = np.clip((progress - start) / (end - start), 0, 1)
    left, right = np.sin(np.pi * np.clip(2 * x, 0, 1)), np.sin(np.pi * np.clip(2 * x - 1, 0, 1))
    return {
        'left_hip': (left * 24, 0, 0),
        'left_knee': (-left * 38, 0, 0),
        'right_hip': (right * 24, 0, 0),
        'right_knee': (-right * 38, 0, 0),
    }


def _push(progress: np.ndarray, manner: Manner) -> Performance:
    up = _rise_and_fall(progress, manner.peak, 0.7)
    thrust = _rise_and_fall(progress, manner.peak + 0.1, 0.6, 0.85) * up
    return {
        **_both('shoulder', up * (35 + 10 * manner.height) + thrust * 38, up * 4, up * 6),
        **_both('elbow', up * 85 - thrust * 78),
        'spine_mid': (-thrust * 14, 0, 0),
        **_steps(progress, manner.peak, manner.peak + 0.3),
    }, (0, 0, -thrust * 0.15)


def _be_pushed(progress: np.ndarray, manner: Manner) -> Performance:
    start = manner.peak + 0.05
    gone = _smooth(progress, start, start + 0.35)
    shock = _smooth(progress, start, start + 0.12) - _smooth(progress, start + 0.15, 1)
    return {
        'spine_mid': (shock * 16, 0, 0),
        'neck': (-shock * 12, 0, 0),
        **_both('shoulder', shock * 35, 0, shock * (20 + 15 * manner.carriage)),
        **_both('elbow', shock * 30),
        **_steps(progress, start, start + 0.35),
    }, (0, 0, gone * (0.35 + 0.1 * manner.height))


def _hug(progress: np.ndarray, manner: Manner) -> Performance:
    near = _rise_and_fall(progress, 0.35, 0.7)
    up = _rise_and_fall(progress, 0.4, 0.65)
    close = _rise_and_fall(progress, 0.5, 0.6, 0.9)
    return {
        **_both('shoulder', up * (58 + 16 * manner.height), up * (close * 45 - 25), up * 8),
        **_both('elbow', up * 22 + close * 38, close * 35),
        'spine_mid': (-close * 10, 0, close * 6 * manner.direction),
        'neck': (0, 0, close * 10),
        **_steps(progress, 0, 0.35),
    }, (0, 0, -near * 0.24)


@dataclass(frozen=True)
class Action:
    """An entry of the table of actions.

    Args:
        performers: Each person's performance as a function of the progress ``[T]`` from 0 to 1 and
            of the person's manner.
        seconds: Minimum and maximum duration at a tempo of 1.
        distance: Minimum and maximum distance between two people, metres.
    """

    performers: tuple[Callable[[np.ndarray, Manner], Performance], ...]
    seconds: tuple[float, float] = (1.5, 2.4)
    distance: tuple[float, float] = (0.0, 0.0)

    @property
    def num_people(self) -> int:
        """Number of people who take part."""
        return len(self.performers)

    def motion(self, person: int, progress: np.ndarray, manner: Manner) -> Motion:
        """Compute a person's motion.

        Args:
            person: Index of the person in ``performers``.
            progress: ``[T]``, from 0 before the action to 1 after it.
            manner: The manner of the performance.
        """
        rotations, path = self.performers[person](progress, manner)
        motion = Motion(
            np.zeros((len(progress), LAYOUT.num_joints, 3)), np.zeros((len(progress), 3))
        )
        for joint, angles in rotations.items():
            for axis, angle in enumerate(angles):
                motion.angles[:, LAYOUT.index(joint), axis] = manner.amplitude * np.asarray(angle)
        for axis, place in enumerate(path):
            motion.path[:, axis] = place
        return motion


#: The actions by name, in the order of the classes.
ACTIONS = {
    'wave': Action((_wave,)),
    'drink': Action((_drink,)),
    'phone call': Action((_phone_call,)),
    'clap': Action((_clap,)),
    'throw': Action((_throw,)),
    'point': Action((_point,)),
    'kick': Action((_kick,)),
    'bow': Action((_bow,)),
    'sit down': Action((_sit_down,)),
    'stand up': Action((_stand_up,)),
    'jump up': Action((_jump_up,), seconds=(1.4, 1.8)),
    'handshake': Action((_shake_hand, _shake_hand), distance=(0.95, 1.15)),
    'push': Action((_push, _be_pushed), distance=(0.7, 0.9)),
    'hug': Action((_hug, _hug), distance=(0.85, 1.05)),
}

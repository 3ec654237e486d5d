"""Who of the bodies that the Kinect saw in an NTU clip are the actors.

A body is what has one body ID. The slots in which the bodies of a frame stand mean nothing.

Spurious bodies are dropped. The tracker takes seats, tables or reflections for people; such a body

- is seen in fewer than 12 frames, or
- is wider than people are: in at least 70 % of the frames in which it is seen, its joints spread
  over more than 0.8 times as much in x as in y.

If all bodies of a clip are so, the one of largest energy is kept: somebody who lies, for example.

The two others of largest energy are kept; the larger one, the main actor, comes first. The energy
of a body is the sum over x, y and z of the standard deviation over all joints in the frames in
which it is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from halp_mm.preparation.ntu.skeleton_file import SkeletonFile
from halp_mm.preparation.people import bodies_by_energy, place_people

MIN_FRAMES = 12
WIDEST = 0.8
WIDE_SHARE = 0.7


@dataclass(frozen=True)
class People:
    """The actors of a clip.

    Args:
        coordinates: float32 ``[M, T, 25, 3]``, metres, the main actor first, zero where an actor
            is not seen; M is 0 to 2.
        spurious: How many bodies were dropped as spurious.
        surplus: How many further bodies were dropped because two have more energy.
    """

    coordinates: np.ndarray
    spurious: int
    surplus: int


def choose_people(file: SkeletonFile) -> People:
    """Follow the bodies through a clip and keep the actors, as this module's docstring says.

    Args:
        file: The bodies of all frames.

    Returns:
        The actors. A body whose joints are all zero in a frame is not seen there.
    """
    seen = file.coordinates.any(axis=(1, 2))
    frames, ids = file.frames[seen], file.body_ids[seen]
    coordinates = file.coordinates[seen]
    bodies = bodies_by_energy(ids, coordinates)
    real = [body for body in bodies if not is_spurious(coordinates[body])] or bodies[:1]
    people = place_people(real, frames, coordinates, file.num_frames)
    return People(people, len(bodies) - len(real), len(real) - len(people))


def is_spurious(body: np.ndarray) -> bool:
    """Whether a body is none of a person.

    Args:
        body: ``[F, V, 3]``, metres: the frames in which it is seen.
    """
    spread = np.ptp(body, axis=1)
    is_wide = spread[:, 0] > WIDEST * spread[:, 1]
    return len(body) < MIN_FRAMES or bool(is_wide.mean() >= WIDE_SHARE)

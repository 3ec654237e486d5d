"""Which of the bodies in a recording are kept as people: those of largest energy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_PEOPLE = 2


def energy(body: np.ndarray, seen: np.ndarray | None = None) -> float:
    """How much a body moves and spreads.

    Args:
        body: ``[F, V, D]``, coordinates in the frames in which it is seen.
        seen: Boolean ``[F, V]``: the joints that count; by default all.

    Returns:
        The sum over the coordinates of the standard deviation, in the coordinates' unit.
    """
    joints = body.reshape(-1, body.shape[-1]) if seen is None else body[seen]
    return float(joints.std(axis=0, dtype=np.float64).sum()) if len(joints) else 0.0


def bodies_by_energy(
    ids: np.ndarray, coordinates: np.ndarray, seen: np.ndarray | None = None
) -> list[np.ndarray]:
    """Gather what has the same ID; the body of largest energy comes first.

    Args:
        ids: ``[B]``, the IDs of B poses.
        coordinates: ``[B, V, D]``.
        seen: Boolean ``[B, V]``: the joints that count; by default all.

    Returns:
        The positions of each body's poses. Of bodies of equal energy the earlier one comes first.
    """
    known, first = np.unique(ids, return_index=True)
    bodies = [np.flatnonzero(ids == body) for body in known[np.argsort(first)]]

    def body_energy(body: np.ndarray) -> float:
        return energy(coordinates[body], None if seen is None else seen[body])

    return sorted(bodies, key=body_energy, reverse=True)


def place_people(
    bodies: Sequence[np.ndarray], frames: np.ndarray, poses: np.ndarray, num_frames: int
) -> np.ndarray:
    """Make a clip of the first bodies.

    Args:
        bodies: The positions of each body's poses.
        frames: ``[B]``, the frame of each pose.
        poses: ``[B, V, C]``.
        num_frames: T.

    Returns:
        float32 ``[M, T, V, C]`` with M of at most :data:`MAX_PEOPLE`, zero where a body is absent.
    """
    bodies = bodies[:MAX_PEOPLE]
    people = np.zeros((len(bodies), num_frames, *poses.shape[1:]), np.float32)
    for person, body in zip(people, bodies):
        person[frames[body]] = poses[body]
    return people

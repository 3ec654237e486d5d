"""Follow people through frames where no track ids say who is who.

The distance of two poses is the mean distance of the joints that are seen in both. In each frame
the poses are assigned to the people who were seen in the last :data:`MAX_GAP` frames so that the
sum of distances is smallest. A pose that is further away than the person is large, by the diagonal
of the box around the person's last pose, is somebody new.
"""

from __future__ import annotations

import numpy as np

MAX_GAP = 30


def follow_people(frames: np.ndarray, coordinates: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Find the poses of each person.

    Args:
        frames: ``[B]``, the frame of each pose.
        coordinates: ``[B, V, D]``.
        seen: Boolean ``[B, V]``; each pose has a joint that is seen.

    Returns:
        int64 ``[B]``, the number of each pose's person, counted from 0.
    """
    ids = np.full(len(frames), -1, np.int64)
    order = np.argsort(frames, kind='stable')
    starts = np.flatnonzero(np.diff(frames[order], prepend=-1))
    latest: dict[int, int] = {}  # the last pose of each person
    num_people = 0
    for poses in np.split(order, starts[1:]) if len(order) else []:
        latest = {
            person: pose
            for person, pose in latest.items()
            if frames[poses[0]] - frames[pose] <= MAX_GAP
        }
        people, last = list(latest), np.array(list(latest.values()), np.int64)
        for i, j in _assign(coordinates, seen, last, poses):
            ids[poses[j]] = people[i]
        for pose in poses[ids[poses] < 0]:
            ids[pose] = num_people
            num_people += 1
        latest |= zip(ids[poses].tolist(), poses.tolist())
    return ids


def _assign(
    coordinates: np.ndarray, seen: np.ndarray, last: np.ndarray, poses: np.ndarray
) -> list[tuple[int, int]]:
    """Pairs of a person and a pose, by their positions."""
    if not len(last):
        return []
    from scipy.optimize import linear_sum_assignment  # takes half a second to import

    common = seen[last][:, None] & seen[poses][None]
    between = np.linalg.norm(coordinates[last][:, None] - coordinates[poses][None], axis=-1)
    distances = (between * common).sum(-1) / np.maximum(common.sum(-1), 1)
    sizes = np.array([np.linalg.norm(np.ptp(coordinates[i][seen[i]], axis=0)) for i in last])
    is_near = common.any(-1) & (distances <= sizes[:, None])
    far = 1 + 2 * distances.max() * min(distances.shape)  # worse than all that are near together
    pairs = zip(*linear_sum_assignment(np.where(is_near, distances, far)))
    return [(i, j) for i, j in pairs if is_near[i, j]]

"""What a reader of a format finds, and how it becomes a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from halp_mm.preparation.folder.clip_files import MAX_NUMBERS
from halp_mm.preparation.folder.formats.following import follow_people
from halp_mm.preparation.people import bodies_by_energy, place_people
from halp_mm.preparation.raw_files import Parsed, ParsedClip

EMPTY_FRAMES = 'frames with nobody'
SURPLUS = 'people of less energy than two others dropped'
IDS_UNUSED = 'track ids that repeat in a frame, so not used'

MAX_COORDINATE = 1e6


@dataclass(frozen=True)
class Poses:
    """The poses in a recording: B of them.

    Args:
        num_frames: T.
        frames: int64 ``[B]``: the frame of each pose, counted from 0.
        values: ``[B, V, C]``: coordinates, and a score after them if there is one.
        dimensions: How many of the C channels are coordinates.
        track_ids: int64 ``[B]``: who it is; None where the format does not say.
        facts: What else is known, integers; ``kind`` is the same in all files that go together.
    """

    num_frames: int
    frames: np.ndarray
    values: np.ndarray
    dimensions: int
    track_ids: np.ndarray | None = None
    facts: Mapping[str, int] = field(default_factory=dict)


def clip_of_poses(name: str, poses: Poses, where: Path) -> Parsed:
    """Follow people through the frames and keep two of largest energy, the larger one first.

    Track ids say who is who. Without them, or where one stands twice in a frame, the nearest
    skeletons of consecutive frames are one person. A joint whose coordinates are zero does not
    count.

    Args:
        name: The clip's name.
        poses: What the file holds.
        where: The file or folder, for errors.

    Raises:
        ValueError: if the clip is too large, or has no numbers that are coordinates.
    """
    values, size = poses.values, poses.num_frames * int(np.prod(poses.values.shape[1:]))
    if not poses.num_frames > 0 or size > MAX_NUMBERS:
        raise ValueError(
            f'{where} goes over {poses.num_frames} frames; expected at least one, and at most '
            f'{MAX_NUMBERS} numbers a person. Correct its frame numbers, or cut it into clips'
        )
    check_values(values, where)
    seen = values[..., : poses.dimensions].any(-1)
    is_somebody = seen.any(-1)
    values, seen, frames = values[is_somebody], seen[is_somebody], poses.frames[is_somebody]
    ids = None if poses.track_ids is None else poses.track_ids[is_somebody]
    repeats = ids is not None and len(np.unique(np.stack([frames, ids]), axis=1).T) < len(ids)
    coordinates = values[..., : poses.dimensions]
    if ids is None or repeats:
        ids = follow_people(frames, coordinates, seen)
    bodies = bodies_by_energy(ids, coordinates, seen)
    people = place_people(bodies, frames, values, poses.num_frames)
    cleaning = {
        EMPTY_FRAMES: poses.num_frames - len(np.unique(frames)),
        SURPLUS: len(bodies) - len(people),
        IDS_UNUSED: int(repeats),
    }
    return Parsed(name, [ParsedClip(name, people, dict(poses.facts), cleaning)])


def check_values(values: np.ndarray, where: Path) -> None:
    """Refuse numbers that are no coordinates.

    Raises:
        ValueError: if one is not finite or beyond :data:`MAX_COORDINATE`.
    """
    is_bad = ~(abs(values) <= MAX_COORDINATE)
    if is_bad.any():
        raise ValueError(
            f'{where} holds {values[is_bad][0]}; expected finite numbers of at most '
            f'{MAX_COORDINATE:.0f}. Export it again'
        )


def known_ids(ids: Sequence[int | None]) -> np.ndarray | None:
    """Track ids as int64 ``[B]``; None where somebody has none, or a negative one."""
    is_known = all(number is not None and number >= 0 for number in ids)
    return np.array(ids, np.int64) if is_known else None


def frames_of(numbers: Sequence[int]) -> tuple[int, np.ndarray]:
    """Frame numbers counted from the smallest one.

    Args:
        numbers: The numbers in a file, at least one.

    Returns:
        How many frames there are from the smallest to the largest, and int64 ``[B]``.
    """
    smallest = min(numbers)
    frames = np.array([number - smallest for number in numbers], np.int64)
    return int(frames.max()) + 1, frames

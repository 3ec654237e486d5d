"""The poses that a reader of a format finds, and the clip that is made of them."""

from __future__ import annotations

from collections.abc import Mapping
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
        where: The file or folder, for errors.
        num_frames: T.
        frames: int64 ``[B]``: the frame of each pose, counted from 0.
        values: ``[B, V, C]``: coordinates, and a score after them if there is one.
        dimensions: How many of the C channels are coordinates.
        track_ids: int64 ``[B]``: who it is; None where the format does not say.
        facts: Further integers that are known; ``kind`` is the same in all files that go together.
    """

    where: Path
    num_frames: int
    frames: np.ndarray
    values: np.ndarray
    dimensions: int
    track_ids: np.ndarray | None = None
    facts: Mapping[str, int] = field(default_factory=dict)


class PoseList:
    """Collects the poses of a recording, frame by frame.

    Args:
        where: The file or folder, for errors.
    """

    def __init__(self, where: Path) -> None:
        self.where = where
        self._numbers: list[int] = []
        self._known: set[int] = set()
        self._poses: list[tuple[int, np.ndarray, int | None]] = []

    def add_frame(self, number: int, again: bool = False) -> None:
        """Begin a frame.

        Args:
            number: Its number in the file.
            again: Whether the frame may have been begun before.

        Raises:
            ValueError: if it was, and may not.
        """
        if not again and number in self._known:
            raise ValueError(
                f'{self.where} has frame {number} twice; expected each once. Export it again'
            )
        self._known.add(number)
        self._numbers.append(number)

    def add(self, pose: np.ndarray, track_id: int | None = None) -> None:
        """Add a pose ``[V, C]`` to the frame that was begun last.

        Args:
            pose: Coordinates, and a score after them if there is one.
            track_id: Who it is; None or a negative number if that is unknown.
        """
        self._poses.append((self._numbers[-1], pose, track_id))

    def poses(self, has_score: bool, facts: Mapping[str, int] | None = None) -> Poses:
        """All poses; frames count from the smallest number.

        Args:
            has_score: Whether the last channel is a score.
            facts: See :class:`Poses`.

        Raises:
            ValueError: if there are none, or they have different joints.
        """
        if not self._poses:
            raise ValueError(
                f'{self.where} has nobody in {len(self._numbers)} frames; expected people in some. '
                'Leave the clip out'
            )
        numbers, poses, ids = zip(*self._poses)
        shapes = sorted({pose.shape for pose in poses})
        if len(shapes) > 1:
            found = ' and of '.join(
                f'{joints} joints x {width} numbers' for joints, width in shapes
            )
            raise ValueError(
                f'{self.where} has poses of {found}; expected the same joints throughout. Export '
                'it again'
            )
        first = min(self._numbers)
        is_known = all(number is not None and number >= 0 for number in ids)
        return Poses(
            self.where,
            max(self._numbers) - first + 1,
            np.array([number - first for number in numbers], np.int64),
            np.stack(poses),
            shapes[0][1] - has_score,
            np.array(ids, np.int64) if is_known else None,
            facts or {},
        )


def clip_of_poses(name: str, poses: Poses) -> Parsed:
    """Follow people through the frames and keep the two of largest energy, the larger one first.

    Track ids say who is who. Without them, or if one occurs twice in a frame, the nearest skeletons
    of consecutive frames are one person. Joints whose coordinates are zero do not count.

    Args:
        name: The clip's name.
        poses: What the file holds.

    Raises:
        ValueError: if the clip is too large, or has no numbers that are coordinates.
    """
    values, size = poses.values, poses.num_frames * int(np.prod(poses.values.shape[1:]))
    if not poses.num_frames > 0 or size > MAX_NUMBERS:
        raise ValueError(
            f'{poses.where} goes over {poses.num_frames} frames; expected at least one, and at '
            f'most {MAX_NUMBERS} numbers a person. Correct its frame numbers, or cut it into clips'
        )
    check_values(values, poses.where)
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

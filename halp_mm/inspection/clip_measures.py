"""Measures of the clips of a data file, for many clips at once.

The frames of several clips lie end to end, ``[R, V, C]``, person by person, as in the file. What a
person does in a clip is called a track: T rows of it. All measures are free of units: the yardstick
is a track's *body length*, the longest chain of bones, such as from a foot to a hand, each bone as
long as in the median of some frames.

Coordinates that are NaN, infinite or absurdly large, which only a strange tool could have written,
are counted, and their joints count as not seen in all other measures.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import combinations

import numpy as np

from halp_mm.datasets.coordinate_checks import MAX_COORDINATE
from halp_mm.datasets.storage import ClipStorage
from halp_mm.skeletons import SkeletonLayout

_CHUNK_BYTES = 1 << 24
_SAMPLES = 15  # frames of a track that its body length and place are the median of


@dataclass(frozen=True)
class Chunk:
    """Clips that follow each other in a file.

    Args:
        first: Position of the first of them.
        frames: float32 ``[R, V, C]``.
        num_frames: int ``[N]``, T of each clip.
        num_people: int ``[N]``, M of each clip.
        layout: The layout of V.
    """

    first: int
    frames: np.ndarray
    num_frames: np.ndarray
    num_people: np.ndarray
    layout: SkeletonLayout

    @cached_property
    def usable(self) -> np.ndarray:
        """Which coordinates are numbers of a sensible size: boolean ``[R, V, C]``."""
        return np.abs(self.frames) <= MAX_COORDINATE

    @cached_property
    def cleaned(self) -> np.ndarray:
        """The frames, zero at joints with unusable coordinates."""
        if self.usable.all():
            return self.frames
        return np.where(self.usable.all(-1, keepdims=True), self.frames, np.float32(0))

    @cached_property
    def joints_seen(self) -> np.ndarray:
        """Which joints are seen: boolean ``[R, V]``."""
        return seen_joints(self.cleaned, self.layout)


@dataclass(frozen=True)
class Tracks:
    """What is measured of each track; P tracks, those included in which nobody is seen.

    Args:
        clip: int ``[P]``, the clip's position in the file.
        person: int ``[P]``, counted from 0.
        num_frames: int ``[P]``: the track's length.
        num_seen: int ``[P]``: in how many frames the person is seen.
        num_not_finite: int ``[P]``: how many coordinates are NaN, infinite or absurd.
        first_not_finite: int ``[P]``: the first frame with such a coordinate.
        body_length: ``[P]``; NaN if no bone is seen.
        place: ``[P, D]``: median over time of the mean of all joints; NaN if nobody is seen.
        example: float32 ``[P, V, C]``: the middle one of the frames that show the person.
        never_seen: boolean ``[P, V]``: joints that are not seen in any frame.
        frozen: boolean ``[P, V]``: joints that are seen at least twice and never move.
        joint_frames: int ``[P, V]``: in how many frames each joint is seen.
        largest_step: ``[P]``: the furthest that a joint moves in a frame, in body lengths.
        step_frame: int ``[P]``: the frame at which it has arrived.
        step_joint: int ``[P]``: which joint it is.
    """

    clip: np.ndarray
    person: np.ndarray
    num_frames: np.ndarray
    num_seen: np.ndarray
    num_not_finite: np.ndarray
    first_not_finite: np.ndarray
    body_length: np.ndarray
    place: np.ndarray
    example: np.ndarray
    never_seen: np.ndarray
    frozen: np.ndarray
    joint_frames: np.ndarray
    largest_step: np.ndarray
    step_frame: np.ndarray
    step_joint: np.ndarray


@dataclass(frozen=True)
class Absences:
    """When nobody is seen, for each of N clips.

    Args:
        num_frames: int ``[N]``: in how many frames nobody is seen.
        longest: int ``[N]``: how many of them follow each other.
        start: int ``[N]``: the first frame of these.
    """

    num_frames: np.ndarray
    longest: np.ndarray
    start: np.ndarray


def read_chunks(storage: ClipStorage) -> Iterator[Chunk]:
    """All clips of a file in order, some megabytes at a time."""
    frames = storage.block.frames
    num_frames, num_people = storage.block.num_frames.numpy(), storage.block.num_people.numpy()
    ends = np.cumsum(num_frames * num_people)
    budget = max(1, _CHUNK_BYTES // (math.prod(frames.shape[1:]) * 4))
    first = row = 0
    while first < len(storage):
        stop = max(first + 1, int(np.searchsorted(ends, row + budget, side='right')))
        clips = slice(first, stop)
        rows = slice(row, int(ends[stop - 1]))
        yield Chunk(
            first, frames[rows].numpy(), num_frames[clips], num_people[clips], storage.layout
        )
        first, row = stop, int(ends[stop - 1])


def digests(chunk: Chunk) -> list[bytes]:
    """A fingerprint of each clip's shape and coordinates; empty for clips that are zero."""
    result = []
    stops = np.cumsum(chunk.num_frames * chunk.num_people)
    for frames, people, stop in zip(chunk.num_frames, chunk.num_people, stops):
        clip = np.ascontiguousarray(chunk.frames[stop - frames * people : stop])
        fingerprint = hashlib.blake2b(clip, digest_size=16, salt=f'{people} {frames}'.encode())
        result.append(fingerprint.digest() if clip.any() else b'')
    return result


def concatenate(parts: list[Tracks] | list[Absences]) -> Tracks | Absences:
    """The measures of several chunks as those of one."""
    return type(parts[0])(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(parts[0]))
    )


def seen_joints(frames: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Which joints are seen: boolean ``[..., V]``.

    A joint whose coordinates are all zero is not seen, nor is a joint of a pose in an image whose
    score, the channel after the coordinates, is not above zero.

    Args:
        frames: ``[..., V, C]``.
        layout: The layout of V; C is at least its dimensions.
    """
    seen = (frames[..., : layout.dimensions] != 0).any(-1)
    if layout.dimensions == 2 and frames.shape[-1] > 2:
        seen &= frames[..., 2] > 0
    return seen


def measure_tracks(chunk: Chunk) -> Tracks:
    """Measure what each person does in each clip of a chunk."""
    lengths = np.repeat(chunk.num_frames, chunk.num_people)
    clip = np.repeat(np.arange(len(chunk.num_frames)), chunk.num_people)
    person = np.arange(len(lengths)) - (np.cumsum(chunk.num_people) - chunk.num_people)[clip]
    starts = np.cumsum(lengths) - lengths
    track = np.repeat(np.arange(len(lengths)), lengths)  # of each row

    joints_seen = chunk.joints_seen
    body_seen = joints_seen.any(-1)
    points = chunk.cleaned[..., : chunk.layout.dimensions]
    bad = (~chunk.usable).sum((1, 2))
    num_bad = np.add.reduceat(bad, starts)

    samples, sampled = _sample_rows(body_seen, track, len(lengths))
    body_length = _body_lengths(points[samples], joints_seen[samples], chunk.layout)
    body_length[~sampled] = np.nan
    weights = joints_seen[samples][..., None]
    centers = (points[samples] * weights).sum(2) / np.maximum(weights.sum(2), 1)
    place = np.where(sampled[:, None], np.median(centers, 1), np.nan)

    steps, both_seen = np.zeros(joints_seen.shape, np.float32), np.zeros(joints_seen.shape, bool)
    np.logical_and(joints_seen[1:], joints_seen[:-1], out=both_seen[1:])
    both_seen[starts] = False
    steps[1:] = np.linalg.norm(np.diff(points, axis=0), axis=-1)
    steps[~both_seen] = 0
    joint_frames = np.add.reduceat(joints_seen, starts, dtype=np.int64)
    moved = np.maximum.reduceat(steps, starts)
    num_pairs = np.add.reduceat(both_seen, starts, dtype=np.int64)
    yardstick = np.where(body_length > 0, body_length, np.inf)
    furthest = moved.max(1)
    step_row = _first_rows(steps.max(1) == furthest[track], track)
    return Tracks(
        clip=chunk.first + clip,
        person=person,
        num_frames=lengths,
        num_seen=np.add.reduceat(body_seen, starts, dtype=np.int64),
        num_not_finite=num_bad,
        first_not_finite=_first_rows((bad > 0) | (num_bad == 0)[track], track) - starts,
        body_length=body_length,
        place=place,
        example=chunk.cleaned[samples[:, _SAMPLES // 2]],
        never_seen=joint_frames == 0,
        frozen=(moved == 0) & (num_pairs > 0),
        joint_frames=joint_frames,
        largest_step=furthest / yardstick,
        step_frame=step_row - starts,
        step_joint=steps[step_row].argmax(1),
    )


def measure_absences(chunk: Chunk) -> Absences:
    """Find the frames of each clip of a chunk in which nobody is seen."""
    count = len(chunk.num_frames)
    clip = np.repeat(np.arange(count), chunk.num_frames)  # of each frame
    starts = np.cumsum(chunk.num_frames) - chunk.num_frames
    tracks = np.repeat(np.arange(count), chunk.num_people)
    lengths = chunk.num_frames[tracks]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    frame = np.repeat(starts[tracks], lengths) + within  # of each row
    nobody = np.bincount(frame, chunk.joints_seen.any(-1), minlength=len(clip)) == 0

    follows = np.concatenate([[False], nobody[:-1] & (clip[1:] == clip[:-1])])
    run_starts = np.flatnonzero(nobody & ~follows)
    run = np.cumsum(nobody & ~follows)[nobody] - 1
    run_lengths = np.bincount(run, minlength=len(run_starts))
    longest, start = np.zeros(count, np.int64), np.zeros(count, np.int64)
    by_length = np.lexsort((-run_starts, run_lengths))  # the longest last, of equal ones the first
    run_starts, run_lengths = run_starts[by_length], run_lengths[by_length]
    longest[clip[run_starts]] = run_lengths
    start[clip[run_starts]] = run_starts - starts[clip[run_starts]]
    return Absences(np.bincount(clip, nobody, minlength=count).astype(np.int64), longest, start)


def _sample_rows(seen: np.ndarray, track: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Evenly spaced rows ``[P, S]`` that show each track's person, and which tracks have any."""
    rows = np.flatnonzero(seen)
    counts = np.bincount(track[rows], minlength=count)
    starts = np.cumsum(counts) - counts
    spread = np.linspace(0, 1, _SAMPLES) * np.maximum(counts - 1, 0)[:, None]
    places = starts[:, None] + np.floor(spread).astype(np.int64)
    if not len(rows):
        return np.zeros((count, _SAMPLES), np.int64), counts > 0
    return rows[np.minimum(places, len(rows) - 1)], counts > 0


def _body_lengths(points: np.ndarray, seen: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Longest chain of bones ``[P]`` of bodies ``[P, S, V, D]``; NaN where no bone is seen."""
    a, b = np.array(layout.bone_indices).reshape(-1, 2).T
    bones = np.linalg.norm(points[:, :, a] - points[:, :, b], axis=-1)
    bones[~(seen[:, :, a] & seen[:, :, b])] = np.nan
    bones.sort(axis=1)  # NaN last
    counts = (~np.isnan(bones)).sum(1, keepdims=True)
    low, high = np.maximum((counts - 1) // 2, 0), np.minimum(counts // 2, _SAMPLES - 1)
    halves = [np.take_along_axis(bones, index, 1)[:, 0] for index in (low, high)]
    medians = (halves[0] + halves[1]) / 2
    lengths = (np.nan_to_num(medians) @ _chains(layout).T).max(1, initial=0)
    return np.where(counts[:, 0].any(1), lengths, np.nan)


def _chains(layout: SkeletonLayout) -> np.ndarray:
    """Which bones lead from one end of the body to another: ``[chains, bones]``, 0 or 1."""
    bone = {}
    for number, (a, b) in enumerate(layout.bone_indices):
        bone[a, b] = bone[b, a] = number
    to_center = np.zeros((layout.num_joints, len(layout.bone_indices)), np.float32)
    for joint in np.argsort(layout.distances_to_center):  # parents come before their children
        parent = layout.parents[joint]
        if parent != joint:
            to_center[joint] = to_center[parent]
            to_center[joint, bone[int(joint), parent]] = 1
    pairs = combinations(range(layout.num_joints), 2)
    return np.array([(to_center[i] != to_center[j]) for i, j in pairs], np.float32)


def _first_rows(wanted: np.ndarray, track: np.ndarray) -> np.ndarray:
    """The first wanted row ``[P]`` of each track; every track has one."""
    rows = np.flatnonzero(wanted)
    return rows[np.unique(track[rows], return_index=True)[1]]

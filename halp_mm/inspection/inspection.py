"""Look through a data file: what is in it, and which clips are suspicious.

What counts as suspicious is said in :data:`KINDS`. The criteria are free of units, so that metres,
millimetres and pixels are judged alike; see :mod:`~halp_mm.inspection.clip_measures`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TextIO

import numpy as np

from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.inspection.clip_measures import (
    Absences,
    Tracks,
    concatenate,
    digests,
    measure_absences,
    measure_tracks,
    read_chunks,
)
from halp_mm.inspection.pitfalls import find_pitfalls, train_test_pairs
from halp_mm.problems import listing
from halp_mm.progress_bar import progress_bar

MIN_NOBODY_SHARE = 0.1
MAX_STEP = 0.4  # body lengths a frame
MIN_FROZEN_FRAMES = 10
MAX_SIZE_RATIO = 1.6
MAX_DISTANCE = 2.0  # body lengths
MAX_DEVIATIONS = 6.0  # robust standard deviations

#: What makes a clip suspicious: each kind with its criterion.
KINDS = {
    'not finite': 'coordinates are NaN, infinite or absurdly large',
    'no skeleton': 'nobody is seen in any frame',
    'nobody seen': f'in at least {MIN_NOBODY_SHARE:.0%} of the frames nobody is seen',
    'jump': f'a joint moves more than {MAX_STEP} body lengths in a frame',
    'frozen joint': f'a joint never moves, though seen in {MIN_FROZEN_FRAMES} frames or more',
    'joint never seen': 'a joint is missing all the time, others are not',
    'body size': f'{MAX_SIZE_RATIO} times the median or more, or as much less',
    'far away': f'{MAX_DISTANCE:g} body lengths further than usual from the median place',
    'identical': 'the coordinates are those of another clip',
    'train and test': 'in the training and in the test split of a protocol',
    'no split': 'in none of the splits',
}

_MAD_TO_DEVIATION = 1.4826  # for a normal distribution


@dataclass(frozen=True)
class Suspicion:
    """Something odd about a clip.

    Args:
        position: The clip's position in the file.
        name: Its name.
        kind: One of :data:`KINDS`.
        detail: What was found; people and frames count from 0.
        frame: Where, if it has a place in time.
    """

    position: int
    name: str
    kind: str
    detail: str
    frame: int | None = None


@dataclass
class Inspection:
    """What was found in a data file.

    Args:
        storage: The file.
        tracks: Measures of every person of every clip.
        absences: When nobody is seen in a clip.
        missing_joints: Names of the joints that are zero in the whole file.
        suspicions: In the order of :data:`KINDS`, then of the file.
        pitfalls: What makes results wrong; see :mod:`~halp_mm.inspection.pitfalls`.
    """

    storage: ClipStorage
    tracks: Tracks
    absences: Absences
    missing_joints: list[str]
    suspicions: list[Suspicion]
    pitfalls: list[str]

    @cached_property
    def people_seen(self) -> np.ndarray:
        """How many people are seen in each clip, int ``[N]``."""
        seen = self.tracks.clip[self.tracks.num_seen > 0]
        return np.bincount(seen, minlength=len(self.storage))

    @cached_property
    def class_counts(self) -> dict[str, np.ndarray]:
        """Clips of each class, int ``[K]``, in each split."""
        return {
            name: self.count_classes(members.numpy())
            for name, members in sorted(self.storage.splits.items())
        }

    def count_classes(self, positions: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Clips of each class, int ``[K]``, among those at some positions."""
        labels = self.storage.labels.numpy()[positions]
        return np.bincount(labels[labels != UNLABELLED], minlength=len(self.storage.class_names))

    def of_kind(self, kind: str) -> list[Suspicion]:
        """The suspicions of a kind."""
        return [suspicion for suspicion in self.suspicions if suspicion.kind == kind]


def inspect_clips(storage: ClipStorage, progress: TextIO | None = None) -> Inspection:
    """Measure all clips of a data file, some megabytes at a time, and list the suspicious ones.

    Args:
        storage: The file.
        progress: Where to draw a progress bar, such as ``sys.stderr``.
    """
    tracks, absences, fingerprints = [], [], []
    with progress_bar(len(storage), progress) as step:
        for chunk in read_chunks(storage):
            tracks.append(measure_tracks(chunk))
            absences.append(measure_absences(chunk))
            for fingerprint in digests(chunk):
                fingerprints.append(fingerprint)
                step()
    tracks, absences = concatenate(tracks), concatenate(absences)
    missing = tracks.never_seen.all(0) & (tracks.num_seen > 0).any()
    found = [
        Suspicion(position, storage.names[position], kind, detail, frame)
        for kind, findings in (
            ('not finite', _not_finite(tracks)),
            ('no skeleton', _no_skeleton(absences, storage)),
            ('nobody seen', _nobody_seen(absences, storage)),
            ('jump', _jumps(tracks, storage)),
            ('frozen joint', _frozen(tracks, storage)),
            ('joint never seen', _never_seen(tracks, missing, storage)),
            ('body size', _sizes(tracks)),
            ('far away', _places(tracks)),
            ('identical', _identical(fingerprints, storage)),
            ('train and test', _train_and_test(storage)),
            ('no split', _no_split(storage)),
        )
        for position, detail, frame in findings
    ]
    missing_joints = [joint for joint, gone in zip(storage.layout.joints, missing) if gone]
    pitfalls = list(find_pitfalls(storage, tracks, fingerprints))
    return Inspection(storage, tracks, absences, missing_joints, found, pitfalls)


Findings = Iterator[tuple[int, str, int | None]]  # position, detail, frame


def _not_finite(tracks: Tracks) -> Findings:
    for track in np.flatnonzero(tracks.num_not_finite):
        frame = int(tracks.first_not_finite[track])
        count = tracks.num_not_finite[track]
        detail = f'{count} coordinates of person {tracks.person[track]}, first in frame {frame}'
        yield int(tracks.clip[track]), detail, frame


def _no_skeleton(absences: Absences, storage: ClipStorage) -> Findings:
    num_frames = storage.block.num_frames.numpy()
    for position in np.flatnonzero(absences.num_frames == num_frames):
        yield int(position), f'{num_frames[position]} frames', None


def _nobody_seen(absences: Absences, storage: ClipStorage) -> Findings:
    num_frames = storage.block.num_frames.numpy()
    share = absences.num_frames / num_frames
    for position in np.flatnonzero((share >= MIN_NOBODY_SHARE) & (share < 1)):
        start, longest = int(absences.start[position]), absences.longest[position]
        yield (
            int(position),
            f'{absences.num_frames[position]} of {num_frames[position]} frames '
            f'({share[position]:.0%}), longest from {start} to {start + longest - 1}',
            start,
        )


def _jumps(tracks: Tracks, storage: ClipStorage) -> Findings:
    for track in np.flatnonzero(tracks.largest_step > MAX_STEP):
        joint = storage.layout.joints[tracks.step_joint[track]]
        frame = int(tracks.step_frame[track])
        step = tracks.largest_step[track]
        detail = (
            f'{joint} of person {tracks.person[track]} by {step:.2f} body lengths at frame {frame}'
        )
        yield int(tracks.clip[track]), detail, frame


def _frozen(tracks: Tracks, storage: ClipStorage) -> Findings:
    frozen = tracks.frozen & (tracks.joint_frames >= MIN_FROZEN_FRAMES)
    yield from _by_joint(frozen, tracks, storage)


def _never_seen(tracks: Tracks, missing: np.ndarray, storage: ClipStorage) -> Findings:
    gone = tracks.never_seen & ~missing & (tracks.num_seen > 0)[:, None]
    yield from _by_joint(gone, tracks, storage)


def _by_joint(joints: np.ndarray, tracks: Tracks, storage: ClipStorage) -> Findings:
    """One finding for each track that has such joints, ``[P, V]``."""
    for track in np.flatnonzero(joints.any(1)):
        names = [storage.layout.joints[joint] for joint in np.flatnonzero(joints[track])]
        what = 'all joints' if joints[track].all() else listing(names, 3).removeprefix(': ')
        yield int(tracks.clip[track]), f'{what} of person {tracks.person[track]}', None


def _sizes(tracks: Tracks) -> Findings:
    logarithms = np.full(len(tracks.clip), np.nan)
    np.log(tracks.body_length, out=logarithms, where=tracks.body_length > 0)
    away, deviation = _deviations(logarithms)
    allowed = max(np.log(MAX_SIZE_RATIO), MAX_DEVIATIONS * deviation)
    for track in np.flatnonzero(np.abs(away) > allowed):
        detail = f'person {tracks.person[track]} is {np.exp(away[track]):.3g} times the median'
        yield int(tracks.clip[track]), detail, None


def _places(tracks: Tracks) -> Findings:
    seen = tracks.num_seen > 0
    lengths = tracks.body_length[tracks.body_length > 0]
    if not seen.any() or not len(lengths):
        return
    usual = np.median(tracks.place[seen], 0)
    distances = np.linalg.norm(tracks.place - usual, axis=-1) / np.median(lengths)
    away, deviation = _deviations(distances)
    allowed = max(MAX_DISTANCE, MAX_DEVIATIONS * deviation)
    for track in np.flatnonzero(away > allowed):
        detail = f'person {tracks.person[track]} is {distances[track]:.3g} body lengths away'
        yield int(tracks.clip[track]), detail, None


def _deviations(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Differences from the median, and a standard deviation that outliers do not move; no NaN."""
    known = values[~np.isnan(values)]
    if not len(known):
        return np.zeros_like(values), 0.0
    away = values - np.median(known)
    return np.nan_to_num(away), _MAD_TO_DEVIATION * float(np.nanmedian(np.abs(away)))


def _identical(fingerprints: list[bytes], storage: ClipStorage) -> Findings:
    first: dict[bytes, int] = {}
    for position, fingerprint in enumerate(fingerprints):
        if fingerprint and first.setdefault(fingerprint, position) != position:
            yield position, f'to {storage.names[first[fingerprint]]}', None


def _train_and_test(storage: ClipStorage) -> Findings:
    for train, test in train_test_pairs(storage.splits):
        both = np.intersect1d(storage.splits[train].numpy(), storage.splits[test].numpy())
        for position in both:
            yield int(position), f'in {train} and {test}', None


def _no_split(storage: ClipStorage) -> Findings:
    if not storage.splits:
        return
    members = np.concatenate([positions.numpy() for positions in storage.splits.values()])
    for position in np.setdiff1d(np.arange(len(storage)), members):
        label = storage.labels[position]
        yield int(position), storage.class_names[label] if label >= 0 else 'no label', None


def suspicious_clips(suspicions: Iterable[Suspicion]) -> Counter:
    """How many suspicious clips there are of each kind."""
    return Counter(kind for kind, _ in {(found.kind, found.position) for found in suspicions})

"""What makes the results of any method wrong: leaks, units, lost people and lost classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from halp_mm.datasets.storage import UNLABELLED, ClipStorage
from halp_mm.inspection.clip_measures import Tracks
from halp_mm.problems import listing

MAX_UNIT_RATIO = 3.0  # of body lengths: a foot has 3.3 of a metre, an adult is twice a child
_FEW = 5


def train_test_pairs(splits: list[str] | dict) -> list[tuple[str, str]]:
    """The splits that one protocol trains and tests on, recognised by the endings of their names.

    A variant of a test split, such as ``xview_clean_test``, goes with ``xview_train`` unless it has
    a training split of its own.
    """
    splits = sorted(splits)
    pairs = []
    for train in (name for name in splits if name.endswith('train')):
        stem = train.removesuffix('train')
        for test in splits:
            for ending in ('test', 'val'):
                own = test.removesuffix(ending)
                is_variant = bool(stem) and own.startswith(stem) and f'{own}train' not in splits
                if test.endswith(ending) and (own == stem or is_variant):
                    pairs.append((train, test))
    return pairs


def find_pitfalls(storage: ClipStorage, tracks: Tracks, fingerprints: list[bytes]) -> Iterator[str]:
    """Say what makes results wrong, a line each.

    Args:
        storage: The file.
        tracks: Measures of every person of every clip.
        fingerprints: A fingerprint of each clip's coordinates; empty for clips that are zero.
    """
    splits = {name: members.numpy() for name, members in storage.splits.items()}
    yield from _copies(splits, fingerprints, storage.names)
    yield from _units(splits, tracks)
    single = np.flatnonzero(storage.block.num_frames.numpy() == 1)
    if len(single):
        yield f'{len(single)} clips have one frame{_few(storage, single)}'
    labels = storage.labels.numpy()
    counts = np.bincount(labels[labels != UNLABELLED], minlength=len(storage.class_names))
    empty = [storage.class_names[label] for label in np.flatnonzero(counts == 0)]
    if empty:
        yield f'{len(empty)} of {len(counts)} classes have no clips{listing(empty, _FEW)}'
    for train, test in train_test_pairs(splits):
        unknown = np.setdiff1d(labels[splits[test]], [*labels[splits[train]], UNLABELLED])
        if len(unknown):
            names = [storage.class_names[label] for label in unknown]
            yield f'{len(names)} classes of {test} have no clip in {train}{listing(names, _FEW)}'
    first = tracks.person == 0
    late = np.intersect1d(
        tracks.clip[first & (tracks.num_seen == 0)], tracks.clip[~first & (tracks.num_seen > 0)]
    )
    if len(late):
        yield f'{len(late)} clips have people in later slots, the first is empty' + _few(
            storage, late
        )


def _copies(
    splits: dict[str, np.ndarray], fingerprints: list[bytes], names: list[str]
) -> Iterator[str]:
    """Clips of a test split whose coordinates are those of a training clip."""
    for train, test in train_test_pairs(splits):
        training = {fingerprints[i]: i for i in reversed(splits[train].tolist())}
        training.pop(b'', None)
        copies = [
            f'{names[i]} of {names[training[fingerprints[i]]]}'
            for i in splits[test].tolist()
            if training.get(fingerprints[i], i) != i
        ]
        if copies:
            yield (
                f'{len(copies)} of {len(splits[test])} clips of {test} are copies of clips of '
                f'{train}{listing(copies, _FEW)}'
            )


def _units(splits: dict[str, np.ndarray], tracks: Tracks) -> Iterator[str]:
    """Splits of one protocol whose bodies differ as units do."""
    medians = {}
    for name, members in splits.items():
        lengths = tracks.body_length[np.isin(tracks.clip, members) & (tracks.body_length > 0)]
        if len(lengths):
            medians[name] = float(np.median(lengths))
    for train, test in train_test_pairs(medians):
        ratio = medians[test] / medians[train]
        if max(ratio, 1 / ratio) > MAX_UNIT_RATIO:
            yield (
                f'bodies are {medians[train]:.3g} long in {train} and {medians[test]:.3g} in '
                f'{test}: is one of them in another unit?'
            )


def _few(storage: ClipStorage, positions: np.ndarray) -> str:
    return listing([storage.names[position] for position in positions], _FEW)

"""Whether two splits share clips, and whether their body lengths agree.

Both are found from some frames of the files before any normalisation, so that a start does not wait
for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from halp_mm.datasets.body_lengths import body_length
from halp_mm.datasets.skeleton_dataset import SkeletonDataset
from halp_mm.problems import listing
from halp_mm.skeletons import describe_units

_MAX_COMPARED = 4096  # clips of each split whose content is compared


@dataclass(frozen=True)
class SharedClips:
    """The test clips that are training clips as well.

    Args:
        identical: The names of those that are the same clip of a file, or have the same content.
        alike: The names of others that have name and length of a training clip in another file.
        num_compared: How many of the test clips were looked at.
    """

    identical: list[str]
    alike: list[str]
    num_compared: int


def compare_units(train: SkeletonDataset, test: SkeletonDataset) -> str | None:
    """Say that training and test clips are in different units; None if they are not.

    Clips of different layouts are not compared.
    """
    layouts = [dataset.stored_layout for dataset in (train, test)]
    if layouts[0].joints != layouts[1].joints:
        return None
    return describe_units(
        {
            f'{role} {dataset.split!r} of {dataset.data_file}': body_length(
                dataset.stored_clips, dataset.positions, layout
            )
            for role, dataset, layout in zip(('training', 'test'), (train, test), layouts)
        }
    )


def find_shared_clips(train: SkeletonDataset, test: SkeletonDataset) -> SharedClips:
    """Find test clips that are trained on.

    Content is that of a clip's middle frame. Of large splits only some clips are compared by
    content: those of some lengths, or, if too many clips are of one length, evenly spaced ones.
    """
    train_positions, test_positions = train.positions, test.positions
    ours, theirs = _facts(train, train_positions), _facts(test, test_positions)
    is_alike = is_identical = np.zeros(len(test), bool)
    if train.data_file == test.data_file:
        is_identical = np.isin(test_positions, train_positions)
    else:
        lengths = dict(zip(train.names, ours[:, 0].tolist()))
        names = zip(test.names, theirs[:, 0].tolist())
        is_alike = np.array([lengths.get(name) == length for name, length in names])
    chosen, compared = _choose(ours[:, 0], theirs[:, 0])
    shapes = {dataset.stored_clips.skeleton_shape for dataset in (train, test)}
    if not is_identical.all() and len(shapes) == 1:
        known = set(_contents(train, train_positions[chosen], ours[chosen]))
        found = _contents(test, test_positions[compared], theirs[compared])
        is_known = [content != b'' and content in known for content in found]
        is_identical[compared] |= np.array(is_known, bool)
    names = test.names
    return SharedClips(
        [names[i] for i in np.flatnonzero(is_identical)],
        [names[i] for i in np.flatnonzero(is_alike & ~is_identical)],
        int((is_identical | compared).sum()),
    )


def _choose(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which clips are compared by content, boolean ``[N]``.

    Args:
        train: Length of each training clip, int ``[N]``.
        test: Length of each test clip, int ``[N]``.
    """
    step = -(-max(len(train), len(test)) // _MAX_COMPARED)
    # Equal clips are equally long: a selection by length keeps both or none.
    chosen = tuple(lengths % step == 0 for lengths in (train, test))
    if chosen[1].any() and max(map(np.count_nonzero, chosen)) <= 2 * _MAX_COMPARED:
        return chosen
    return tuple(np.arange(len(lengths)) % step == 0 for lengths in (train, test))


def compare_clips(train: SkeletonDataset, test: SkeletonDataset, allowed: bool) -> list[str]:
    """Say that training clips are test clips as well.

    Args:
        train: The training clips.
        test: The test clips.
        allowed: Whether all test clips may be training clips.

    Returns:
        Sentences; none if no clip is in both.

    Raises:
        ValueError: if all test clips are trained on, and that is not allowed.
    """
    shared = find_shared_clips(train, test)
    sentences = []
    test_clips = f'test clips ({test.split!r} of {test.data_file})'
    train_clips = f'training clips ({train.split!r} of {train.data_file})'
    if shared.identical:
        count, compared = len(shared.identical), shared.num_compared
        some = f', of which {compared} were compared,' if compared < len(test) else ''
        message = (
            f'{count} of the {len(test)} {test_clips}{some} are {train_clips} as well'
            f'{listing(shared.identical, 3)}'
        )
        if count == compared and not allowed:
            raise ValueError(
                f'{message}. Accuracies would be those of clips that were learned: choose another '
                'split, or set train_on_test_clips=True'
            )
        sentences.append(f'{message}. Accuracies will be too high')
    if shared.alike:
        sentences.append(
            f'{len(shared.alike)} of the {len(test)} {test_clips} are called like {train_clips} '
            f'that are as long{listing(shared.alike, 3)}. If they are the same, accuracies will be '
            'too high'
        )
    return sentences


def _facts(dataset: SkeletonDataset, positions: Tensor) -> np.ndarray:
    """Frames and people of each clip, int ``[N, 2]``."""
    block = dataset.stored_clips
    columns = (block.num_frames[positions], block.num_people[positions])
    return np.stack([column.numpy() for column in columns], 1)


def _contents(dataset: SkeletonDataset, positions: Tensor, facts: np.ndarray) -> list[bytes]:
    """A fingerprint of each clip; empty where its middle frame shows nobody."""
    starts, _ = dataset.stored_clips.rows(positions)
    frames = dataset.stored_clips.skeletons(starts + facts[:, 0] // 2)
    seen = frames.any((1, 2)).tolist()
    return [
        fact.tobytes() + frame.tobytes() if visible else b''
        for fact, frame, visible in zip(facts, frames, seen)
    ]

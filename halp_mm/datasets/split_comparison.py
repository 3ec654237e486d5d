"""What two splits have in common, or have not: clips in both, and body lengths.

Both are told from some frames of the files, as they are before any normalisation, so that a start
does not wait for them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from halp_mm.datasets.skeleton_dataset import SkeletonDataset
from halp_mm.datasets.storage import ClipBlock
from halp_mm.problems import listing
from halp_mm.skeletons import SkeletonLayout, describe_units, median_body_length

_MEASURED_CLIPS, _MEASURED_FRAMES = 32, 9  # of which a body length is the median
_MAX_COMPARED = 4096  # clips of each split whose content is compared


@dataclass(frozen=True)
class SharedClips:
    """The test clips that are training clips as well.

    Args:
        names: Their names.
        num_compared: How many of the test clips were looked at.
    """

    names: list[str]
    num_compared: int


def body_length(block: ClipBlock, positions: Tensor, layout: SkeletonLayout) -> float | None:
    """The median body length of some clips; see :func:`median_body_length`.

    Args:
        block: Clips as they are stored.
        positions: int64 ``[N]``: which of them. Some, evenly spaced, are measured.
        layout: Their layout.
    """
    chosen = np.linspace(0, len(positions) - 1, min(_MEASURED_CLIPS, len(positions)))
    starts, num_rows = _rows(block, positions[chosen.astype(int)])
    spread = np.linspace(0, 1, _MEASURED_FRAMES) * (num_rows[:, None] - 1)
    rows = starts[:, None] + spread.astype(np.int64)
    return median_body_length(block.frames.numpy()[rows], layout)


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
    """Find test clips that are trained on: the same clip of a file, or the same content.

    In two files clips are also the same if name and length are. Content is that of the middle
    frame. Of large splits only clips of some lengths are compared by content.
    """
    ours, theirs = (_facts(dataset) for dataset in (train, test))
    if train.data_file == test.data_file:
        is_shared = np.isin(test.positions, train.positions)
    else:
        lengths = dict(zip(train.names, ours[:, 0].tolist()))
        names = zip(test.names, theirs[:, 0].tolist())
        is_shared = np.array([lengths.get(name) == length for name, length in names])
    # Equal clips are equally long: a selection by length keeps both or none.
    step = -(-max(len(train), len(test)) // _MAX_COMPARED)
    compared = theirs[:, 0] % step == 0
    shapes = {dataset.stored_clips.frames.shape[1:] for dataset in (train, test)}
    if not is_shared.all() and len(shapes) == 1:
        known = set(_contents(train, ours, np.flatnonzero(ours[:, 0] % step == 0)))
        found = _contents(test, theirs, np.flatnonzero(compared))
        is_shared[compared] |= [content != b'' and content in known for content in found]
    looked_at = is_shared | compared
    names = test.names
    return SharedClips([names[i] for i in np.flatnonzero(is_shared)], int(looked_at.sum()))


def compare_clips(train: SkeletonDataset, test: SkeletonDataset, allowed: bool) -> str | None:
    """Say that training clips are test clips as well; None if none are.

    Args:
        train: The training clips.
        test: The test clips.
        allowed: Whether all test clips may be training clips.

    Raises:
        ValueError: if all test clips are, and that is not allowed.
    """
    shared = find_shared_clips(train, test)
    if not shared.names:
        return None
    count = len(shared.names)
    looked_at = f'{shared.num_compared} test clips'
    if shared.num_compared < len(test):
        looked_at += f' that were compared, of {len(test)},'
    message = (
        f'{count} of the {looked_at} ({test.split!r} of {test.data_file}) are training clips too '
        f'({train.split!r} of {train.data_file}){listing(shared.names, 3)}'
    )
    if count == shared.num_compared and not allowed:
        raise ValueError(
            f'{message}. Accuracies would be those of clips that were learned: choose another '
            'split, or set train_on_test_clips=True'
        )
    return f'{message}. Accuracies will be too high'


def _facts(dataset: SkeletonDataset) -> np.ndarray:
    """Frames and people of each clip, int ``[N, 2]``."""
    block = dataset.stored_clips
    columns = (block.num_frames[dataset.positions], block.num_people[dataset.positions])
    return np.stack([column.numpy() for column in columns], 1)


def _contents(dataset: SkeletonDataset, facts: np.ndarray, chosen: np.ndarray) -> list[bytes]:
    """A fingerprint of each chosen clip; empty where its middle frame shows nobody."""
    starts, _ = _rows(dataset.stored_clips, dataset.positions[chosen])
    facts = np.ascontiguousarray(facts[chosen])
    frames = dataset.stored_clips.frames.numpy()[starts + facts[:, 0] // 2]
    seen = frames.any((1, 2)).tolist()
    return [
        fact.tobytes() + frame.tobytes() if visible else b''
        for fact, frame, visible in zip(facts, frames, seen)
    ]


def _rows(block: ClipBlock, positions: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The first of each clip's skeletons, and how many there are, int ``[N]``."""
    counts = block.num_frames * block.num_people
    starts = counts.cumsum(0) - counts
    return starts[positions].numpy(), counts[positions].numpy()

"""What a config has to know of a data file: its clips, people, coordinates and splits."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np

from halp_mm.component_building import suggestion
from halp_mm.datasets import ClipStorage
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.inspection.clip_measures import Tracks, concatenate, measure_tracks, read_chunks
from halp_mm.inspection.pitfalls import train_test_pairs
from halp_mm.skeletons import LAYOUTS, SkeletonLayout

#: A person who is seen in fewer of the clips than this is left out.
MIN_PERSON_SHARE = 0.05


@dataclass(frozen=True)
class DataFacts:
    """The facts that the settings of a training follow from. No label is looked at but counted.

    Args:
        data_file: The data file.
        train_split: The split that is trained on.
        test_split: The split that is tested on; None if there is none with labels.
        layout: The layout's name, or None for one that is not halp_mm's own.
        dimensions: Coordinates of a joint: 2 or 3.
        has_spine: Whether the layout says which joints are the spine.
        has_shoulders: Whether it says which are the shoulders.
        num_channels: Numbers of a joint: coordinates, and a score if there is one.
        num_clips: Training clips.
        num_test_clips: Test clips.
        num_frames: The median length of the training clips.
        num_people: People a clip; those who are seen in less than 5 % of the clips do not count.
        clips_with_more: Clips with more people than that.
        num_classes: Classes of the file.
        num_numbers: Size of the file's coordinates, in numbers.
        facing: How alike people face in training clips, from 0, every way, to 1, one way; None if
            the layout cannot tell.
        turn: Degrees between where people face in training and in test clips; 0 without any.
    """

    data_file: str
    train_split: str
    test_split: str | None
    layout: str | None
    dimensions: int
    has_spine: bool
    has_shoulders: bool
    num_channels: int
    num_clips: int
    num_test_clips: int
    num_frames: int
    num_people: int
    clips_with_more: int
    num_classes: int
    num_numbers: int
    facing: float | None
    turn: int

    def __str__(self) -> str:
        tested = f'tested on {self.num_test_clips} of {self.test_split}'
        return (
            f'{self.num_clips} clips of {self.train_split}, '
            f'{tested if self.test_split else "not tested"}; median {self.num_frames} frames, '
            f'{self.num_people} {"person" if self.num_people == 1 else "people"}'
        )


def find_facts(data_file: str | os.PathLike, split: str | None = None) -> DataFacts:
    """Look through a data file.

    Args:
        data_file: The data file.
        split: The protocol, such as ``'xsub'`` for the splits ``xsub_train`` and ``xsub_test``, or
            the training split's name. It may be omitted where there is only one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no data file, there is no such split, or several to choose from.
    """
    storage = ClipStorage(data_file)
    train, test = choose_splits(storage, split)
    members = storage.split(train)
    labels = storage.labels
    if test is not None and (
        (labels[members] == UNLABELLED).all() or (labels[storage.split(test)] == UNLABELLED).all()
    ):
        test = None
    tracks = concatenate([measure_tracks(chunk) for chunk in read_chunks(storage)])
    of_train = tracks.clip[(tracks.num_seen > 0) & np.isin(tracks.clip, members)]
    people = np.unique(of_train, return_counts=True)[1]
    if not len(people):
        raise ValueError(f'{storage.path}: nobody is seen in any clip of {train}')
    num_people = int(np.quantile(people, 1 - MIN_PERSON_SHARE, method='inverted_cdf'))
    layout = storage.layout
    of_test = members[:0] if test is None else storage.split(test)
    facing, turn = measure_facing(tracks, layout, members.numpy(), of_test.numpy())
    return DataFacts(
        data_file=os.fspath(data_file),
        train_split=train,
        test_split=test,
        layout=layout.name if LAYOUTS.get(layout.name) == layout else None,
        dimensions=layout.dimensions,
        has_spine=layout.spine is not None,
        has_shoulders=layout.shoulders is not None,
        num_channels=storage.block.frames.shape[-1],
        num_clips=len(members),
        num_test_clips=0 if test is None else len(storage.split(test)),
        num_frames=int(storage.block.num_frames[members].median()),
        num_people=num_people,
        clips_with_more=int((people > num_people).sum()),
        num_classes=len(storage.class_names),
        num_numbers=math.prod(storage.block.frames.shape),
        facing=facing,
        turn=turn,
    )


def choose_splits(storage: ClipStorage, split: str | None) -> tuple[str, str | None]:
    """The training split, and the test split if there is one.

    Raises:
        ValueError: if there is no such split, or several to choose from.
    """
    pairs = train_test_pairs(storage.splits) or [(name, None) for name in storage.splits]
    # Of several test splits the plain one, before its variants, which have names of their own.
    pairs.sort(key=lambda pair: len(pair[1] or ''), reverse=True)
    by_train = dict(pairs)
    by_name = {_stem(name): pair for pair in pairs for name in reversed(pair) if name}
    if split is not None:
        chosen = by_name.get(split) or (split, by_train.get(split))
        if chosen[0] not in storage.splits:
            known = sorted(name for name in by_name if name)
            raise ValueError(
                f'{storage.path} has no split {split!r}{suggestion(split, known or by_train)}'
            )
        return chosen
    if len(by_train) == 1:
        return next(iter(by_train.items()))
    if not by_train:
        raise ValueError(
            f'{storage.path} has no splits; make it again with a tool under tools/data/'
        )
    names = sorted(_stem(train) or train for train in by_train)
    raise ValueError(
        f'{storage.path} has {len(names)} splits to train on; name one with --split: '
        f'{", ".join(names)}'
    )


def _stem(split: str) -> str:
    """The protocol's name in a split's: ``xsub`` of ``xsub_train``."""
    for ending in ('train', 'test', 'val'):
        split = split.removesuffix(ending)
    return split.rstrip('_')


def measure_facing(
    tracks: Tracks, layout: SkeletonLayout, train: np.ndarray, test: np.ndarray
) -> tuple[float | None, int]:
    """How alike people face, and how far training and test clips differ in that.

    Args:
        tracks: Measures of every person of every clip, of whom the first of each clip counts.
        layout: The layout.
        train: Positions of the training clips.
        test: Positions of the test clips; may be empty.

    Returns:
        The length, 0 to 1, of the mean of the training clips' shoulder lines as unit vectors, None
        if the layout has no shoulders or is not three-dimensional; and the degrees between the
        means of training and test clips.
    """
    if layout.dimensions != 3 or layout.shoulders is None:
        return None, 0
    right, left = (layout.index(joint) for joint in layout.shoulders)
    means = []
    for members in (train, test):
        chosen = (tracks.person == 0) & (tracks.num_seen > 0) & np.isin(tracks.clip, members)
        poses = tracks.example[chosen].astype(np.float64)
        lines = poses[:, left, :3] - poses[:, right, :3]
        lengths = np.linalg.norm(lines, axis=-1, keepdims=True)
        means.append((lines / np.maximum(lengths, 1e-12)).sum(0) / max(1, len(lines)))
    facing, of_test = (float(np.linalg.norm(mean)) for mean in means)
    cosine = means[0] @ means[1] / max(facing * of_test, 1e-12)
    turn = math.degrees(math.acos(min(1.0, max(-1.0, cosine)))) if facing * of_test else 0.0
    return round(facing, 2), round(turn)

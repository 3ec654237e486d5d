"""What a model knows about the clips that it has learned from, to check new clips against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

import numpy as np

from halp_mm.argument_checks import check_count, check_positive, check_range
from halp_mm.datasets.body_lengths import body_length
from halp_mm.datasets.skeleton_dataset import SkeletonDataset
from halp_mm.skeletons import SkeletonLayout, get_layout


@dataclass(frozen=True)
class KnownClips:
    """The form of a model's training clips before normalisation.

    Args:
        layout: The layout of their joints.
        num_people: M, the number of people that the model is given.
        num_channels: C, the numbers of a joint.
        shortest: Frames of the shortest clip.
        median_frames: Median number of frames.
        longest: Frames of the longest clip.
        body_length: Median body length in the coordinates' unit, see
            :func:`~halp_mm.skeletons.median_body_length`; None if unknown.

    Raises:
        ValueError: if a number is out of range.
    """

    layout: SkeletonLayout
    num_people: int
    num_channels: int
    shortest: int
    median_frames: float
    longest: int
    body_length: float | None

    def __post_init__(self) -> None:
        check_count(num_people=self.num_people, shortest=self.shortest, longest=self.longest)
        check_count(self.layout.dimensions, num_channels=self.num_channels)
        check_range(frames=(self.shortest, self.median_frames))
        check_range(frames=(self.median_frames, self.longest))
        if self.body_length is not None:
            check_positive(body_length=self.body_length)

    @classmethod
    def of(cls, dataset: SkeletonDataset) -> KnownClips:
        """Look at the clips of a data set as they are stored."""
        num_frames = dataset.stored_clips.num_frames[dataset.positions]
        return cls(
            dataset.stored_layout,
            dataset.num_people,
            dataset.stored_clips.skeleton_shape[1],
            int(num_frames.min()),
            float(np.median(num_frames.numpy())),
            int(num_frames.max()),
            body_length(dataset.stored_clips, dataset.positions, dataset.stored_layout),
        )

    def to_dict(self) -> dict:
        """Convert to plain containers; the inverse of :meth:`from_dict`."""
        return {**vars(self), 'layout': self.layout.to_dict()}

    @classmethod
    def from_dict(cls, facts: Mapping) -> KnownClips:
        """Read what :meth:`to_dict` wrote.

        Raises:
            ValueError: if an entry is missing, unknown or out of range.
        """
        names = set(cls.__dataclass_fields__)
        if set(facts) != names:
            raise ValueError(
                f'expected the entries {sorted(names)}, found {sorted(map(str, facts))}'
            )
        for name in ('median_frames', 'body_length'):
            if not isinstance(facts[name], (Real, type(None))):
                raise ValueError(f'{name} must be a number, got {facts[name]!r}')
        if not isinstance(facts['layout'], Mapping):
            raise ValueError(f'layout must be a dict, got {facts["layout"]!r}')
        return cls(**{**facts, 'layout': get_layout(facts['layout'])})

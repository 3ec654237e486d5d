"""Samples of a data set that are read together when they become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halp_mm.datasets.skeleton_dataset import SkeletonDataset


class IndexedSamples(Sequence):
    """Some samples of a data set. Each is read when it is asked for.

    PyTorch's loaders ask a data set for all samples of a batch at once, and hand them to the
    function that makes a batch of them. One that knows this class asks for :meth:`batch`, which is
    faster than sample by sample; any other takes it for a list.

    Args:
        dataset: The data set.
        indices: Which samples.
    """

    def __init__(self, dataset: SkeletonDataset, indices: Sequence[int]) -> None:
        self._dataset = dataset
        self._indices = list(indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, position: int) -> dict:  # type: ignore[override]
        return self._dataset[self._indices[position]]

    def batch(self) -> dict:
        """The samples as a batch; see :func:`~.collate.pad_clips`."""
        return self._dataset.batch(self._indices)

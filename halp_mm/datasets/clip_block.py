"""Clips that lie end to end in one tensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from halp_mm.datasets.stored_frames import StoredFrames


@dataclass
class ClipBlock:
    """Clips that lie end to end in one tensor, found by their lengths.

    Args:
        frames: float32 ``[R, V, C]``, for each clip its M x T skeletons, person by person; in
            memory or in a file.
        num_frames: int64 ``[N]``, T of each clip.
        num_people: int64 ``[N]``, M of each clip.
    """

    frames: Tensor | StoredFrames
    num_frames: Tensor
    num_people: Tensor

    def __post_init__(self) -> None:
        self._ends = (self.num_frames * self.num_people).cumsum(0).numpy()
        self._index = torch.stack([self.num_frames, self.num_people], 1).numpy()

    @property
    def num_skeletons(self) -> int:
        """R, how many skeletons the index speaks of."""
        return int(self._ends[-1]) if len(self._ends) else 0

    @property
    def skeleton_shape(self) -> tuple[int, int]:
        """V and C."""
        _, num_joints, num_channels = self.frames.shape
        return num_joints, num_channels

    def clip(self, position: int) -> Tensor:
        """The clip at a position, ``[M, T, V, C]``: a view of what is in memory, or read."""
        people, frames = int(self.num_people[position]), int(self.num_frames[position])
        end = int(self._ends[position])
        block = self.frames[end - people * frames : end]
        return block.view(people, frames, *block.shape[1:])

    def fill(self, position: int, people: np.ndarray) -> None:
        """Copy the first people of a clip into an array, which is faster than :meth:`clip`.

        Args:
            position: Which clip.
            people: float32 ``[m, t, V, C]``, m at most M and t at least T: their first T frames
                are filled.
        """
        frames, num_people = self._index[position]  # faster to read than a tensor
        row = self._ends[position] - frames * num_people
        for person in people:
            if isinstance(self.frames, Tensor):
                person[:frames] = self.frames[row : row + frames].numpy()
            else:
                self.frames.read_into(person[:frames], row)
            row += frames

    def rows(self, positions: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """The row of each clip's first skeleton, and how many it has, int64 ``[N]``.

        Args:
            positions: int64 ``[N]``: which clips.
        """
        counts = self.num_frames * self.num_people
        starts = counts.cumsum(0) - counts
        return starts[positions].numpy(), counts[positions].numpy()

    def skeletons(self, rows: np.ndarray) -> np.ndarray:
        """The skeletons of some rows, a copy.

        Args:
            rows: Integers of any shape.

        Returns:
            The rows' shape, then V and C.
        """
        return self.frames[rows].numpy()

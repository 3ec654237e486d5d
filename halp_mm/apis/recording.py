"""The actions of a long recording over time, from answers for windows of it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.tables import table_text

_NOBODY = 'nobody is seen'


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording with one action.

    Args:
        start: Its first frame; with a frame rate, its time in seconds.
        end: The frame after its last, or the time.
        action: The class; None where nobody is seen.
        score: The class's mean score in it; NaN where nobody is seen.
    """

    start: float
    end: float
    action: str | None
    score: float


@dataclass(frozen=True)
class Timeline:
    """The actions of a recording over time.

    Args:
        classes: The names of the classes.
        starts: The first frame of each window, int ``[W]``.
        ends: The frame after the last of each window, int ``[W]``.
        scores: The windows' class scores ``[W, classes]``; NaN where nobody is seen in a window.
        frame_rate: Frames a second; None if unknown.
    """

    classes: list[str]
    starts: np.ndarray
    ends: np.ndarray
    scores: np.ndarray
    frame_rate: float | None = None

    @cached_property
    def frame_scores(self) -> np.ndarray:
        """Mean scores ``[T, classes]`` of the windows that each frame is in; NaN without any."""
        is_known = ~np.isnan(self.scores).any(1)
        starts, ends = self.starts[is_known], self.ends[is_known]
        scores = np.concatenate([self.scores[is_known], np.ones((len(starts), 1))], 1)
        steps = np.zeros((int(self.ends.max()) + 1, scores.shape[1]))
        np.add.at(steps, starts, scores)
        np.add.at(steps, ends, -scores)
        sums = steps.cumsum(0)[:-1]
        count = sums[:, -1:].round()
        return np.divide(
            sums[:, :-1], count, out=np.full(sums[:, :-1].shape, np.nan), where=count > 0
        )

    @cached_property
    def segments(self) -> list[Segment]:
        """The recording in stretches: each frame has the class of its highest mean score."""
        scores = self.frame_scores
        nobody = np.isnan(scores).any(1)
        best = np.where(nobody, -1, np.where(nobody[:, None], 0, scores).argmax(1))
        bounds = [0, *(np.flatnonzero(np.diff(best)) + 1).tolist(), len(best)]
        rate = self.frame_rate or 1
        return [
            Segment(
                start / rate,
                end / rate,
                None if best[start] < 0 else self.classes[best[start]],
                float('nan') if best[start] < 0 else float(scores[start:end, best[start]].mean()),
            )
            for start, end in pairwise(bounds)
        ]

    @property
    def unit(self) -> str:
        """What times are counted in: ``'s'`` or ``'frame'``."""
        return 'frame' if self.frame_rate is None else 's'

    def __str__(self) -> str:
        """The segments as a table."""
        digits = 0 if self.frame_rate is None else 2
        rows = [
            (
                f'{segment.start:.{digits}f}',
                f'{segment.end:.{digits}f}',
                segment.action or _NOBODY,
                '' if segment.action is None else f'{segment.score:.3f}',
            )
            for segment in self.segments
        ]
        head = (f'start ({self.unit})', f'end ({self.unit})', 'action', 'score')
        return table_text(rows, head, texts=(2,))

    def draw(self, picture: str | os.PathLike, title: str = '') -> Path:
        """Draw the segments over time, and the scores of their classes.

        Args:
            picture: The ``.png`` file to write.
            title: Title of the picture.

        Raises:
            ValueError: if the file's suffix is another.
        """
        from halp_mm.visualization.timeline_picture import draw_timeline  # matplotlib is slow

        actions = [segment.action for segment in self.segments if segment.action is not None]
        rows = list(dict.fromkeys(actions))
        columns = [self.classes.index(row) for row in rows]
        return draw_timeline(
            self.frame_scores[:, columns],
            rows,
            [(s.start, s.end, s.action) for s in self.segments if s.action is not None],
            1 / (self.frame_rate or 1),
            'time (s)' if self.frame_rate else 'frame',
            title,
            picture,
        )


def window_bounds(
    num_frames: int, window: float, stride: float, frame_rate: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a recording into windows.

    Args:
        num_frames: T.
        window: Length of a window, in frames, or with a frame rate in seconds.
        stride: Distance between the starts of windows, likewise.
        frame_rate: Frames a second.

    Returns:
        The first frame of each window and the frame after its last, int ``[W]``. The last window
        ends with the recording; a recording shorter than a window is one.

    Raises:
        ValueError: if a number is out of range.
    """
    if frame_rate is None:
        for name, value in (('window', window), ('stride', stride)):
            if isinstance(value, float) and not value.is_integer():
                raise ValueError(
                    f'{name} is {value} frames; expected a whole number, or seconds with a '
                    'frame_rate'
                )
        check_count(window=int(window), stride=int(stride))
        length, step = int(window), int(stride)
    else:
        check_positive(window=window, stride=stride, frame_rate=frame_rate)
        length, step = max(1, round(window * frame_rate)), max(1, round(stride * frame_rate))
    last = max(0, num_frames - length)
    starts = np.unique(np.append(np.arange(0, last + 1, step), last))
    return starts, np.minimum(starts + length, num_frames)

"""Cut a video of PKU-MMD into clips by its labels."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import numpy as np

from halp_mm.preparation.raw_files import Parsed, ParsedClip, RawFiles
from halp_mm.problems import BAD_LABEL, Problem

NUM_CLASSES = 51

_SHAPE = (2, 25, 3)  # of a line: people, joints, coordinates
_NUMBERS = 150


def parse_pku_video(files: RawFiles) -> Parsed:
    """Cut a video into its clips.

    Args:
        files: The video's name, its skeleton file and its label file.

    Returns:
        The clips ``[2, T, 25, 3]`` with the facts ``label`` (from 0),
        ``start`` and ``end`` (from 1); and what is wrong with labels.

    Raises:
        OSError: if a file cannot be read.
        ValueError: if the skeleton file is not as expected, or the label file is empty.
    """
    skeleton_path, label_path = files.paths
    frames = _read_frames(skeleton_path)
    clips: dict[str, ParsedClip] = {}
    problems = []
    rows = label_path.read_text(encoding='ascii', errors='replace').rstrip().splitlines()
    if not rows:
        raise ValueError(
            f'{label_path} is empty; expected a line label,start,end,confidence for each action. '
            'Get the file again'
        )
    for number, row in enumerate(rows, 1):
        action = _parse_label(row)
        expected = _what_is_expected(action, len(frames))
        if expected is None:
            label, start, end = action
            name = f'{files.name}_{start:05d}_{end:05d}'
            if name not in clips:
                people = frames[start - 1 : end].transpose(1, 0, 2, 3)
                facts = {'label': label - 1, 'start': start, 'end': end}
                clips[name] = ParsedClip(name, people, facts)
                continue
            expected = 'each start and end once'
        text = (
            f'{label_path}, line {number}: found {row[:60]!r}; expected {expected}. Correct the '
            'line'
        )
        problems.append(Problem(BAD_LABEL, text))
    return Parsed(files.name, list(clips.values()), problems)


def _read_frames(path: Path) -> np.ndarray:
    """The people of a video, float32 ``[T, 2, 25, 3]``."""
    lines = path.read_text(encoding='ascii', errors='replace').rstrip().splitlines()
    if not lines:
        raise ValueError(f'{path} is empty; expected {_NUMBERS} numbers a line. Get the file again')
    # An underscore between digits is a number to Python, but not here.
    rows = [line.replace('_', '?').split() for line in lines]
    values = _to_numbers(rows) if {*map(len, rows)} == {_NUMBERS} else None
    if values is None:
        number = next(i for i, row in enumerate(rows) if not _is_frame(row))
        raise ValueError(
            f'{path}, line {number + 1}: found {len(rows[number])} words, '
            f'{lines[number][:40]!r} and so on; expected {_NUMBERS} finite numbers. Get the file '
            'again'
        )
    return values.reshape(-1, *_SHAPE)


def _is_frame(row: list[str]) -> bool:
    return len(row) == _NUMBERS and _to_numbers([row]) is not None


def _to_numbers(rows: list[list[str]]) -> np.ndarray | None:
    """All numbers in rows, one after the other, float32; None if some are none, or not finite."""
    try:
        values = np.fromiter(map(float, chain.from_iterable(rows)), np.float64)
    except ValueError:
        return None
    with np.errstate(over='ignore'):
        values = values.astype(np.float32)
    return values if np.isfinite(values).all() else None


def _parse_label(row: str) -> tuple[int, int, int] | None:
    """Label, start and end; None if the row is not four numbers."""
    words = [word.strip() for word in row.split(',')]
    if len(words) != 4 or not all(re.fullmatch(r'-?\d{1,9}', word) for word in words[:3]):
        return None
    return int(words[0]), int(words[1]), int(words[2])


def _what_is_expected(action: tuple[int, int, int] | None, num_frames: int) -> str | None:
    """What was expected of a row instead of this; None if it is as expected."""
    if action is None:
        return 'label,start,end,confidence'
    label, start, end = action
    if not 1 <= label <= NUM_CLASSES:
        return f'a label from 1 to {NUM_CLASSES}'
    if start > end:
        return 'a start before the end'
    if start < 1 or end > num_frames:
        return f"start and end from 1 to {num_frames}, the video's frames"
    return None

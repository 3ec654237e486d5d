"""Parse the ``.skeleton`` files of NTU RGB+D.

A file is text. Its first line is the number of frames. Each frame is the number of bodies on a
line and, for each body, a line of 10 numbers that begins with the body's ID, the number of joints
(25) on a line, and for each joint a line of 12 numbers that begins with x y z in metres. Of the
numbers in these lines only body ID, x, y and z are read; the others are counted, not looked at.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from halp_mm.preparation.ntu.plain_decimals import read_plain_decimals

NUM_JOINTS = 25
_BODY_NUMBERS, _JOINT_NUMBERS = 10, 12
MAX_FRAMES = 100_000  # an hour; NTU's longest recording has 300
_FIRST_LINE_BYTES = 64
_BODY_LINES = 2 + NUM_JOINTS
_MAX_DIGITS = 19  # fit in 64 bits
# What a long recording needs beside its text does not grow with it.
_BLOCK_BYTES, _BLOCK_LINES = 1 << 20, 1 << 13


@dataclass(frozen=True)
class SkeletonFile:
    """The bodies in a ``.skeleton`` file: B of them, frame by frame.

    Args:
        num_frames: T, how many frames the file has.
        frames: int64 ``[B]``: the frame in which each body was seen, counted from 0.
        body_ids: uint64 ``[B]``: the IDs that follow a person through the frames.
        coordinates: float32 ``[B, 25, 3]``, metres in camera space.
    """

    num_frames: int
    frames: np.ndarray
    body_ids: np.ndarray
    coordinates: np.ndarray


def read_skeleton_file(path: str | os.PathLike) -> SkeletonFile:
    """Read a ``.skeleton`` file.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if its content is not as this module's docstring says; names the line.
    """
    path = Path(path)
    return parse_skeleton_file(path.read_bytes(), path)


def parse_skeleton_file(content: bytes, path: Path) -> SkeletonFile:
    """Parse what stands in a ``.skeleton`` file.

    Args:
        content: The file's content.
        path: The file, for errors.

    Raises:
        ValueError: see :func:`read_skeleton_file`.
    """
    return _Parser(content, path).parse()


class _Lines:
    """The lines of a text, found but not cut out: most of the text is never looked at.

    Args:
        content: The text, in which single spaces stand between words.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.characters = np.frombuffer(content, np.uint8)
        # Where words end, and which of these places are ends of lines.
        place = np.int32 if len(content) < 1 << 31 else np.int64
        self.word_ends = np.concatenate(
            [
                (start + np.flatnonzero((block == ord('\n')) | (block == ord(' ')))).astype(place)
                for start in range(0, len(content), _BLOCK_BYTES)
                for block in [self.characters[start : start + _BLOCK_BYTES]]
            ]
        )
        last_words = np.flatnonzero(self.characters[self.word_ends] == ord('\n'))
        self.first_words = np.concatenate([[0], last_words[:-1] + 1])
        self.num_words = last_words - self.first_words + 1
        self.ends = self.word_ends[last_words]
        self.starts = np.concatenate([[0], self.ends[:-1] + 1])

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, line: int) -> str:
        return self._text(self.starts[line], self.ends[line]).rstrip()

    def _text(self, start: int, end: int) -> str:
        return self.content[start:end].decode('ascii', errors='replace')

    def have_single_spaces(self) -> bool:
        """Whether one space stands between words, none where a line begins or ends, and no tab."""
        last = self.ends - 1
        last -= self.characters[last] == ord('\r')
        return (
            self.word_ends[0] > 0
            and int(np.diff(self.word_ends).min(initial=2)) > 1
            and bool((self.characters[last] != ord(' ')).all())
            and b'\t' not in self.content
        )

    def single_words(self) -> dict[int, str]:
        """The lines of one word, by their positions."""
        lines = np.flatnonzero(self.num_words == 1)
        spans = zip(self.starts[lines].tolist(), self.ends[lines].tolist())
        words = [self._text(start, end).rstrip() for start, end in spans]
        return dict(zip(lines.tolist(), words))

    def numbers(self, lines: np.ndarray, words: int) -> np.ndarray | None:
        """The first words of lines as numbers, float64 ``[R, words]``; None if some are none."""
        parts = []
        for start in range(0, len(lines), _BLOCK_LINES):
            values = self._numbers(lines[start : start + _BLOCK_LINES], words)
            if values is None:
                return None
            parts.append(values)
        return np.concatenate(parts)

    def _numbers(self, lines: np.ndarray, words: int) -> np.ndarray | None:
        index = (self.first_words[lines][:, None] + np.arange(words)).ravel()
        starts, ends = self.word_ends[index - 1] + 1, self.word_ends[index]
        values = read_plain_decimals(self.characters, starts, ends)
        if values is None:  # 1e-05, inf, letters, or more digits than usual
            values = _to_numbers(self.heads(lines, words))
        return values if values is None else values.reshape(-1, words)

    def heads(self, lines: np.ndarray, words: int) -> list[str]:
        """The first words of lines that have more."""
        ends = self.word_ends[self.first_words[lines] + words - 1]
        return [self._text(*span) for span in zip(self.starts[lines].tolist(), ends.tolist())]


class _Parser:
    def __init__(self, content: bytes, path: Path) -> None:
        self.path = path
        word = content[:_FIRST_LINE_BYTES].split(maxsplit=1)[:1]
        declared = int(word[0]) if word and word[0].isdigit() else 0
        if MAX_FRAMES < declared <= content.count(b'\n'):
            raise ValueError(
                f'{path}, line 1: found {declared} frames; expected at most '
                f'{MAX_FRAMES}. Get the file again'
            )
        self.lines = _Lines(_without_end(content))
        if not self.lines.have_single_spaces():
            lines = (b' '.join(line.split()) for line in content.rstrip().splitlines())
            self.lines = _Lines(b'\n'.join(lines) + b'\n')
        self.single_words = self.lines.single_words()

    def parse(self) -> SkeletonFile:
        if not self.lines[0]:
            raise ValueError(
                f'{self.path} is empty; expected the number of frames on its first line. Get the '
                'file again'
            )
        frames: list[int] = []
        bodies: list[int] = []  # their first lines
        try:
            num_frames = self._find_bodies(frames, bodies)
        except ValueError:
            self._body_ids(bodies)  # a mistake in a body before is the cause, if there is one
            raise
        ids = self._body_ids(bodies)
        if len(set(zip(frames, ids))) < len(ids):
            raise ValueError(
                f'{self.path} has a body ID twice in a frame; expected each once. Get the file '
                'again'
            )
        return SkeletonFile(
            num_frames,
            np.array(frames, dtype=np.int64),
            np.array(ids, dtype=np.uint64),
            self._coordinates(np.array(bodies, dtype=np.int64) + 2),
        )

    def _find_bodies(self, frames: list[int], bodies: list[int]) -> int:
        """Note for each body its frame and first line; return the number of frames."""
        num_lines = len(self.lines)
        num_frames = self._count(0, 'the number of frames')
        position = 1
        for frame in range(num_frames):
            if position >= num_lines:
                raise ValueError(
                    f'{self.path} has {frame} frames; its first line says {num_frames}. The file '
                    'is truncated: get it again'
                )
            num_bodies = self._count(position, 'the number of bodies')
            end = position + 1 + num_bodies * _BODY_LINES
            bodies += range(position + 1, min(end, num_lines), _BODY_LINES)
            if end > num_lines:
                raise ValueError(
                    f'{self.path} ends at line {num_lines} within frame {frame + 1} of '
                    f'{num_frames}; expected {end} lines up to its end. The file is truncated: '
                    'get it again'
                )
            frames += [frame] * num_bodies
            position = end
        if position < num_lines:
            self._refuse(position, f'the end of the file after {num_frames} frames')
        return num_frames

    def _body_ids(self, bodies: Sequence[int]) -> list[int]:
        """The IDs of the bodies that begin in these lines, whose joint counts are checked too."""
        if not bodies:
            return []
        first = np.array(bodies)
        wrong = first[self.lines.num_words[first] != _BODY_NUMBERS].tolist()
        wrong += [
            body + 1
            for body in bodies
            if self.single_words.get(body + 1) != str(NUM_JOINTS) and body + 1 < len(self.lines)
        ]
        ids = self.lines.heads(first, 1) if not wrong else []
        wrong += [
            body
            for body, text in zip(bodies, ids)
            if not text.isdecimal() or len(text) > _MAX_DIGITS
        ]
        if wrong:
            line = min(wrong)
            expected = f'{_BODY_NUMBERS} numbers of a body that begin with its ID'
            is_body = line in bodies
            self._refuse(line, expected if is_body else f'{NUM_JOINTS}, the number of joints')
        return list(map(int, ids))

    def _coordinates(self, starts: np.ndarray) -> np.ndarray:
        """The joints of the bodies whose first joints stand in these lines, ``[B, 25, 3]``."""
        if not len(starts):
            return np.zeros((0, NUM_JOINTS, 3), dtype=np.float32)
        joints = (starts[:, None] + np.arange(NUM_JOINTS)).ravel()
        expected = f'{_JOINT_NUMBERS} numbers of a joint that begin with finite x y z'
        wrong = np.flatnonzero(self.lines.num_words[joints] != _JOINT_NUMBERS)
        if len(wrong):
            self._refuse(joints[wrong[0]], expected)
        values = self.lines.numbers(joints, 3)
        if values is None:
            self._refuse(
                next(j for j in joints if self.lines.numbers(np.array([j]), 3) is None), expected
            )
        return values.astype(np.float32).reshape(-1, NUM_JOINTS, 3)

    def _count(self, position: int, what: str) -> int:
        word = self.single_words.get(position, '')
        if not word.isdecimal() or len(word) > _MAX_DIGITS:
            self._refuse(position, what)
        return int(word)

    def _refuse(self, position: int, expected: str) -> NoReturn:
        found = self.lines[position][:60]
        raise ValueError(
            f'{self.path}, line {position + 1}: found {found!r}; expected {expected}. Get the '
            'file again'
        )


def _without_end(content: bytes) -> bytes:
    """A text up to the end of its last line that is not empty; mostly itself, not a copy."""
    end = len(content)
    while end and content[end - 1 : end].isspace():
        end -= 1
    line_end = content.find(b'\n', end)
    return content[: line_end + 1] if line_end >= 0 else content[:end] + b'\n'


def _to_numbers(lines: Sequence[str]) -> np.ndarray | None:
    """Lines of as many numbers each, float64; None if some are none, or not finite in float32."""
    try:
        values = np.loadtxt(lines, np.float64, comments=None, delimiter=' ', ndmin=2)
    except ValueError:
        return None
    return values if (np.abs(values) <= np.finfo(np.float32).max).all() else None

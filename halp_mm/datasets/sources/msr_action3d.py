"""MSR-Action3D: 20 actions by 10 subjects, recorded with a Kinect v1.

The raw data are text files ``aAA_sSS_eEE_skeleton3D.txt`` (action, subject, repetition) with 20
lines a frame, one a joint: ``x y z confidence``, in metres. The confidence is not kept.

Cleaning: where the tracker lost the person, all joints of a frame are zero. Such frames before
the first and after the last frame that shows the person are cut off. Gaps in between are filled by
linear interpolation over time between the frames on their two sides, so timing is kept. A clip
that never shows the person cannot be stored: it is left out and named in the summary.

Cross-subject protocol: subjects 1, 3, 5, 7 and 9 are for training, split ``xsub_train``, the
others for testing, ``xsub_test``.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

import numpy as np

from halp_mm.datasets.sources.reporting import listing, progress_bar
from halp_mm.datasets.storage import ClipWriter
from halp_mm.skeletons import get_layout

CLASS_NAMES = (
    *('high arm wave', 'horizontal arm wave', 'hammer', 'hand catch', 'forward punch'),
    *('high throw', 'draw x', 'draw tick', 'draw circle', 'hand clap', 'two hand wave'),
    *('side-boxing', 'bend', 'forward kick', 'side kick', 'jogging', 'tennis swing'),
    *('tennis serve', 'golf swing', 'pick up & throw'),
)
SPLITS = ('xsub_train', 'xsub_test')
NUM_SUBJECTS = 10

_LAYOUT = get_layout('msr_action3d')
_FILE_NAME = re.compile(r'(a(\d\d)_s(\d\d)_e(\d\d))_skeleton3D\.txt')
_PATTERN = 'aAA_sSS_eEE_skeleton3D.txt'
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_CLEANING = (
    'frames without a person are cut off at both ends of a clip and filled by linear interpolation '
    'inside it'
)
_NOT_LISTED = 'not in the clip list'
_NOBODY = 'nobody is seen in any frame'


@dataclass
class Summary:
    """What became of the raw clips.

    Args:
        clips: How many clips the data file has.
        splits: How many of them each split has.
        frames_cut: For each clip that lost frames at its ends, how many.
        frames_interpolated: For each clip with gaps, how many frames were filled.
        left_out: For each reason to leave clips out, their names.
    """

    clips: int = 0
    splits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    frames_cut: dict[str, int] = field(default_factory=dict)
    frames_interpolated: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        splits = ', '.join(f'{name} {count}' for name, count in self.splits.items())
        lines = [f'clips: {self.clips} ({splits})']
        for what, frames in (('cut', self.frames_cut), ('interpolated', self.frames_interpolated)):
            line = f'frames {what}: {sum(frames.values())} in {len(frames)} clips'
            lines.append(line + listing([f'{name} ({n})' for name, n in frames.items()]))
        lines.append(f'clips left out: {sum(map(len, self.left_out.values()))}')
        for reason, names in self.left_out.items():
            lines.append(f'  {len(names)} {reason}{listing(names)}')
        return '\n'.join(lines)


def prepare_msr_action3d(
    raw: str | os.PathLike,
    out: str | os.PathLike,
    clip_list: str | os.PathLike | None = None,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of MSR-Action3D, cleaned as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the text files in it or in its subfolders.
        out: The data file to make.
        clip_list: A text file with the names of the clips to keep, such as ``a01_s01_e01``, one a
            line. By default all clips are kept.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the file holds and what was cleaned. The same stands in the file's notes.

    Raises:
        FileNotFoundError: if ``raw`` or ``clip_list`` is missing.
        ValueError: if a file is not as expected; names it and says what to do.
    """
    raw, summary, left_out = Path(raw), Summary(), defaultdict(list)
    with _open_raw(raw) as (files, read):
        clips = _find_clips(raw, files)
        kept = set(clips) if clip_list is None else _read_clip_list(Path(clip_list), raw, clips)
        if kept != set(clips):
            left_out[_NOT_LISTED] = sorted(set(clips) - kept)
        with (
            ClipWriter(out, _LAYOUT, CLASS_NAMES, 'msr_action3d') as writer,
            progress_bar(len(kept), progress) as step,
        ):
            for name in sorted(kept):
                file = clips[name]
                clip = _parse(read(file), raw / file)
                cleaned, cut, interpolated = fill_gaps(clip)
                if len(cleaned):
                    action, subject, repetition = _numbers(file)
                    split = SPLITS[(subject + 1) % 2]
                    facts = {'subject': subject, 'repetition': repetition}
                    writer.add(name, cleaned[None], action - 1, [split], **facts)
                    summary.clips += 1
                    summary.splits[split] += 1
                    summary.frames_cut |= {name: cut} if cut else {}
                    summary.frames_interpolated |= {name: interpolated} if interpolated else {}
                else:
                    left_out[_NOBODY].append(name)
                step()
            summary.left_out = dict(left_out)
            writer.notes = {'cleaning': _CLEANING, **asdict(summary)}
    return summary


def fill_gaps(clip: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Cut off unseen frames at both ends of a clip and interpolate those in between.

    Args:
        clip: ``[T, V, C]``; a frame in which nobody was seen is all zeros.

    Returns:
        The cleaned clip ``[T', V, C]``, without frames if nobody was ever seen, how many frames
        were cut off, and how many interpolated.
    """
    is_seen = clip.any(axis=(1, 2))
    seen = np.flatnonzero(is_seen)
    if not len(seen):
        return clip[:0], len(clip), 0
    first, end = seen[0], seen[-1] + 1
    gaps = np.flatnonzero(~is_seen[first:end]) + first
    after = np.searchsorted(seen, gaps)
    left, right = seen[after - 1], seen[after]
    weight = ((gaps - left) / (right - left)).astype(clip.dtype)[:, None, None]
    cleaned = clip.copy()
    cleaned[gaps] = clip[left] * (1 - weight) + clip[right] * weight
    return cleaned[first:end], len(clip) - int(end - first), len(gaps)


@contextmanager
def _open_raw(raw: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """The names of the files in a folder or zip, and a function that reads one of them."""
    if raw.is_dir():
        files = [path.relative_to(raw).as_posix() for path in raw.rglob('*.txt')]
        yield sorted(files), lambda file: (raw / file).read_bytes()
        return
    if not raw.is_file():
        raise FileNotFoundError(
            f'there is no {raw}; expected the zip file of MSR-Action3D or the folder with its '
            f'files {_PATTERN}'
        )
    try:
        archive = zipfile.ZipFile(raw)
    except _BROKEN_ZIP as error:
        raise _broken(raw, error) from error

    def read(file: str) -> bytes:
        try:
            return archive.read(file)
        except _BROKEN_ZIP as error:
            raise _broken(raw / file, error) from error

    with archive:
        yield archive.namelist(), read


def _broken(path: Path, error: Exception) -> ValueError:
    return ValueError(
        f'{path} cannot be read: {error}; expected a whole zip file or a folder. Download the zip '
        'file again, or unpack it and give the folder'
    )


def _find_clips(raw: Path, files: Sequence[str]) -> dict[str, str]:
    """The files of clips by the clips' names."""
    clips: dict[str, str] = {}
    for file in files:
        match = _FILE_NAME.fullmatch(Path(file).name)
        if not match:
            continue
        name = match[1]
        if name in clips:
            raise ValueError(
                f'{raw} has clip {name!r} twice: {clips[name]} and {file}; expected one file a '
                'clip. Remove one of them'
            )
        action, subject, _ = _numbers(file)
        if not (1 <= action <= len(CLASS_NAMES) and 1 <= subject <= NUM_SUBJECTS):
            raise ValueError(
                f'{raw / file} is of action {action} and subject {subject}; expected actions 1 to '
                f'{len(CLASS_NAMES)} and subjects 1 to {NUM_SUBJECTS}. Rename or remove the file'
            )
        clips[name] = file
    if not clips:
        raise ValueError(
            f'{raw} has {len(files)} files, none of them a clip; expected files {_PATTERN}. Give '
            'the zip file of MSR-Action3D or the folder it was unpacked to'
        )
    return clips


def _numbers(file: str) -> tuple[int, int, int]:
    """Action, subject and repetition of a clip's file."""
    action, subject, repetition = _FILE_NAME.fullmatch(Path(file).name).groups()[1:]
    return int(action), int(subject), int(repetition)


def _read_clip_list(path: Path, raw: Path, clips: dict[str, str]) -> set[str]:
    """The names in a clip list, each of them a clip of the raw data."""
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no clip list {path}; expected a text file with a name such as a01_s01_e01 '
            'on each line. Leave --clip-list away to keep all clips'
        )
    names = path.read_text(encoding='utf-8', errors='replace').split()
    if not names:
        raise ValueError(
            f'clip list {path} is empty; expected a name such as a01_s01_e01 on each line. Leave '
            '--clip-list away to keep all clips'
        )
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(
            f'clip list {path} has {len(twice)} names more than once{listing(twice, 3)}; expected '
            'each once. Remove the repetitions'
        )
    missing = [name for name in names if name not in clips]
    if missing:
        raise ValueError(
            f'clip list {path} has {len(missing)} names that are not in {raw}'
            f'{listing(missing, 3)}; expected names such as {min(clips)}. Correct the list or '
            'complete the data'
        )
    return set(names)


def _parse(content: bytes, path: Path) -> np.ndarray:
    """The coordinates in a clip's file, float32 ``[T, V, 3]``."""
    rows = [line.split() for line in content.decode(errors='replace').rstrip().splitlines()]
    if not rows:
        raise ValueError(
            f'{path} is empty; expected {_LAYOUT.num_joints} lines a frame. Get the file again'
        )
    try:
        values = np.array(rows, dtype=np.float32)
        good = values.shape[1:] == (4,) and np.isfinite(values).all()
    except ValueError:
        good = False
    if not good:
        line = next(i for i, row in enumerate(rows, 1) if not _is_joint(row))
        raise ValueError(
            f'{path}, line {line}: found {" ".join(rows[line - 1])[:60]!r}; expected four finite '
            'numbers, x y z confidence. Get the file again or leave the clip out by a clip list'
        )
    if len(rows) % _LAYOUT.num_joints:
        raise ValueError(
            f'{path} has {len(rows)} lines; expected a multiple of {_LAYOUT.num_joints}, one line '
            'a joint. The file is truncated: get it again or leave the clip out by a clip list'
        )
    return values[:, :3].reshape(-1, _LAYOUT.num_joints, 3)


def _is_joint(row: Sequence[str]) -> bool:
    try:
        return len(row) == 4 and bool(np.isfinite(np.array(row, dtype=np.float32)).all())
    except ValueError:
        return False

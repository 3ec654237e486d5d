"""PKU-MMD part I and II: long videos of 51 actions, recorded with three Kinects v2.

The raw data are a folder with

- ``skeleton/NAME.txt``: one frame a line, 150 numbers: two bodies x 25 joints x (x y z) in metres,
  zero where there is no second body;
- ``label/NAME.txt``: one action a line, ``label,start,end,confidence``; labels and frames count
  from 1, and the end is the last frame of the action. The confidence is not kept;
- the two split files, here or in ``Split/``: ``cross-subject.txt`` and ``cross-view.txt`` (part
  I), ``cross_subject_v2.txt`` and ``cross_view_v2.txt`` (part II). Their second line names the
  training videos, their fourth line the validation videos, which are our test videos.

Videos are named ``0002-L`` in part I and ``A01N01-L`` in part II; the last letter is the camera:
left, middle or right.

Each action becomes a clip ``NAME_START_END``. People stay in the order of the file; one who is not
seen in any frame of a clip is not kept, and a clip in which nobody is seen is left out.

Splits: ``xsub_train``, ``xsub_test``, ``xview_train``, ``xview_test``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TextIO

import numpy as np

from halp_mm.datasets.sources.parallel_parsing import Parsed, ParsedClip, RawFiles
from halp_mm.datasets.sources.preparation import write_data_file
from halp_mm.datasets.sources.reporting import listing
from halp_mm.datasets.storage import ClipWriter

CLASS_NAMES = (
    *('bow', 'brushing hair', 'brushing teeth', 'check time (from watch)', 'cheer up'),
    *('clapping', 'cross hands in front (say stop)', 'drink water', 'drop', 'eat meal/snack'),
    *('falling', 'giving something to other person', 'hand waving', 'handshaking'),
    *('hopping (one foot jumping)', 'hugging other person', 'jump up', 'kicking other person'),
    *('kicking something', 'make a phone call/answer phone', 'pat on back of other person'),
    *('pickup', 'playing with phone/tablet', 'point finger at the other person'),
    *('pointing to something with finger', 'punching/slapping other person'),
    *('pushing other person', 'put on a hat/cap', 'put something inside pocket', 'reading'),
    *('rub two hands together', 'salute', 'sitting down', 'standing up', 'take off a hat/cap'),
    *('take off glasses', 'take off jacket', 'take out something from pocket', 'taking a selfie'),
    *('tear up paper', 'throw', 'touch back (backache)', 'touch chest (stomachache/heart pain)'),
    *('touch head (headache)', 'touch neck (neckache)', 'typing on a keyboard'),
    *('use a fan (with hand or paper)/feeling warm', 'wear jacket', 'wear on glasses'),
    *('wipe face', 'writing'),
)
CAMERAS = 'LMR'
NOBODY = 'nobody is seen in any frame'

_NAMES = {1: re.compile(r'(\d{4})-([LMR])'), 2: re.compile(r'(A\d{2}N\d{2})-([LMR])')}
_PATTERNS = {1: '0002-L', 2: 'A01N01-L'}
SPLIT_FILES = {
    1: {'xsub': 'cross-subject.txt', 'xview': 'cross-view.txt'},
    2: {'xsub': 'cross_subject_v2.txt', 'xview': 'cross_view_v2.txt'},
}
PUBLISHED = {
    1: {'xsub_train': 18841, 'xsub_test': 2704},
    2: {'xsub_train': 5332, 'xsub_test': 1613},
}
_SPLITS = ('xsub_train', 'xsub_test', 'xview_train', 'xview_test')
_SHAPE = (2, 25, 3)  # of a line: people, joints, coordinates
_NUMBERS = 150
_VIDEOS_PER_SHARD = 1  # of some thousand frames
_CUTTING = (
    'videos are cut into clips by their labels; people stay in the order of the file, without '
    'those who are not seen in the clip'
)


@dataclass
class PKUSummary:
    """What became of the raw videos.

    Args:
        part: 1 or 2.
        videos: How many videos there are files of.
        clips: How many clips the data file has.
        splits: How many of them each split has.
        people: How many clips have 1 and 2 people.
        without_split: For each protocol with videos that its split file does not name, these.
        without_files: For each protocol with videos that its split file names but that have no
            files, these.
        left_out: For each reason to leave clips out, their names.
        problems: What is wrong with the files of which something was left out.
    """

    part: int
    videos: int = 0
    clips: int = 0
    splits: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_SPLITS, 0))
    people: list[int] = field(default_factory=lambda: [0, 0])
    without_split: dict[str, list[str]] = field(default_factory=dict)
    without_files: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        published = PUBLISHED[self.part]
        lines = [f'clips: {self.clips} from {self.videos} videos']
        for name, count in self.splits.items():
            known = f' (published {published[name]})' if name in published else ''
            lines.append(f'  {name} {count}{known}')
        lines.append(f'people: 1 in {self.people[0]} clips, 2 in {self.people[1]} clips')
        for what, videos in (
            ('in no split of', self.without_split),
            ('without files, but in a split of', self.without_files),
        ):
            for protocol, names in videos.items():
                lines.append(f'videos {what} {protocol}: {len(names)}{listing(names)}')
        lines.append(f'clips left out: {sum(map(len, self.left_out.values()))}')
        for reason, names in self.left_out.items():
            lines.append(f'  {len(names)} {reason}{listing(names)}')
        lines += [f'problems: {len(self.problems)}', *(f'  {text}' for text in self.problems)]
        return '\n'.join(lines)


def prepare_pku(
    root: str | os.PathLike,
    part: int,
    out: str | os.PathLike,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> PKUSummary:
    """Make the data file of PKU-MMD part I or II, as this module's docstring says.

    Its columns are ``video``, the digits of the video's name (101 for ``A01N01``), ``camera``, 1
    for left, 2 for middle and 3 for right, ``start`` and ``end``, as in the label file.

    Clips are kept in the folder ``OUT.parts`` until the data file is complete, so that an
    interrupted run continues where it stopped.

    Args:
        root: The folder with ``skeleton/``, ``label/`` and the split files.
        part: 1 or 2.
        out: The data file to make.
        workers: How many processes parse; by default one for each core.
        skip_bad: Leave out videos whose files are bad, and actions whose label is, instead of
            refusing the data.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the file holds and what was left out. The same stands in the file's notes.

    Raises:
        FileNotFoundError: if ``root`` or something that should be in it is missing.
        BadFilesError: a ``ValueError`` that lists all bad files, unless ``skip_bad``.
        ValueError: if there are no videos, or a split file or an argument is not as expected.
    """
    if part not in _NAMES:
        raise ValueError(f'part is {part!r}; expected 1 or 2')
    root, summary = Path(root), PKUSummary(part)
    recordings = _find_videos(root, part, summary)
    protocols = {
        protocol: _read_split_file(root, file, part) for protocol, file in SPLIT_FILES[part].items()
    }
    _compare_videos(protocols, {recording.name for recording in recordings}, summary)
    writer = ClipWriter(out, 'kinect_v2', CLASS_NAMES, f'pku{part}')

    def add(parsed: Parsed) -> None:
        video, camera = _NAMES[part].fullmatch(parsed.name).groups()
        splits = [
            f'{protocol}_{videos[parsed.name]}'
            for protocol, videos in protocols.items()
            if parsed.name in videos
        ]
        columns = {
            'video': int(''.join(filter(str.isdecimal, video))),
            'camera': 1 + CAMERAS.index(camera),
        }
        for clip in parsed.clips:
            _add(clip, splits, columns, writer, summary)
        summary.problems += parsed.problems

    write_data_file(
        writer,
        recordings,
        parse_pku_video,
        add,
        summary,
        notes={'cutting': _CUTTING},
        files_per_shard=_VIDEOS_PER_SHARD,
        workers=workers,
        skip_bad=skip_bad,
        progress=progress,
    )
    return summary


def parse_pku_video(files: RawFiles) -> Parsed:
    """Cut a video into its clips.

    Args:
        files: The video's name, its skeleton file and its label file.

    Returns:
        The clips ``[M, T, 25, 3]``, M 0 where nobody is seen, with the facts ``label`` (from 0),
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
                people = people[people.any(axis=(1, 2, 3))]
                facts = {'label': label - 1, 'start': start, 'end': end}
                clips[name] = ParsedClip(name, people, facts)
                continue
            expected = 'each start and end once'
        problems.append(
            f'{label_path}, line {number}: found {row[:60]!r}; expected {expected}. Correct the '
            'line'
        )
    return Parsed(files.name, list(clips.values()), problems)


def _add(
    clip: ParsedClip,
    splits: list[str],
    columns: dict[str, int],
    writer: ClipWriter,
    summary: PKUSummary,
) -> None:
    if not len(clip.coordinates):
        summary.left_out.setdefault(NOBODY, []).append(clip.name)
        return
    facts = {**clip.facts}
    writer.add(clip.name, clip.coordinates, facts.pop('label'), splits, **columns, **facts)
    summary.clips += 1
    for split in splits:
        summary.splits[split] += 1
    summary.people[len(clip.coordinates) - 1] += 1


def _find_videos(root: Path, part: int, summary: PKUSummary) -> list[RawFiles]:
    """The videos that have a skeleton and a label file."""
    found = {}
    for kind in ('skeleton', 'label'):
        folder = root / kind
        if not folder.is_dir():
            raise FileNotFoundError(
                f'there is no folder {folder}; expected skeleton/NAME.txt and label/NAME.txt. Give '
                f'the folder that has skeleton/ and label/ of PKU-MMD part {part}'
            )
        found[kind] = {path.stem: path for path in sorted(folder.glob('*.txt'))}
    names = sorted(found['skeleton'].keys() | found['label'].keys())
    if not names:
        raise ValueError(f'{root} has no files skeleton/NAME.txt and label/NAME.txt')
    recordings = []
    for name in names:
        kinds = [kind for kind in found if name in found[kind]]
        path = found[kinds[0]][name]
        if not _NAMES[part].fullmatch(name):
            summary.problems.append(
                f'{path}: the name is none of PKU-MMD part {part}; expected one such as '
                f'{_PATTERNS[part]}.txt'
            )
        elif len(kinds) == 1:
            missing = 'label' if kinds[0] == 'skeleton' else 'skeleton'
            summary.problems.append(
                f'{path} has no partner; expected {root / missing / path.name} too'
            )
        else:
            recordings.append(RawFiles(name, (found['skeleton'][name], found['label'][name])))
    summary.videos = len(recordings)
    return recordings


def _read_split_file(root: Path, file: str, part: int) -> dict[str, str]:
    """``'train'`` or ``'test'`` for each video that a split file names."""
    candidates = [root / file, root / 'Split' / file]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise FileNotFoundError(
            f'there is no {candidates[0]} or {candidates[1]}; expected the split file of PKU-MMD '
            f'part {part}, which comes with the data'
        )
    lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    if len(lines) < 4:
        raise ValueError(
            f'{path} has {len(lines)} lines; expected the names of the training videos on the '
            'second line and those of the validation videos on the fourth. Get the file again'
        )
    videos: dict[str, str] = {}
    for line, kind in ((2, 'train'), (4, 'test')):
        names = [name.strip() for name in lines[line - 1].split(',') if name.strip()]
        wrong = next((name for name in names if not _NAMES[part].fullmatch(name)), None)
        if wrong is not None or not names:
            raise ValueError(
                f'{path}, line {line}: found {(wrong or "")[:60]!r}; expected names of videos such '
                f'as {_PATTERNS[part]}, with commas between them. Get the file again'
            )
        twice = sorted(set(names) & set(videos))
        if twice:
            raise ValueError(
                f'{path} has {len(twice)} videos both for training and for validation'
                f'{listing(twice, 3)}. Get the file again'
            )
        videos |= dict.fromkeys(names, kind)
    return videos


def _compare_videos(
    protocols: dict[str, dict[str, str]], names: set[str], summary: PKUSummary
) -> None:
    for protocol, videos in protocols.items():
        if names - set(videos):
            summary.without_split[protocol] = sorted(names - set(videos))
        if set(videos) - names:
            summary.without_files[protocol] = sorted(set(videos) - names)


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
    if not 1 <= label <= len(CLASS_NAMES):
        return f'a label from 1 to {len(CLASS_NAMES)}'
    if start > end:
        return 'a start before the end'
    if start < 1 or end > num_frames:
        return f"start and end from 1 to {num_frames}, the video's frames"
    return None

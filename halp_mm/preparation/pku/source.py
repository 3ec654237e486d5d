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
seen in any frame of a clip is not kept, and a clip in which nobody is seen is omitted.

Splits: ``xsub_train``, ``xsub_test``, ``xview_train``, ``xview_test``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TextIO

from halp_mm.preparation.pku.video import parse_pku_video
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles, find_files
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.problems import BAD_NAME, NO_PARTNER, Problem, listing
from halp_mm.registry import SOURCES

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
_CUTTING = (
    'videos are cut into clips by their labels; people stay in the order of the file, without '
    'those who are not seen in the clip'
)


@SOURCES.register_module()
class PKUSource(Source):
    """PKU-MMD part I or II, as this module's docstring says.

    The columns of its clips are ``video``, the digits of the video's name (101 for ``A01N01``),
    ``camera``, 1 for left, 2 for middle and 3 for right, ``start`` and ``end``, as in the label
    file.

    Args:
        root: The folder with ``skeleton/``, ``label/`` and the split files.
        part: 1 or 2.

    Raises:
        ValueError: if there is no such part.
    """

    layout = 'kinect_v2'
    class_names = CLASS_NAMES
    recordings_per_part = 1  # of some thousand frames
    parse = staticmethod(parse_pku_video)

    def __init__(self, root: str | os.PathLike, part: int) -> None:
        if part not in _NAMES:
            raise ValueError(f'part is {part!r}; expected 1 or 2')
        self.root, self.part, self.name = Path(root), part, f'pku{part}'
        self.splits = {split: PUBLISHED[part].get(split) for split in _SPLITS}
        self.notes = {'cutting': _CUTTING}
        self._protocols: dict[str, dict[str, str]] = {}
        self._videos: set[str] = set()

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The videos that have a skeleton and a label file."""
        found = {kind: self._find(kind) for kind in ('skeleton', 'label')}
        names = sorted(found['skeleton'].keys() | found['label'].keys())
        if not names:
            raise ValueError(f'{self.root} has no files skeleton/NAME.txt and label/NAME.txt')
        recordings = []
        for name in names:
            kinds = [kind for kind in found if name in found[kind]]
            path = found[kinds[0]][name]
            if not _NAMES[self.part].fullmatch(name):
                text = (
                    f'{path}: the name is none of PKU-MMD part {self.part}; expected one such as '
                    f'{_PATTERNS[self.part]}.txt'
                )
                summary.problems.append(Problem(BAD_NAME, text))
            elif len(kinds) == 1:
                missing = 'label' if kinds[0] == 'skeleton' else 'skeleton'
                text = f'{path} has no partner; expected {self.root / missing / path.name} too'
                summary.problems.append(Problem(NO_PARTNER, text))
            else:
                recordings.append(RawFiles(name, (found['skeleton'][name], found['label'][name])))
        self._protocols = {
            protocol: _read_split_file(self.root, file, self.part)
            for protocol, file in SPLIT_FILES[self.part].items()
        }
        self._videos = {recording.name for recording in recordings}
        return recordings

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """The label file's facts of a clip, and its video's splits."""
        name = clip.name.rsplit('_', 2)[0]
        video, camera = _NAMES[self.part].fullmatch(name).groups()
        splits = [
            f'{protocol}_{videos[name]}'
            for protocol, videos in self._protocols.items()
            if name in videos
        ]
        columns = {
            'video': int(''.join(filter(str.isdecimal, video))),
            'camera': 1 + CAMERAS.index(camera),
            **clip.facts,
        }
        return ClipFacts(columns.pop('label'), splits, columns)

    def remarks(self, summary: Summary) -> list[str]:
        """Videos that the split files do not name, and videos that only they name."""
        differences = {
            'in no split of': {p: self._videos - set(v) for p, v in self._protocols.items()},
            'without files, but in a split of': {
                p: set(v) - self._videos for p, v in self._protocols.items()
            },
        }
        return [
            f'videos {what} {protocol}: {len(names)}{listing(sorted(names))}'
            for what, videos in differences.items()
            for protocol, names in videos.items()
            if names
        ]

    def _find(self, kind: str) -> dict[str, Path]:
        folder = self.root / kind
        if not folder.is_dir():
            raise FileNotFoundError(
                f'there is no folder {folder}; expected skeleton/NAME.txt and label/NAME.txt. Give '
                f'the folder that has skeleton/ and label/ of PKU-MMD part {self.part}'
            )
        return {path.stem: path for path in find_files(folder, {'.txt'}) if path.parent == folder}


def prepare_pku(
    root: str | os.PathLike,
    part: int,
    out: str | os.PathLike,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of PKU-MMD part I or II from the folder with its skeletons and labels.

    See :class:`PKUSource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        root: The folder with ``skeleton/``, ``label/`` and the split files.
        part: 1 or 2.
        out: The data file to make.
        workers: How many processes parse; by default one for each core.
        skip_bad: Skip videos whose files are bad, and actions whose label is, instead of
            refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        A summary of what the file holds and what was omitted.
    """
    return prepare(PKUSource(root, part), out, workers, skip_bad, progress)


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

"""NTU RGB+D 60 and 120: actions of one or two people, recorded with the Kinect v2.

The raw data are ``.skeleton`` files, one a clip; see :mod:`~.ntu_skeleton_file`. A file's name
``SsssCcccPpppRrrrAaaa`` gives setup, camera, performer, replication and action, counted from 1.

Frames stay as they were recorded: one in which nobody is seen is zero. Who of the bodies in a clip
are kept is said in :mod:`~.ntu_people`. A clip without any body has no skeleton and is left out.

Splits: ``xsub_train`` and ``xsub_test`` by the performer; for NTU RGB+D 60 ``xview_train``,
cameras 2 and 3, and ``xview_test``, camera 1; for NTU RGB+D 120 ``xset_train``, even setups, and
``xset_test``, odd ones.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from halp_mm.datasets.sources.ntu_actions import CLASS_NAMES
from halp_mm.datasets.sources.ntu_people import choose_people
from halp_mm.datasets.sources.ntu_skeleton_file import read_skeleton_file
from halp_mm.datasets.sources.parallel_parsing import Parsed, ParsedClip, RawFiles
from halp_mm.datasets.sources.preparation import write_data_file
from halp_mm.datasets.sources.reporting import listing
from halp_mm.datasets.storage import ClipWriter

_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})')
_PATTERN = 'SsssCcccPpppRrrrAaaa.skeleton'
_FILES_PER_SHARD = 64
_SUBJECTS_60 = {1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38}
_SUBJECTS_120 = _SUBJECTS_60 | {
    *(45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98),
    *(100, 103),
}
_PEOPLE = (
    'bodies are followed by their IDs; spurious ones are dropped; of the others the two of largest '
    'energy are kept, the larger one first'
)
IGNORED = 'in the ignore list'
NO_SKELETON = 'no skeleton in any frame'
NOT_IN_60 = 'of NTU RGB+D 120 only'
BAD = 'bad'


@dataclass(frozen=True)
class NTUDataset:
    """What is known of a data set.

    Args:
        name: ``'ntu60'`` or ``'ntu120'``.
        limits: The largest setup, camera, performer, replication and action; None is no limit.
        train_subjects: The performers of ``xsub_train``.
        recorded: How many clips were recorded.
        missing: How many of them the authors' list of missing skeletons names.
        splits: How many of the others each split has, as published.
    """

    name: str
    limits: tuple[int | None, ...]
    train_subjects: frozenset[int]
    recorded: int
    missing: int
    splits: dict[str, int]

    @property
    def published(self) -> int:
        """How many clips are used in publications."""
        return self.recorded - self.missing

    def has(self, numbers: Sequence[int]) -> bool:
        """Whether there are a setup, camera, performer, replication and action of these numbers."""
        return all(
            number >= 1 and (limit is None or number <= limit)
            for number, limit in zip(numbers, self.limits)
        )

    def splits_of(self, setup: int, camera: int, subject: int) -> list[str]:
        """The splits of a clip."""
        second = ('xview', camera != 1) if self.name == 'ntu60' else ('xset', setup % 2 == 0)
        return [
            f'{protocol}_{"train" if is_train else "test"}'
            for protocol, is_train in (('xsub', subject in self.train_subjects), second)
        ]


DATASETS = {
    dataset.name: dataset
    for dataset in (
        NTUDataset(
            'ntu60',
            (17, 3, 40, None, 60),
            frozenset(_SUBJECTS_60),
            56880,
            302,
            {'xsub_train': 40091, 'xsub_test': 16487, 'xview_train': 37646, 'xview_test': 18932},
        ),
        NTUDataset(
            'ntu120',
            (32, 3, 106, None, 120),
            frozenset(_SUBJECTS_120),
            114480,
            535,
            {'xsub_train': 63026, 'xsub_test': 50919, 'xset_train': 54468, 'xset_test': 59477},
        ),
    )
}


@dataclass
class NTUSummary:
    """What became of the raw clips.

    Args:
        dataset: ``'ntu60'`` or ``'ntu120'``.
        found: How many clips of the data set there are files of.
        clips: How many clips the data file has.
        splits: How many of them each split has.
        people: How many clips have 1 and 2 people.
        empty_frames: How many frames show nobody, and in how many clips.
        spurious_bodies: How many bodies were dropped as spurious, and in how many clips.
        surplus_bodies: How many bodies were dropped because two have more energy, and in how many
            clips.
        listed: How many names the ignore list has; None without one.
        left_out: For each reason to leave clips out, their names.
        problems: What is wrong with the files of the bad clips that were left out.
    """

    dataset: str
    found: int = 0
    clips: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    people: list[int] = field(default_factory=lambda: [0, 0])
    empty_frames: list[int] = field(default_factory=lambda: [0, 0])
    spurious_bodies: list[int] = field(default_factory=lambda: [0, 0])
    surplus_bodies: list[int] = field(default_factory=lambda: [0, 0])
    listed: int | None = None
    left_out: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def differences(self) -> dict[str, int]:
        """What makes the number of clips differ from the published one; the sum is all of it."""
        dataset = DATASETS[self.dataset]
        differences = {
            'recorded clips that have no file': self.found - dataset.recorded,
            "clips named by the authors' list of missing skeletons, but not ignored": (
                dataset.missing - len(self.left_out.get(IGNORED, ()))
            ),
            'clips without a skeleton': -len(self.left_out.get(NO_SKELETON, ())),
            'bad clips': -len(self.left_out.get(BAD, ())),
        }
        return {reason: count for reason, count in differences.items() if count}

    def __str__(self) -> str:
        dataset = DATASETS[self.dataset]
        lines = [f'clips: {self.clips} (published {dataset.published})']
        lines += [
            f'  {name} {self.splits[name]} (published {count})'
            for name, count in dataset.splits.items()
        ]
        if self.clips != dataset.published or self.differences():
            lines.append(f'difference: {self.clips - dataset.published:+d} clips')
            lines += [f'  {count:+d} {reason}' for reason, count in self.differences().items()]
        if self.listed is None:
            lines.append(
                f"no ignore list: the published counts need the authors' list of {dataset.missing} "
                'clips with missing skeletons, which comes with the data; give it by --ignore-list'
            )
        lines.append(f'people: 1 in {self.people[0]} clips, 2 in {self.people[1]} clips')
        for what, (count, clips) in (
            ('frames with nobody', self.empty_frames),
            ('spurious bodies dropped', self.spurious_bodies),
            ('bodies of less energy than two others dropped', self.surplus_bodies),
        ):
            lines.append(f'{what}: {count} in {clips} clips')
        lines.append(f'clips left out: {sum(map(len, self.left_out.values()))}')
        for reason, names in self.left_out.items():
            lines.append(f'  {len(names)} {reason}{listing(names)}')
        lines += [f'problems: {len(self.problems)}', *(f'  {text}' for text in self.problems)]
        return '\n'.join(lines)


def prepare_ntu(
    raw: str | os.PathLike,
    dataset: str,
    out: str | os.PathLike,
    ignore_list: str | os.PathLike | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> NTUSummary:
    """Make the data file of NTU RGB+D 60 or 120, as this module's docstring says.

    Parsed clips are kept in the folder ``OUT.parts`` until the data file is complete, so that an
    interrupted run continues where it stopped.

    Args:
        raw: The folder with the ``.skeleton`` files in it or in its subfolders.
        dataset: ``'ntu60'`` or ``'ntu120'``.
        out: The data file to make.
        ignore_list: A text file with the names of clips to leave out, one a line.
        workers: How many processes parse; by default one for each core.
        skip_bad: Leave bad clips out instead of refusing the data.
        progress: Where to draw a progress bar, such as ``sys.stderr``.

    Returns:
        What the file holds and what was left out. The same stands in the file's notes.

    Raises:
        FileNotFoundError: if ``raw`` or ``ignore_list`` is missing.
        BadFilesError: a ``ValueError`` that lists all bad files, unless ``skip_bad``.
        ValueError: if there are no clips, or the ignore list or an argument is not as expected.
    """
    if dataset not in DATASETS:
        raise ValueError(f'dataset is {dataset!r}; expected one of {", ".join(DATASETS)}')
    facts, raw = DATASETS[dataset], Path(raw)
    summary = NTUSummary(dataset, splits=dict.fromkeys(DATASETS[dataset].splits, 0))
    ignored = set() if ignore_list is None else _read_ignore_list(Path(ignore_list))
    summary.listed = None if ignore_list is None else len(ignored)
    files = _find_files(raw, facts, summary)
    recordings = [RawFiles(name, (path,)) for name, path in files.items() if name not in ignored]
    summary.left_out |= {IGNORED: sorted(ignored & set(files))} if ignored & set(files) else {}
    writer = ClipWriter(out, 'kinect_v2', CLASS_NAMES[: facts.limits[-1]], dataset)

    def add(parsed: Parsed) -> None:
        for clip in parsed.clips:
            _add(clip, facts, writer, summary)
        if not parsed.clips:
            reason = BAD if parsed.problems else NO_SKELETON
            summary.left_out.setdefault(reason, []).append(parsed.name)
        summary.problems += parsed.problems

    write_data_file(
        writer,
        recordings,
        parse_ntu_clip,
        add,
        summary,
        notes={'choice_of_people': _PEOPLE},
        files_per_shard=_FILES_PER_SHARD,
        workers=workers,
        skip_bad=skip_bad,
        progress=progress,
    )
    return summary


def parse_ntu_clip(files: RawFiles) -> Parsed:
    """Read a ``.skeleton`` file and choose the actors.

    Args:
        files: The clip's name and its only file.

    Returns:
        The clip ``[M, T, 25, 3]``; none if no body is in it.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not as expected.
    """
    people = choose_people(read_skeleton_file(files.paths[0]))
    if not len(people.coordinates):
        return Parsed(files.name)
    facts = {'spurious': people.spurious, 'surplus': people.surplus}
    facts['empty_frames'] = int((~people.coordinates.any(axis=(0, 2, 3))).sum())
    return Parsed(files.name, [ParsedClip(files.name, people.coordinates, facts)])


def _add(clip: ParsedClip, dataset: NTUDataset, writer: ClipWriter, summary: NTUSummary) -> None:
    setup, camera, subject, replication, action = _numbers(clip.name)
    splits = dataset.splits_of(setup, camera, subject)
    columns = {'setup': setup, 'camera': camera, 'subject': subject, 'replication': replication}
    writer.add(clip.name, clip.coordinates, action - 1, splits, **columns)
    summary.clips += 1
    for split in splits:
        summary.splits[split] += 1
    summary.people[len(clip.coordinates) - 1] += 1
    for key, total in (
        ('empty_frames', summary.empty_frames),
        ('spurious', summary.spurious_bodies),
        ('surplus', summary.surplus_bodies),
    ):
        total[0] += clip.facts[key]
        total[1] += clip.facts[key] > 0


def _find_files(raw: Path, dataset: NTUDataset, summary: NTUSummary) -> dict[str, Path]:
    """The files of the data set's clips by name, in the order of the names."""
    if not raw.is_dir():
        raise FileNotFoundError(
            f'there is no folder {raw}; expected the folder with the files {_PATTERN}'
        )
    paths = sorted(raw.rglob('*.skeleton'), key=lambda path: (path.stem, path))
    if not paths:
        raise ValueError(
            f'{raw} has no files {_PATTERN}; expected them in the folder or its subfolders. Give '
            'the folder to which the skeletons of NTU RGB+D were unpacked'
        )
    files: dict[str, Path] = {}
    others = []
    for path in paths:
        name = path.stem
        if not _NAME.fullmatch(name) or not DATASETS['ntu120'].has(_numbers(name)):
            summary.problems.append(
                f'{path}: the name is none of NTU RGB+D; expected {_PATTERN} of setup 1 to 32, '
                'camera 1 to 3, performer 1 to 106 and action 1 to 120'
            )
        elif name in files:
            summary.problems.append(
                f'{path}: clip {name} is also {files[name]}; expected one file a clip. Of the two, '
                'this one is left out by --skip-bad'
            )
        elif dataset.has(_numbers(name)):
            files[name] = path
        else:
            others.append(name)
    summary.found = len(files)
    if others:
        summary.left_out[NOT_IN_60] = others
    return files


def _numbers(name: str) -> tuple[int, ...]:
    """Setup, camera, performer, replication and action of a clip."""
    return tuple(map(int, _NAME.fullmatch(name).groups()))


def _read_ignore_list(path: Path) -> set[str]:
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no ignore list {path}; expected a text file with the name of a clip on each '
            'line. Leave --ignore-list away to keep all clips that have a skeleton'
        )
    lines = path.read_text(encoding='utf-8', errors='replace').splitlines()
    names = [line.strip().removesuffix('.skeleton') for line in lines]
    is_name = [bool(_NAME.fullmatch(name)) for name in names]
    if not any(is_name):
        raise ValueError(
            f'ignore list {path} has no name of a clip; expected one such as S001C002P005R002A008 '
            'on each line'
        )
    # The authors' lists may begin with a heading; after it, whatever is no name is a mistake.
    start = is_name.index(True)
    wrong = [i for i in range(start, len(names)) if names[i] and not is_name[i]]
    if wrong:
        raise ValueError(
            f'ignore list {path}, line {wrong[0] + 1}: found {names[wrong[0]][:60]!r}; expected '
            'the name of a clip such as S001C002P005R002A008. Correct the line'
        )
    twice = [name for name, count in Counter(names[start:]).items() if name and count > 1]
    if twice:
        raise ValueError(
            f'ignore list {path} has {len(twice)} names more than once{listing(twice, 3)}; '
            'expected each once. Remove the repetitions'
        )
    return {name for name in names[start:] if name}

"""NTU RGB+D 60 and 120: actions of one or two people, recorded with the Kinect v2.

The raw data are ``.skeleton`` files, one a clip; see :mod:`~.ntu.skeleton_file`. A file's name
``SsssCcccPpppRrrrAaaa`` gives setup, camera, performer, replication and action, counted from 1.

Frames stay as they were recorded: one in which nobody is seen is zero. Who of the bodies in a clip
are kept is said in :mod:`~.ntu.people`. A clip without any body has no skeleton and is omitted.

Splits: ``xsub_train`` and ``xsub_test`` by the performer; for NTU RGB+D 60 ``xview_train``,
cameras 2 and 3, and ``xview_test``, camera 1; for NTU RGB+D 120 ``xset_train``, even setups, and
``xset_test``, odd ones.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from halp_mm.datasets.ntu_actions import CLASS_NAMES
from halp_mm.name_lists import read_names
from halp_mm.preparation.ntu.clip import parse_ntu_clip
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles, find_files, second_file
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.problems import BAD, BAD_NAME, NOBODY, Problem
from halp_mm.registry import SOURCES

_NAME = re.compile(r'S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})')
_PATTERN = 'SsssCcccPpppRrrrAaaa.skeleton'
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
NOT_IN_60 = 'of NTU RGB+D 120 only'


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


NTU_DATASETS = {
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


@SOURCES.register_module()
class NTUSource(Source):
    """NTU RGB+D 60 or 120, as this module's docstring says.

    Args:
        raw: The folder with the ``.skeleton`` files in it or in its subfolders.
        dataset: ``'ntu60'`` or ``'ntu120'``.
        ignore_list: A text file with the names of clips to omit, one on each line.

    Raises:
        FileNotFoundError: if ``ignore_list`` is missing.
        ValueError: if the ignore list or the data set's name is not as expected.
    """

    layout = 'kinect_v2'
    parse = staticmethod(parse_ntu_clip)

    def __init__(
        self,
        raw: str | os.PathLike,
        dataset: str,
        ignore_list: str | os.PathLike | None = None,
    ) -> None:
        if dataset not in NTU_DATASETS:
            raise ValueError(f'dataset is {dataset!r}; expected one of {", ".join(NTU_DATASETS)}')
        self.raw, self.name, self.dataset = Path(raw), dataset, NTU_DATASETS[dataset]
        self.class_names = CLASS_NAMES[: self.dataset.limits[-1]]
        self.splits = self.dataset.splits
        self.notes = {'choice_of_people': _PEOPLE}
        self.ignored = None if ignore_list is None else _read_ignore_list(Path(ignore_list))

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The files of the data set's clips, in the order of the names."""
        if not self.raw.is_dir():
            raise FileNotFoundError(
                f'there is no folder {self.raw}; expected the folder with the files {_PATTERN}'
            )
        paths = find_files(self.raw, {'.skeleton'})
        if not paths:
            raise ValueError(
                f'{self.raw} has no files {_PATTERN}; expected them in the folder or its '
                'subfolders. Give the folder to which the skeletons of NTU RGB+D were unpacked'
            )
        files: dict[str, Path] = {}
        others = []
        for path in sorted(paths, key=lambda path: (path.stem, path)):
            name = path.stem
            if not _NAME.fullmatch(name) or not NTU_DATASETS['ntu120'].has(_numbers(name)):
                text = (
                    f'{path}: the name is none of NTU RGB+D; expected {_PATTERN} of setup 1 to '
                    '32, camera 1 to 3, performer 1 to 106 and action 1 to 120'
                )
                summary.problems.append(Problem(BAD_NAME, text))
            elif name in files:
                summary.problems.append(second_file(name, files[name], path))
            elif self.dataset.has(_numbers(name)):
                files[name] = path
            else:
                others.append(name)
        ignored = self.ignored or set()
        summary.leave_out(NOT_IN_60, others)
        summary.leave_out(IGNORED, sorted(ignored & set(files)))
        return [RawFiles(name, (path,)) for name, path in files.items() if name not in ignored]

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says."""
        setup, camera, subject, replication, action = _numbers(clip.name)
        columns = {
            'setup': setup,
            'camera': camera,
            'subject': subject,
            'replication': replication,
        }
        splits = self.dataset.splits_of(setup, camera, subject)
        return ClipFacts(action - 1, splits, columns)

    def differences(self, summary: Summary) -> dict[str, int]:
        """What makes the number of clips differ from the published one; the sum is all of it."""
        left_out = {reason: len(names) for reason, names in summary.left_out.items()}
        ignored = left_out.get(IGNORED, 0)
        differences = {
            'recorded clips that have no file': (
                summary.recordings + ignored - self.dataset.recorded
            ),
            "clips named by the authors' list of missing skeletons, but not ignored": (
                self.dataset.missing - ignored
            ),
            'clips without a skeleton': -left_out.get(NOBODY, 0),
            'bad clips': -left_out.get(BAD, 0),
        }
        return {reason: count for reason, count in differences.items() if count}

    def remarks(self, summary: Summary) -> list[str]:
        """How the number of clips differs from the published one."""
        published, differences = self.dataset.published, self.differences(summary)
        lines = [f'published: {published} clips']
        if differences:
            lines.append(f'difference: {summary.clips - published:+d} clips')
            lines += [f'  {count:+d} {reason}' for reason, count in differences.items()]
        if self.ignored is None:
            lines.append(
                "no ignore list: the published counts need the authors' list of "
                f'{self.dataset.missing} clips with missing skeletons, which comes with the data; '
                'give it by --ignore-list'
            )
        return lines


def prepare_ntu(
    raw: str | os.PathLike,
    dataset: str,
    out: str | os.PathLike,
    ignore_list: str | os.PathLike | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of NTU RGB+D 60 or 120 from the folder with its ``.skeleton`` files.

    See :class:`NTUSource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        raw: The folder with the ``.skeleton`` files in it or in its subfolders.
        dataset: ``'ntu60'`` or ``'ntu120'``.
        out: The data file to make.
        ignore_list: A text file with the names of clips to omit, one on each line.
        workers: How many processes parse; by default one for each core.
        skip_bad: Skip bad clips instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        A summary of what the file holds and what was omitted.
    """
    return prepare(NTUSource(raw, dataset, ignore_list), out, workers, skip_bad, progress)


def _numbers(name: str) -> tuple[int, ...]:
    """Setup, camera, performer, replication and action of a clip."""
    return tuple(map(int, _NAME.fullmatch(name).groups()))


def _read_ignore_list(path: Path) -> set[str]:
    """The names in an ignore list; the authors' lists may begin with a heading."""
    names = read_names(
        path,
        'ignore list',
        'the name of a clip such as S001C002P005R002A008',
        'Omit --ignore-list to keep all clips that have a skeleton',
        lambda line: bool(_NAME.fullmatch(line.removesuffix('.skeleton'))),
        has_heading=True,
    )
    return {name.removesuffix('.skeleton') for name in names}

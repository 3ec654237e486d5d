"""MSR-Action3D: 20 actions by 10 subjects, recorded with a Kinect v1.

The raw data are text files ``aAA_sSS_eEE_skeleton3D.txt`` (action, subject, repetition) with 20
lines a frame, one a joint: ``x y z confidence``, in metres. The confidence is not kept.

Cleaning: where the tracker lost the person, all joints of a frame are zero. Such frames before
the first and after the last frame that shows the person are cut off. Gaps in between are filled by
linear interpolation over time between the frames on their two sides, so timing is kept. A clip
that never shows the person cannot be stored: it is omitted and named in the summary.

Cross-subject protocol: subjects 1, 3, 5, 7 and 9 are for training, split ``xsub_train``, the
others for testing, ``xsub_test``.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from halp_mm.preparation.msr_action3d.clip import parse_msr_clip
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.zip_or_folder import find_clips
from halp_mm.problems import listing
from halp_mm.registry import SOURCES

CLASS_NAMES = (
    *('high arm wave', 'horizontal arm wave', 'hammer', 'hand catch', 'forward punch'),
    *('high throw', 'draw x', 'draw tick', 'draw circle', 'hand clap', 'two hand wave'),
    *('side-boxing', 'bend', 'forward kick', 'side kick', 'jogging', 'tennis swing'),
    *('tennis serve', 'golf swing', 'pick up & throw'),
)
NUM_SUBJECTS = 10
NOT_LISTED = 'not in the clip list'

_FILE_NAME = re.compile(r'(a\d\d_s\d\d_e\d\d)_skeleton3D\.txt')
_NAME = re.compile(r'a(\d\d)_s(\d\d)_e(\d\d)')
_PATTERN = 'aAA_sSS_eEE_skeleton3D.txt'
_CLEANING = (
    'frames without a person are cut off at both ends of a clip and filled by linear interpolation '
    'inside it'
)


@SOURCES.register_module()
class MSRAction3DSource(Source):
    """MSR-Action3D, cleaned as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the text files in it or in its subfolders.
        clip_list: A text file with the names of the clips to keep, such as ``a01_s01_e01``, one a
            line. By default all clips are kept.
    """

    name = layout = 'msr_action3d'
    class_names = CLASS_NAMES
    parse = staticmethod(parse_msr_clip)

    def __init__(self, raw: str | os.PathLike, clip_list: str | os.PathLike | None = None) -> None:
        self.raw = Path(raw)
        self.splits = dict.fromkeys(('xsub_train', 'xsub_test'))
        self.notes = {'cleaning_rule': _CLEANING}
        self.clip_list = None if clip_list is None else Path(clip_list)

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips' files, in the order of the names."""
        clips = find_clips(self.raw, '.txt', _clip_name, 'MSR-Action3D', _PATTERN, summary)
        kept = set(clips)
        if self.clip_list is not None and clips:
            kept = _read_clip_list(self.clip_list, self.raw, clips)
        summary.leave_out(NOT_LISTED, sorted(set(clips) - kept))
        return [file for name, file in clips.items() if name in kept]

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says."""
        action, subject, repetition = _numbers(clip.name)
        split = 'xsub_train' if subject % 2 else 'xsub_test'
        return ClipFacts(action - 1, [split], {'subject': subject, 'repetition': repetition})


def prepare_msr_action3d(
    raw: str | os.PathLike,
    out: str | os.PathLike,
    clip_list: str | os.PathLike | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of MSR-Action3D from its zip file or the folder it was unpacked to.

    See :class:`MSRAction3DSource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        raw: The zip file, or a folder with the text files in it or in its subfolders.
        out: The data file to make.
        clip_list: A text file with the names of the clips to keep, such as ``a01_s01_e01``, one a
            line. By default all clips are kept.
        workers: How many processes parse; by default one for each core.
        skip_bad: Leave bad clips out instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        A summary of what the file holds, what was cleaned and what was omitted.
    """
    return prepare(MSRAction3DSource(raw, clip_list), out, workers, skip_bad, progress)


def _clip_name(file: str) -> str | None:
    """The name of a file's clip."""
    match = _FILE_NAME.fullmatch(file)
    if not match:
        return None
    action, subject, _ = _numbers(match[1])
    if not (1 <= action <= len(CLASS_NAMES) and 1 <= subject <= NUM_SUBJECTS):
        raise ValueError(
            f'action {action} and subject {subject}; expected actions 1 to {len(CLASS_NAMES)} and '
            f'subjects 1 to {NUM_SUBJECTS}'
        )
    return match[1]


def _numbers(name: str) -> tuple[int, ...]:
    """Action, subject and repetition of a clip."""
    return tuple(map(int, _NAME.fullmatch(name).groups()))


def _read_clip_list(path: Path, raw: Path, clips: Mapping[str, object]) -> set[str]:
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

"""UTD-MHAD: 27 actions by 8 subjects, up to 4 takes of each, recorded with a Kinect v1.

The raw data are MATLAB files ``aA_sS_tT_skeleton.mat`` (action, subject, take), each with an array
``d_skel`` ``[20 joints, 3 coordinates, frames]`` in metres. Frames stay as they are.

Cross-subject protocol: subjects 1, 3, 5 and 7 are for training, split ``xsub_train``, the others
for testing, ``xsub_test``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TextIO

from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles
from halp_mm.preparation.source import ClipFacts, Source
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.utd_mhad.clip import parse_utd_mhad_clip
from halp_mm.preparation.zip_or_folder import find_clips
from halp_mm.registry import SOURCES

CLASS_NAMES = (
    *('swipe left', 'swipe right', 'wave', 'clap', 'throw', 'arm cross', 'basketball shoot'),
    *('draw x', 'draw circle clockwise', 'draw circle counter clockwise', 'draw triangle'),
    *('bowling', 'boxing', 'baseball swing', 'tennis swing', 'arm curl', 'tennis serve', 'push'),
    *('knock', 'catch', 'pickup and throw', 'jog', 'walk', 'sit to stand', 'stand to sit'),
    *('lunge', 'squat'),
)
NUM_SUBJECTS, NUM_TAKES = 8, 4

_NAME = re.compile(r'a(\d{1,2})_s(\d)_t(\d)')
_FILE_NAME = re.compile(rf'{_NAME.pattern}_skeleton\.mat')
_PATTERN = 'aA_sS_tT_skeleton.mat'


@SOURCES.register_module()
class UTDMHADSource(Source):
    """UTD-MHAD, with splits as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the MATLAB files in it or in its subfolders.
    """

    name = layout = 'utd_mhad'
    class_names = CLASS_NAMES
    parse = staticmethod(parse_utd_mhad_clip)

    def __init__(self, raw: str | os.PathLike) -> None:
        self.raw = Path(raw)
        self.splits = {'xsub_train': 431, 'xsub_test': 430}

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips' files, by action, subject and take."""
        clips = find_clips(self.raw, '.mat', _clip_name, 'UTD-MHAD', _PATTERN, summary)
        return list(clips.values())

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says."""
        action, subject, take = _numbers(clip.name)
        split = 'xsub_train' if subject % 2 else 'xsub_test'
        return ClipFacts(action - 1, [split], {'subject': subject, 'take': take})


def prepare_utd_mhad(
    raw: str | os.PathLike,
    out: str | os.PathLike,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of UTD-MHAD from its zip file or the folder it was unpacked to.

    See :class:`UTDMHADSource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        raw: The zip file, or a folder with the MATLAB files in it or in its subfolders.
        out: The data file to make.
        workers: How many processes parse; by default one for each core.
        skip_bad: Leave bad clips out instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        What the file holds and what was left out.
    """
    return prepare(UTDMHADSource(raw), out, workers, skip_bad, progress)


def _clip_name(file: str) -> str | None:
    """The name of a file's clip, with two digits for the action, so that names are in order."""
    match = _FILE_NAME.fullmatch(file)
    if not match:
        return None
    action, subject, take = map(int, match.groups())
    if not (
        1 <= action <= len(CLASS_NAMES) and 1 <= subject <= NUM_SUBJECTS and 1 <= take <= NUM_TAKES
    ):
        raise ValueError(
            f'action {action}, subject {subject} and take {take}; expected actions 1 to '
            f'{len(CLASS_NAMES)}, subjects 1 to {NUM_SUBJECTS} and takes 1 to {NUM_TAKES}'
        )
    return f'a{action:02d}_s{subject}_t{take}'


def _numbers(name: str) -> tuple[int, ...]:
    """Action, subject and take of a clip."""
    return tuple(map(int, _NAME.fullmatch(name).groups()))

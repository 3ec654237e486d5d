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
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TextIO

from halp_mm.name_lists import read_names
from halp_mm.preparation.msr_action3d.clip import parse_msr_clip
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles
from halp_mm.preparation.source import ClipFacts
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.zip_source import ZipSource
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

_CLEANING = (
    'frames without a person are cut off at both ends of a clip and filled by linear interpolation '
    'inside it'
)


@SOURCES.register_module()
class MSRAction3DSource(ZipSource):
    """MSR-Action3D, cleaned as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the text files in it or in its subfolders.
        clip_list: A text file with the names of the clips to keep, such as ``a01_s01_e01``, one a
            line. By default all clips are kept.
    """

    name = layout = 'msr_action3d'
    title, pattern = 'MSR-Action3D', 'aAA_sSS_eEE_skeleton3D.txt'
    file_name = re.compile(
        r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<repetition>\d\d)_skeleton3D\.txt'
    )
    clip_name = 'a{action:02d}_s{subject:02d}_e{repetition:02d}'
    allowed: Mapping[str, Collection[int]] = {
        'action': range(1, len(CLASS_NAMES) + 1),
        'subject': range(1, NUM_SUBJECTS + 1),
    }
    class_names = CLASS_NAMES
    splits = dict.fromkeys(('xsub_train', 'xsub_test'))
    notes: Mapping[str, str] = {'cleaning_rule': _CLEANING}
    parse = staticmethod(parse_msr_clip)

    def __init__(self, raw: str | os.PathLike, clip_list: str | os.PathLike | None = None) -> None:
        super().__init__(raw)
        self.clip_list = None if clip_list is None else Path(clip_list)

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips' files, in the order of the names."""
        files = super().recordings(summary)
        names = {file.name for file in files}
        kept = names
        if self.clip_list is not None and files:
            kept = _read_clip_list(self.clip_list, self.raw, names)
        summary.leave_out(NOT_LISTED, sorted(names - kept))
        return [file for file in files if file.name in kept]

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says."""
        columns = self.numbers(clip.name)
        split = 'xsub_train' if columns['subject'] % 2 else 'xsub_test'
        return ClipFacts(columns.pop('action') - 1, [split], columns)


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
        skip_bad: Skip bad clips instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        A summary of what the file holds, what was cleaned and what was omitted.
    """
    return prepare(MSRAction3DSource(raw, clip_list), out, workers, skip_bad, progress)


def _read_clip_list(path: Path, raw: Path, clips: Collection[str]) -> set[str]:
    """The names in a clip list, each of them a clip of the raw data."""
    expected, without = 'a name such as a01_s01_e01', 'Omit --clip-list to keep all clips'
    names = read_names(path, 'clip list', expected, without)
    missing = [name for name in names if name not in clips]
    if missing:
        raise ValueError(
            f'clip list {path} has {len(missing)} names that are not in {raw}'
            f'{listing(missing, 3)}; expected names such as {min(clips)}. Correct the list or '
            'complete the data'
        )
    return set(names)

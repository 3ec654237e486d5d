"""UTD-MHAD: 27 actions by 8 subjects, up to 4 takes of each, recorded with a Kinect v1.

The raw data are MATLAB files ``aA_sS_tT_skeleton.mat`` (action, subject, take), each with an array
``d_skel`` ``[20 joints, 3 coordinates, frames]`` in metres. Frames stay unchanged.

Cross-subject protocol: subjects 1, 3, 5 and 7 are for training, split ``xsub_train``, the others
for testing, ``xsub_test``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping
from typing import TextIO

from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip
from halp_mm.preparation.source import ClipFacts
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.utd_mhad.clip import parse_utd_mhad_clip
from halp_mm.preparation.zip_source import ZipSource
from halp_mm.registry import SOURCES

CLASS_NAMES = (
    *('swipe left', 'swipe right', 'wave', 'clap', 'throw', 'arm cross', 'basketball shoot'),
    *('draw x', 'draw circle clockwise', 'draw circle counter clockwise', 'draw triangle'),
    *('bowling', 'boxing', 'baseball swing', 'tennis swing', 'arm curl', 'tennis serve', 'push'),
    *('knock', 'catch', 'pickup and throw', 'jog', 'walk', 'sit to stand', 'stand to sit'),
    *('lunge', 'squat'),
)
NUM_SUBJECTS, NUM_TAKES = 8, 4


@SOURCES.register_module()
class UTDMHADSource(ZipSource):
    """UTD-MHAD, with splits as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the MATLAB files in it or in its subfolders.
    """

    name = layout = 'utd_mhad'
    title, pattern = 'UTD-MHAD', 'aA_sS_tT_skeleton.mat'
    file_name = re.compile(r'a(?P<action>\d{1,2})_s(?P<subject>\d)_t(?P<take>\d)_skeleton\.mat')
    clip_name = 'a{action:02d}_s{subject}_t{take}'
    allowed: Mapping[str, Collection[int]] = {
        'action': range(1, len(CLASS_NAMES) + 1),
        'subject': range(1, NUM_SUBJECTS + 1),
        'take': range(1, NUM_TAKES + 1),
    }
    class_names = CLASS_NAMES
    splits: Mapping[str, int | None] = {'xsub_train': 431, 'xsub_test': 430}
    parse = staticmethod(parse_utd_mhad_clip)

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says."""
        columns = self.numbers(clip.name)
        split = 'xsub_train' if columns['subject'] % 2 else 'xsub_test'
        return ClipFacts(columns.pop('action') - 1, [split], columns)


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
        skip_bad: Skip bad clips instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        What the file holds and what was omitted.
    """
    return prepare(UTDMHADSource(raw), out, workers, skip_bad, progress)

"""NW-UCLA: 10 actions by 10 subjects, recorded by three Kinects v1 at once.

The raw data are JSON files ``aAA_sSS_eEE_vVV.json`` (action, subject, repetition, view), each an
object with ``skeletons`` ``[frames][20 joints][3 coordinates]`` in metres. The actions are numbered
1 to 12 without 7 and 10. Frames stay unchanged.

Cross-subject protocol: subjects with odd numbers are for training, split ``xsub_train``, the others
for testing, ``xsub_test``. Cross-view protocol: views 1 and 2 are for training, ``xview_train``,
view 3 for testing, ``xview_test``.

In the published files some test clips of the cross-view protocol are copies of training clips, bit
for bit. ``xview_clean_test`` is ``xview_test`` without the copies, which are found here by their
coordinates.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations
from typing import TextIO

import numpy as np

from halp_mm.preparation.nw_ucla.clip import parse_nw_ucla_clip
from halp_mm.preparation.preparing import prepare
from halp_mm.preparation.raw_files import ParsedClip, RawFiles
from halp_mm.preparation.source import ClipFacts
from halp_mm.preparation.summary import Summary
from halp_mm.preparation.zip_source import ZipSource
from halp_mm.problems import listing
from halp_mm.registry import SOURCES

#: The actions by their numbers; labels count in this order.
ACTIONS = {
    **{1: 'pick up with one hand', 2: 'pick up with two hands', 3: 'drop trash'},
    **{4: 'walk around', 5: 'sit down', 6: 'stand up', 8: 'donning', 9: 'doffing'},
    **{11: 'throw', 12: 'carry'},
}
NUM_SUBJECTS, NUM_VIEWS = 10, 3
TEST_VIEW = 3

_LABELS = {action: label for label, action in enumerate(ACTIONS)}


@SOURCES.register_module()
class NWUCLASource(ZipSource):
    """NW-UCLA, with splits as this module's docstring says.

    Args:
        raw: The zip file, or a folder with the JSON files in it or in its subfolders.
    """

    name, layout = 'nw_ucla', 'kinect_v1'
    title, pattern = 'NW-UCLA', 'aAA_sSS_eEE_vVV.json'
    file_name = re.compile(
        r'a(?P<action>\d\d)_s(?P<subject>\d\d)_e(?P<repetition>\d\d)_v(?P<view>\d\d)\.json'
    )
    clip_name = 'a{action:02d}_s{subject:02d}_e{repetition:02d}_v{view:02d}'
    allowed: Mapping[str, Collection[int]] = {
        'action': tuple(ACTIONS),
        'subject': range(1, NUM_SUBJECTS + 1),
        'view': range(1, NUM_VIEWS + 1),
    }
    class_names = tuple(ACTIONS.values())
    splits: Mapping[str, int | None] = {
        **{'xsub_train': 724, 'xsub_test': 760},
        **{'xview_train': 1020, 'xview_test': 464, 'xview_clean_test': None},
    }
    parse = staticmethod(parse_nw_ucla_clip)

    def __init__(self, raw: str | os.PathLike) -> None:
        super().__init__(raw)
        self._train_clips: dict[bytes, str] = {}  # of the cross-view protocol, by coordinates
        self._copies: dict[str, str] = {}
        self._frames: dict[str, np.ndarray] = {}  # of the clips that are no copies
        self._single: list[str] = []

    def recordings(self, summary: Summary) -> list[RawFiles]:
        """The clips' files, training views first: test clips are compared with training clips."""
        files = super().recordings(summary)
        return sorted(files, key=lambda file: self.numbers(file.name)['view'] == TEST_VIEW)

    def facts(self, clip: ParsedClip) -> ClipFacts:
        """What the clip's name says, and whether it is a copy."""
        columns = self.numbers(clip.name)
        splits = ['xsub_train' if columns['subject'] % 2 else 'xsub_test']
        content = clip.coordinates.tobytes()
        if columns['view'] != TEST_VIEW:
            self._train_clips.setdefault(content, clip.name)
            splits.append('xview_train')
        elif content in self._train_clips:
            self._copies[clip.name] = self._train_clips[content]
            splits.append('xview_test')
        else:
            splits += ['xview_test', 'xview_clean_test']
        if clip.name not in self._copies:
            self._frames[clip.name] = clip.coordinates[0].reshape(clip.coordinates.shape[1], -1)
        if clip.coordinates.shape[1] == 1:
            self._single.append(clip.name)
        return ClipFacts(_LABELS[columns['action']], splits, columns)

    def remarks(self, summary: Summary) -> list[str]:
        """Which clips are copies, share frames with others, or have a single frame."""
        pairs = _shared_frames(self._frames)
        shared = [f'{a} and {b} ({count})' for (a, b), count in sorted(pairs.items())]
        copies = [f'{copy} of {name}' for copy, name in sorted(self._copies.items())]
        return [
            f'copies of training clips in xview_test: {len(copies)}{listing(copies, 5)}',
            f'other pairs of clips that share frames: {len(shared)}{listing(shared)}',
            f'clips of one frame: {len(self._single)}{listing(sorted(self._single))}',
        ]


def prepare_nw_ucla(
    raw: str | os.PathLike,
    out: str | os.PathLike,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: TextIO | None = None,
) -> Summary:
    """Make the data file of NW-UCLA from its zip file or the folder it was unpacked to.

    See :class:`NWUCLASource` and :func:`~.preparing.prepare`, which raise its errors.

    Args:
        raw: The zip file, or a folder with the JSON files in it or in its subfolders.
        out: The data file to make.
        workers: How many processes parse; by default one for each core.
        skip_bad: Skip bad clips instead of refusing the data.
        progress: Where to show the progress, such as ``sys.stderr``.

    Returns:
        What the file holds, which clips are copies and what was omitted.
    """
    return prepare(NWUCLASource(raw), out, workers, skip_bad, progress)


def _shared_frames(clips: dict[str, np.ndarray]) -> Counter[tuple[str, str]]:
    """How many frames pairs of clips share, bit for bit.

    Args:
        clips: ``[T, 60]`` by name.

    Returns:
        How many different frames are in both clips of a pair; pairs that share none are omitted.
    """
    if not clips:
        return Counter()
    names = sorted(clips)
    rows = np.ascontiguousarray(np.concatenate([clips[name] for name in names]))
    owner = np.repeat(np.arange(len(names)), [len(clips[name]) for name in names])
    frames = rows.view(np.dtype((np.void, rows[0].nbytes))).ravel()
    frame = np.unique(frames, return_inverse=True)[1].reshape(-1)
    frame, owner = np.unique(np.stack([frame, owner]), axis=1)  # each frame once a clip
    starts = np.flatnonzero(np.diff(frame, prepend=-1))
    return Counter(
        (names[a], names[b])
        for members in np.split(owner, starts[1:])
        if len(members) > 1
        for a, b in combinations(members, 2)
    )

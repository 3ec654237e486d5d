"""OpenPose's JSON folders (``--write_json``): a file a frame, ``*_keypoints.json``.

- A file is an object with ``version`` and ``people``, a list, empty where nobody is seen.
- A person has ``pose_keypoints_2d``: x, y, score of the first joint, then of the second, ... 25
  joints of BODY_25 or 18 of COCO. A joint that was not found is 0, 0, 0. Coordinates are pixels,
  unless ``--keypoint_scale`` says otherwise.
- ``person_id`` is ``[-1]`` unless tracking is on. Hands, face and 3-D key points are not read.
- A file's name ends with the frame's number (12 digits for a video) and ``_keypoints.json``.

Checked against the project's documentation of its output and published example files (version
1.3). Not checked: what ``person_id`` looks like with tracking on; a list of one whole number is
assumed.

Here a clip is a folder that holds such files of one video.
"""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np

from halp_mm.preparation.folder.formats.json_file import (
    as_integer,
    as_list,
    as_numbers,
    as_object,
    read_json,
    refuse,
    stacked_poses,
)
from halp_mm.preparation.folder.formats.poses import Poses, clip_of_poses, known_ids
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
FILE_END = '_keypoints.json'
#: The layout by numbers of joints and of coordinates.
LAYOUTS = {(25, 2): 'openpose25', (18, 2): 'openpose18'}
_NAME = re.compile(rf'(.*?)(\d{{1,15}}){re.escape(FILE_END)}')


def parse(files: RawFiles) -> Parsed:
    """Read a folder's files and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files), files.paths[0].parent)


def read(files: RawFiles) -> Poses:
    """Read the files of one clip.

    Raises:
        OSError: if a file cannot be read.
        ValueError: if one is not as expected, or a frame is missing.
    """
    frames, poses, ids = [], [], []
    for frame, path in enumerate(_in_order(files.paths)):
        content = as_object(read_json(path), path, 'with a list people')
        for i, person in enumerate(as_list(content.get('people'), f'{path}, people', 'people')):
            where = f'{path}, person {i}'
            person = as_object(person, where, 'with pose_keypoints_2d')
            numbers = as_numbers(person.get('pose_keypoints_2d'), where, {0})
            if len(numbers) not in {3 * joints for joints, _ in LAYOUTS}:
                refuse(where, len(numbers), '75 numbers of BODY_25 or 54 of COCO')
            frames.append(frame)
            poses.append(numbers.reshape(-1, 3))
            ids.append(_person_id(person.get('person_id', -1), where))
    if not poses:
        raise ValueError(
            f'{files.paths[0].parent} has nobody in {len(files.paths)} frames; expected people in '
            'some. Leave the clip out'
        )
    values = stacked_poses(poses, files.paths[0].parent)
    return Poses(len(files.paths), np.array(frames), values, 2, known_ids(ids))


def _person_id(value: object, where: str) -> int:
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return as_integer(value, where, 'person_id', minimum=-1)


def _in_order(paths: tuple[Path, ...]) -> list[Path]:
    """The files by their frame numbers, which have one step."""
    found = {path: _NAME.fullmatch(path.name) for path in paths}
    for path, match in found.items():
        if match is None:
            refuse(path, path.name, f'a name that ends with the number and {FILE_END}')
    videos = sorted({match[1] for match in found.values()})
    if len(videos) > 1:
        raise ValueError(
            f'{paths[0].parent} has frames of {len(videos)} videos, {videos[0]!r} and '
            f'{videos[1]!r}; expected those of one. Put each into its own folder'
        )
    numbers = {path: int(match[2]) for path, match in found.items()}
    ordered = sorted(paths, key=numbers.__getitem__)
    steps = [numbers[b] - numbers[a] for a, b in pairwise(ordered)]
    wrong = next((i for i, step in enumerate(steps) if not 0 < step == min(steps)), None)
    if wrong is not None:
        raise ValueError(
            f'{ordered[wrong + 1]} follows frame {numbers[ordered[wrong]]}; expected a file for '
            f'every frame, {min(steps)} apart. Add the missing files or remove those too many'
        )
    return ordered

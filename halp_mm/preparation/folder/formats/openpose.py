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

from halp_mm.preparation.folder.formats.json_file import Place, read_place
from halp_mm.preparation.folder.formats.poses import PoseList, Poses, clip_of_poses
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
FILE_END = '_keypoints.json'
#: The layout by numbers of joints and of coordinates.
LAYOUTS = {(25, 2): 'openpose25', (18, 2): 'openpose18'}
_NAME = re.compile(rf'(.*?)(\d{{1,15}}){re.escape(FILE_END)}')


def parse(files: RawFiles) -> Parsed:
    """Read a folder's files and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files))


def read(files: RawFiles) -> Poses:
    """Read the files of one clip; an OSError or ValueError says why that is not possible."""
    found = PoseList(files.paths[0].parent)
    for number, path in enumerate(_in_order(files.paths)):
        found.add_frame(number)
        for person in read_place(path).get('people').items('people'):
            numbers = person.get('pose_keypoints_2d').numbers()
            if len(numbers) not in {3 * joints for joints, _ in LAYOUTS}:
                person.get('pose_keypoints_2d').refuse('75 numbers of BODY_25 or 54 of COCO')
            track_id = _person_id(person.get('person_id')) if person.has('person_id') else None
            found.add(numbers.reshape(-1, 3), track_id)
    return found.poses(has_score=True)


def _person_id(person_id: Place) -> int:
    value = person_id.value
    if isinstance(value, list) and len(value) == 1:
        (value,) = value
    return Place(value, person_id.where).integer(minimum=-1)


def _in_order(paths: tuple[Path, ...]) -> list[Path]:
    """The files by their frame numbers, which have one step."""
    found = {path: _NAME.fullmatch(path.name) for path in paths}
    for path, match in found.items():
        if match is None:
            raise ValueError(
                f'{path} has no frame number; expected a name that ends with the number and '
                f'{FILE_END}. Rename it'
            )
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

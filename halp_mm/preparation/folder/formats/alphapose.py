"""AlphaPose's results (``alphapose-results.json``): one list for a video.

- The list has an object for each person in each frame. ``image_id`` names the frame: ``12.jpg`` is
  frame 12 of a video; of images it is the file's name, whose last number counts here.
  ``category_id`` is 1. ``keypoints`` are x, y, score of the first joint, then of the second, ...;
  ``score`` is the person's. Coordinates are pixels, scores may be above 1.
- The joints are 17 of COCO, 26 of Halpe or 133 of COCO-WholeBody.
- ``idx`` is the track id, a number or a list (of merged boxes' ids, the first one counts). Without
  tracking it may be absent, or be there and the same for everybody in a frame.
- A frame in which nobody is seen has no entry. So a clip goes from the first to the last frame in
  which somebody is.

Checked against the function that writes the file and the project's documentation of its output.
Not checked: files of PoseFlow, and Halpe's 136 joints, which are refused.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from halp_mm.preparation.folder.formats.json_file import Place, read_place
from halp_mm.preparation.folder.formats.poses import PoseList, Poses, clip_of_poses
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {(17, 2): 'coco17', (26, 2): 'halpe26', (133, 2): 'coco_wholebody133'}


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and {'image_id', 'keypoints'} <= set(first)


def parse(files: RawFiles) -> Parsed:
    """Read a file and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files))


def read(files: RawFiles) -> Poses:
    """Read the file of one clip; an OSError or ValueError says why that is not possible."""
    (path,) = files.paths
    found = PoseList(path)
    for entry in read_place(path).items('people'):
        keypoints = entry.get('keypoints').numbers()
        if len(keypoints) not in {3 * joints for joints, _ in LAYOUTS}:
            entry.get('keypoints').refuse('51 numbers of COCO, 78 of Halpe or 399 of whole bodies')
        found.add_frame(_frame_number(entry.get('image_id')), again=True)
        track_id = _track_id(entry.get('idx')) if entry.has('idx') else None
        found.add(keypoints.reshape(-1, 3), track_id)
    return found.poses(has_score=True)


def _frame_number(image_id: Place) -> int:
    if not isinstance(image_id.value, str):
        return image_id.integer()
    digits = re.findall(r'[0-9]{1,15}', PurePosixPath(image_id.value).stem)
    return int(digits[-1]) if digits else image_id.refuse('a name with a number')


def _track_id(idx: Place) -> int:
    value = idx.value
    while isinstance(value, list) and value:
        value = value[0]
    return Place(value, idx.where).integer(minimum=-1)

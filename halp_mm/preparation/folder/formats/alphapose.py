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

from halp_mm.preparation.folder.formats.json_file import (
    as_integer,
    as_list,
    as_numbers,
    as_object,
    read_json,
    refuse,
    stacked_poses,
)
from halp_mm.preparation.folder.formats.poses import Poses, clip_of_poses, frames_of, known_ids
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {(17, 2): 'coco17', (26, 2): 'halpe26', (133, 2): 'coco_wholebody133'}


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    first = content[0] if isinstance(content, list) and content else None
    return isinstance(first, dict) and {'image_id', 'keypoints'} <= set(first)


def parse(files: RawFiles) -> Parsed:
    """Read a file and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files), files.paths[0])


def read(files: RawFiles) -> Poses:
    """Read the file of one clip.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not as expected.
    """
    (path,) = files.paths
    numbers, poses, ids = [], [], []
    for i, entry in enumerate(as_list(read_json(path), path, 'people')):
        where = f'{path}, entry {i}'
        entry = as_object(entry, where, 'with image_id and keypoints')
        numbers.append(_frame_number(entry.get('image_id'), where))
        keypoints = as_numbers(entry.get('keypoints'), f'{where}, keypoints', {0})
        if len(keypoints) not in {3 * joints for joints, _ in LAYOUTS}:
            refuse(where, len(keypoints), '51 numbers of COCO, 78 of Halpe or 399 of whole bodies')
        poses.append(keypoints.reshape(-1, 3))
        ids.append(_track_id(entry['idx'], where) if 'idx' in entry else None)
    if not poses:
        raise ValueError(f'{path} has nobody in it; expected a list of people. Leave it out')
    num_frames, frames = frames_of(numbers)
    return Poses(num_frames, frames, stacked_poses(poses, path), 2, known_ids(ids))


def _frame_number(image_id: object, where: str) -> int:
    if not isinstance(image_id, str):
        return as_integer(image_id, where, 'image_id')
    digits = re.findall(r'[0-9]{1,15}', PurePosixPath(image_id).stem)
    return int(digits[-1]) if digits else refuse(where, image_id, 'an image_id with a number')


def _track_id(value: object, where: str) -> int:
    while isinstance(value, list) and value:
        value = value[0]
    return as_integer(value, where, 'idx', minimum=-1)

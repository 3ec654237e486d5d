"""MMPose's predictions: the JSON file of a video.

- The inferencer (``pred_out_dir``) writes a list of frames ``{frame_id, instances}``; the demos
  (``--save-predictions``) write ``{meta_info, instance_info}``, where ``instance_info`` is that
  list. What the inferencer returns in Python, a list of instances for each frame, is read too.
- An instance has ``keypoints``, a list of x, y (of x, y, z where poses are lifted to 3-D) for each
  joint, and ``keypoint_scores``, a number for each joint. Coordinates are pixels; 3-D ones are
  what the lifting model says. Boxes and ``meta_info`` are not read.
- ``frame_id`` counts from 0 or from 1. ``track_id`` is used where all instances have it; the
  inferencer writes none.
- The joints are taken by their number: 17 of COCO (of Human3.6M in 3-D), 26 of Halpe, 133 of
  COCO-WholeBody, 21 of a hand in 3-D.

Checked against the code that splits instances and that writes the demos' file (1.x). Not checked:
files of 0.x, and of data sets with other joints; those of the same number of joints are taken for
the ones above, so name another layout by ``--layout``.
"""

from __future__ import annotations

from collections.abc import Iterator
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
from halp_mm.preparation.folder.formats.poses import Poses, clip_of_poses, frames_of, known_ids
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {
    (17, 2): 'coco17',
    (26, 2): 'halpe26',
    (133, 2): 'coco_wholebody133',
    (17, 3): 'h36m17',
    (21, 3): 'hand21',
}


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    if isinstance(content, dict):
        return 'instance_info' in content
    first = content[0] if isinstance(content, list) and content else None
    if isinstance(first, list):
        people = next((frame for frame in content if frame), None)
        first = people[0] if isinstance(people, list) else None
        return isinstance(first, dict) and 'keypoints' in first
    return isinstance(first, dict) and 'instances' in first


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
    numbers, poses, people, ids = [], [], [], []
    for position, (number, instances) in enumerate(_frames(read_json(path), path)):
        numbers.append(number)
        for i, instance in enumerate(as_list(instances, f'{path}, frame {number}', 'instances')):
            where = f'{path}, frame {number}, instance {i}'
            instance = as_object(instance, where, 'with keypoints and keypoint_scores')
            keypoints = as_numbers(instance.get('keypoints'), f'{where}, keypoints', {2, 3})
            scores = as_numbers(instance.get('keypoint_scores'), f'{where}, keypoint_scores', {0})
            if len(scores) != len(keypoints):
                refuse(where, len(scores), f'{len(keypoints)} scores, one a joint')
            poses.append(np.column_stack([keypoints, scores]))
            people.append(position)
            ids.append(_track_id(instance, where))
    if len(set(numbers)) < len(numbers):
        raise ValueError(f'{path} has a frame_id twice; expected each once. Export it again')
    if not poses:
        raise ValueError(f'{path} has nobody in it; expected instances. Leave it out')
    num_frames, frames = frames_of(numbers)
    values = stacked_poses(poses, path)
    return Poses(num_frames, frames[people], values, values.shape[2] - 1, known_ids(ids))


def _track_id(instance: dict, where: str) -> int | None:
    if 'track_id' not in instance:
        return None
    return as_integer(instance['track_id'], where, 'track_id', minimum=-1)


def _frames(content: object, path: Path) -> Iterator[tuple[int, object]]:
    """Number and instances of each frame."""
    if isinstance(content, dict):
        content = content.get('instance_info')
    for i, frame in enumerate(as_list(content, path, 'frames')):
        if isinstance(frame, list):
            yield i, frame
        else:
            frame = as_object(frame, f'{path}, entry {i}', 'with frame_id and instances')
            number = as_integer(frame.get('frame_id'), f'{path}, entry {i}', 'frame_id')
            yield number, frame.get('instances')

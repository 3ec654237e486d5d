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

import numpy as np

from halp_mm.preparation.folder.formats.json_file import Place, read_place
from halp_mm.preparation.folder.formats.poses import PoseList, Poses, clip_of_poses
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
    return clip_of_poses(files.name, read(files))


def read(files: RawFiles) -> Poses:
    """Read the file of one clip; an OSError or ValueError says why that is not possible."""
    (path,) = files.paths
    found = PoseList(path)
    for number, instances in _frames(read_place(path)):
        found.add_frame(number)
        for instance in instances.items('instances'):
            keypoints = instance.get('keypoints').numbers({2, 3})
            scores = instance.get('keypoint_scores').numbers()
            if len(scores) != len(keypoints):
                instance.get('keypoint_scores').refuse(f'{len(keypoints)} scores, one a joint')
            has_id = instance.has('track_id')
            track_id = instance.get('track_id').integer(minimum=-1) if has_id else None
            found.add(np.column_stack([keypoints, scores]), track_id)
    return found.poses(has_score=True)


def _frames(content: Place) -> Iterator[tuple[int, Place]]:
    """Number and instances of each frame."""
    if isinstance(content.value, dict):
        content = content.get('instance_info')
    for i, frame in enumerate(content.items('frames')):
        if isinstance(frame.value, list):
            yield i, frame
        else:
            yield frame.get('frame_id').integer(), frame.get('instances')

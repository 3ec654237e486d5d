"""Azure Kinect body tracking: the JSON file of the SDK's ``offline_processor`` sample.

- An object with ``joint_names``, ``bone_list`` and ``frames``. A frame has ``frame_id``,
  ``timestamp_usec``, ``num_bodies`` and ``bodies``; a body has ``body_id``, ``joint_positions``
  (32 times x, y, z) and ``joint_orientations``, which are not read.
- Positions are millimetres in the depth camera's space, y down. Here they become metres.
- A capture without a depth image counts in ``frame_id`` but has no frame; nobody is in it here.

Checked against the sample's source. Some of its descendants add confidences, which are not read.
``joint_names`` are not looked at; the order is the SDK's.
"""

from __future__ import annotations

from dataclasses import replace

from halp_mm.preparation.folder.formats.json_file import read_place
from halp_mm.preparation.folder.formats.poses import (
    PoseList,
    Poses,
    check_values,
    clip_of_poses,
)
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {(32, 3): 'azure_kinect'}


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    frames = content.get('frames') if isinstance(content, dict) else None
    first = frames[0] if isinstance(frames, list) and frames else None
    return isinstance(first, dict) and 'bodies' in first


def parse(files: RawFiles) -> Parsed:
    """Read a file and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files))


def read(files: RawFiles) -> Poses:
    """Read the file of one clip; an OSError or ValueError says why that is not possible."""
    (path,) = files.paths
    found = PoseList(path)
    for frame in read_place(path).get('frames').items('frames'):
        found.add_frame(frame.get('frame_id').integer())
        for body in frame.get('bodies').items('bodies'):
            positions = body.get('joint_positions').numbers({3})
            if len(positions) != 32:
                body.get('joint_positions').refuse('32 of them')
            found.add(positions, body.get('body_id').integer())
    millimetres = found.poses(has_score=False)
    check_values(millimetres.values, path)
    return replace(millimetres, values=millimetres.values / 1000)

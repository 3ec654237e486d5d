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

import numpy as np

from halp_mm.preparation.folder.formats.json_file import (
    as_integer,
    as_list,
    as_numbers,
    as_object,
    read_json,
    refuse,
)
from halp_mm.preparation.folder.formats.poses import (
    Poses,
    check_values,
    clip_of_poses,
    frames_of,
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
    return clip_of_poses(files.name, read(files), files.paths[0])


def read(files: RawFiles) -> Poses:
    """Read the file of one clip.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not as expected.
    """
    (path,) = files.paths
    content = as_object(read_json(path), path, 'with a list frames')
    numbers, positions, people, ids = [], [], [], []
    for i, frame in enumerate(as_list(content.get('frames'), f'{path}, frames', 'frames')):
        where = f'{path}, frame {i}'
        frame = as_object(frame, where, 'with frame_id and bodies')
        numbers.append(as_integer(frame.get('frame_id'), where, 'frame_id'))
        for body in as_list(frame.get('bodies'), f'{where}, bodies', 'bodies'):
            body = as_object(body, where, 'with body_id and joint_positions')
            ids.append(as_integer(body.get('body_id'), where, 'body_id'))
            position = as_numbers(body.get('joint_positions'), f'{where}, joint_positions', {3})
            if len(position) != 32:
                refuse(where, len(position), '32 joint_positions')
            positions.append(position)
            people.append(i)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f'{path} has a frame_id twice; expected each once. Export it again')
    if not positions:
        raise ValueError(f'{path} has nobody in it; expected bodies. Leave it out')
    num_frames, frames = frames_of(numbers)
    millimetres = np.stack(positions)
    check_values(millimetres, path)
    return Poses(num_frames, frames[people], millimetres / 1000, 3, np.array(ids, np.int64))

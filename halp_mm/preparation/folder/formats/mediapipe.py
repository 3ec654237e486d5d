"""MediaPipe's pose landmarks, 33 a person, as JSON.

MediaPipe writes no files; people write what it returns. Read is a list of frames, or an object
with that list as ``frames``. A frame is

- null or an empty list: nobody;
- a list of 33 landmarks: one person; or a list of people, each a list of 33 landmarks;
- an object that has such a list as ``pose_world_landmarks`` or ``worldLandmarks``, else as
  ``pose_landmarks`` or ``landmarks``.

A landmark is an object with x, y, z and maybe ``visibility``, or a list x, y, z and maybe
visibility and presence. Visibility is kept as the score, presence is not read.

World landmarks are metres with the origin between the hips, so that people do not walk. The others
are parts of the image's width and height (z: of its width). All files must hold the same of the
two. Nothing says who is who in consecutive frames.

Arrays ``[T, 33, 3 or 4]`` or ``[M, T, 33, 3 or 4]`` are read as any array: by ``--layout
blazepose33``, without a format.

Checked against the guides of the pose landmarker and release notes for units. Not checked: any
exporter's file, as there is no form of MediaPipe's own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halp_mm.preparation.folder.formats.json_file import (
    as_list,
    as_numbers,
    as_object,
    read_json,
    refuse,
    stacked_poses,
)
from halp_mm.preparation.folder.formats.poses import Poses, clip_of_poses
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {(33, 3): 'blazepose33'}
_WORLD = ('pose_world_landmarks', 'worldLandmarks')
_IMAGE = ('pose_landmarks', 'landmarks')


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    frames = content.get('frames') if isinstance(content, dict) else content
    first = next((frame for frame in frames if frame), None) if isinstance(frames, list) else None
    if isinstance(first, dict):
        return any(key in first for key in (*_WORLD, *_IMAGE))
    while isinstance(first, list) and first and len(first) != 33:
        first = first[0]
    return isinstance(first, list) and len(first) == 33


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
    content = read_json(path)
    frames = content.get('frames') if isinstance(content, dict) else content
    numbers, poses, kinds = [], [], set()
    for i, frame in enumerate(as_list(frames, path, 'frames')):
        where = f'{path}, frame {i}'
        people, is_world = _people(frame, where)
        for person in people:
            numbers.append(i)
            poses.append(_landmarks(person, where))
            kinds.add(is_world)
    if not poses:
        raise ValueError(f'{path} has nobody in it; expected landmarks. Leave it out')
    if len(kinds) > 1:
        refuse(path, 'world and image landmarks', 'one of the two in all frames')
    values = stacked_poses(poses, path)
    return Poses(
        len(frames), np.array(numbers), values, 3, facts={'kind': int(kinds.pop() is True)}
    )


def _people(frame: object, where: str) -> tuple[list, bool | None]:
    """The people in a frame, and whether they stand in the world; None if nothing says so."""
    is_world = None
    if isinstance(frame, dict):
        key = next((key for key in (*_WORLD, *_IMAGE) if frame.get(key)), None)
        if key is None and not any(key in frame for key in (*_WORLD, *_IMAGE)):
            refuse(where, list(frame)[:5], f'one of {", ".join((*_WORLD, *_IMAGE))}')
        is_world = key in _WORLD
        frame = None if key is None else frame[key]
    if frame is None or frame == []:
        return [], is_world
    frame = as_list(frame, where, 'landmarks or people')
    is_person = isinstance(frame[0], dict) or (
        isinstance(frame[0], list) and bool(frame[0]) and not isinstance(frame[0][0], (list, dict))
    )
    return [frame] if is_person else frame, is_world


def _landmarks(person: object, where: Path | str) -> np.ndarray:
    person = as_list(person, where, '33 landmarks')
    if len(person) != 33:
        refuse(where, len(person), '33 landmarks')
    if not isinstance(person[0], dict):
        return as_numbers(person, where, {3, 4, 5})[:, :4]
    keys = ('x', 'y', 'z', 'visibility') if 'visibility' in person[0] else ('x', 'y', 'z')
    landmarks = [as_object(landmark, where, 'with x, y and z') for landmark in person]
    rows = [[landmark.get(key) for key in keys] for landmark in landmarks]
    return as_numbers(rows, where, {len(keys)})

"""MediaPipe's pose landmarks, 33 a person, as JSON.

MediaPipe writes no files; people write what it returns. A file holds a list of frames, or an
object with that list as ``frames``. A frame is

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

import numpy as np

from halp_mm.preparation.folder.formats.json_file import Place, read_place
from halp_mm.preparation.folder.formats.poses import PoseList, Poses, clip_of_poses
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.json',)
LAYOUTS = {(33, 3): 'blazepose33'}
_WORLD = ('pose_world_landmarks', 'worldLandmarks')
_KEYS = (*_WORLD, 'pose_landmarks', 'landmarks')


def recognises(content: object) -> bool:
    """Whether a JSON file's content looks like this format."""
    frames = content.get('frames') if isinstance(content, dict) else content
    first = next((frame for frame in frames if frame), None) if isinstance(frames, list) else None
    if isinstance(first, dict):
        return any(key in first for key in _KEYS)
    while isinstance(first, list) and first and len(first) != 33:
        first = first[0]
    return isinstance(first, list) and len(first) == 33


def parse(files: RawFiles) -> Parsed:
    """Read a file and choose the people; see :mod:`~.formats.poses`."""
    return clip_of_poses(files.name, read(files))


def read(files: RawFiles) -> Poses:
    """Read the file of one clip; an OSError or ValueError says why that is not possible."""
    (path,) = files.paths
    content = read_place(path)
    frames = content.get('frames') if isinstance(content.value, dict) else content
    found, kinds, has_visibility = PoseList(path), set(), False
    for number, frame in enumerate(frames.items('frames')):
        found.add_frame(number)
        people, is_world = _people(frame)
        for person in people:
            landmarks = _landmarks(person)
            found.add(landmarks)
            kinds.add(is_world)
            has_visibility = landmarks.shape[1] == 4
    if len(kinds) > 1:
        raise ValueError(
            f'{path} has world and image landmarks; expected one of the two in all frames. Export '
            'it again'
        )
    return found.poses(has_visibility, {'kind': int(kinds == {True})})


def _people(frame: Place) -> tuple[list[Place], bool | None]:
    """The people in a frame, and whether they stand in the world; None if nothing says so."""
    is_world = None
    if isinstance(frame.value, dict):
        if not any(map(frame.has, _KEYS)):
            frame.refuse(f'one of {", ".join(_KEYS)}')
        key = next((key for key in _KEYS if frame.value.get(key)), None)
        is_world = key in _WORLD
        frame = Place(None, frame.where) if key is None else frame.get(key)
    if frame.value is None or frame.value == []:
        return [], is_world
    people = frame.items('landmarks or people')
    first = people[0].value
    is_person = isinstance(first, dict) or (
        isinstance(first, list) and bool(first) and not isinstance(first[0], (list, dict))
    )
    return [frame] if is_person else people, is_world


def _landmarks(person: Place) -> np.ndarray:
    landmarks = person.items('33 landmarks')
    if len(landmarks) != 33:
        person.refuse('33 landmarks')
    if not isinstance(landmarks[0].value, dict):
        return person.numbers({3, 4, 5})[:, :4]
    keys = ('x', 'y', 'z', 'visibility') if landmarks[0].has('visibility') else ('x', 'y', 'z')
    rows = [[landmark.get(key).value for key in keys] for landmark in landmarks]
    return Place(rows, person.where).numbers({len(keys)})

"""BVH motion capture: a joint tree and the angles of its joints, frame by frame.

- ``HIERARCHY``, then ``ROOT name { OFFSET x y z  CHANNELS n ...  JOINT name { ... }  End Site {
  OFFSET x y z } }``. Channels are ``Xposition`` to ``Zposition`` and ``Xrotation`` to
  ``Zrotation``, in any number and order.
- ``MOTION``, ``Frames: n``, ``Frame Time: seconds``, then a line of numbers for each frame: the
  channels' values in the order of the tree.
- A joint's place is its parent's place plus its offset, rotated as the parent is. Rotations are
  degrees; in ``CHANNELS Zrotation Xrotation Yrotation`` the point is turned by Y first: the matrix
  is Rz Rx Ry. Position channels of a joint take the place of its offset.
- There is no unit: coordinates stay in the file's, often centimetres.

The layout is made from the tree: joints in the file's order, names in snake case (``LeftArm`` is
``left_arm``), ``NAME_end`` for an end site. A joint's mirror is the one whose name has right for
left. Files of one data set need the same tree. Frame rates are reported; frames stay unchanged.

Written after excerpts of several parsers; not tried on files of real programs. The format has no
standard; the meaning of position channels below the root is what the parsers agree on. Files with
several roots are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from halp_mm.preparation.folder.clip_files import MAX_NUMBERS
from halp_mm.preparation.folder.formats.json_file import MAX_BYTES
from halp_mm.preparation.folder.formats.poses import Poses, clip_of_poses
from halp_mm.preparation.raw_files import Parsed, RawFiles

SUFFIXES = ('.bvh',)
MAX_JOINTS = 1000
_CHANNEL = re.compile(r'([XYZ])(position|rotation)', re.IGNORECASE)
_ADVICE = 'Export the file again'


@dataclass
class Tree:
    """The joints of a file, each after its parent.

    Args:
        names: Their names; end sites have one too.
        parents: The position of each one's parent; -1 for the root.
        offsets: Three numbers each.
        channels: For each its channels: axis 0 to 2, and whether it is a rotation.
    """

    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[list[tuple[int, bool]]] = field(default_factory=list)

    @property
    def kind(self) -> int:
        """A number that trees of the same joints share."""
        return crc32(repr((self.names, self.parents)).encode())


def parse(files: RawFiles) -> Parsed:
    """Read a file: a clip of one person."""
    (path,) = files.paths
    tree, values, frame_time = read_bvh(path)
    places = joint_places(tree, values)
    facts = {'kind': tree.kind, 'frames_per_1000_seconds': round(1000 / frame_time)}
    frames = np.arange(len(places))
    ids = np.zeros(len(places), np.int64)
    return clip_of_poses(files.name, Poses(path, len(places), frames, places, 3, ids, facts))


def joint_places(tree: Tree, values: np.ndarray) -> np.ndarray:
    """Forward kinematics.

    Args:
        tree: The joints.
        values: ``[T, channels]``, the frames' lines.

    Returns:
        float64 ``[T, V, 3]``.
    """
    num_frames, channel = len(values), 0
    places = np.zeros((num_frames, len(tree.names), 3))
    rotations: list[np.ndarray] = []
    for joint, (parent, channels) in enumerate(zip(tree.parents, tree.channels)):
        offset = np.tile(np.array(tree.offsets[joint]), (num_frames, 1))
        rotation = np.tile(np.eye(3), (num_frames, 1, 1))
        for axis, is_rotation in channels:
            if is_rotation:
                rotation = rotation @ _turn(axis, values[:, channel])
            else:
                offset[:, axis] = values[:, channel]
            channel += 1
        if parent < 0:
            places[:, joint] = offset
        else:
            places[:, joint] = places[:, parent] + np.einsum(
                'tij,tj->ti', rotations[parent], offset
            )
            rotation = rotations[parent] @ rotation
        rotations.append(rotation)
    return places


def _turn(axis: int, degrees: np.ndarray) -> np.ndarray:
    """Rotations about an axis, ``[T, 3, 3]``."""
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.zeros((len(degrees), 3, 3))
    second, third = (axis + 1) % 3, (axis + 2) % 3
    matrix[:, axis, axis] = 1
    matrix[:, second, second] = matrix[:, third, third] = cosine
    matrix[:, third, second], matrix[:, second, third] = sine, -sine
    return matrix


def read_bvh(path: Path) -> tuple[Tree, np.ndarray, float]:
    """Read a file of at most :data:`~.json_file.MAX_BYTES`.

    Returns:
        The tree, the frames' values ``[T, channels]``, and seconds a frame.

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is not as this module's docstring says.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ValueError(
            f'{path} has {size} bytes; expected at most {MAX_BYTES}. Cut the recording into clips'
        )
    text = path.read_bytes().decode('utf-8-sig', errors='replace')
    hierarchy, found, motion = text.partition('MOTION')
    tree = _Hierarchy(hierarchy.split(), path).parse()
    count = sum(map(len, tree.channels))
    header = re.match(
        r'\s*Frames:\s*(\d{1,9})\s+Frame Time:\s*([0-9.eE+-]{1,30})[ \t]*\r?\n', motion
    )
    seconds = _number(header[2]) if header else None
    if not found or not header or seconds is None or not 1e-6 <= seconds <= 1000:
        raise ValueError(
            f'{path}: found {motion.strip()[:60]!r} for the motion; expected MOTION, Frames: and '
            f'Frame Time: in seconds. {_ADVICE}'
        )
    lines = [line for line in motion[header.end() :].splitlines() if line.strip()]
    num_frames = int(header[1])
    if len(lines) != num_frames or not lines or not count:
        raise ValueError(
            f'{path} has {len(lines)} lines of {count} channels; expected Frames: {num_frames} of '
            f'them, at least one. {_ADVICE}'
        )
    if num_frames * len(tree.names) * 3 > MAX_NUMBERS:
        raise ValueError(
            f'{path} has {num_frames} frames of {len(tree.names)} joints; expected at most '
            f'{MAX_NUMBERS} numbers. Cut the recording into clips'
        )
    values = np.empty((num_frames, count))
    for i, line in enumerate(lines):
        row = [_number(word) for word in line.split()]
        if len(row) != count or None in row:
            raise ValueError(
                f'{path}, frame {i}: found {len(row)} words, {line.strip()[:40]!r}; expected '
                f'{count} finite numbers, one a channel. {_ADVICE}'
            )
        values[i] = row
    return tree, values, seconds


def _number(word: str) -> float | None:
    """A plain finite number; None if it is none."""
    try:
        value = float(word) if '_' not in word else np.nan
    except ValueError:
        return None
    return value if abs(value) < 1e9 else None


class _Hierarchy:
    """Reads the words of a joint tree, without recursion."""

    def __init__(self, words: list[str], path: Path) -> None:
        self.words, self.path, self.at = words, path, 0
        self.tree = Tree()

    def parse(self) -> Tree:
        self._expect('HIERARCHY')
        self._expect('ROOT')
        open_joints = [self._joint(-1, self._next())]
        while open_joints:
            word = self._next()
            if word == '}':
                open_joints.pop()
            elif word == 'JOINT':
                open_joints.append(self._joint(open_joints[-1], self._next()))
            elif word == 'End':
                self._expect('Site')
                name = f'{self.tree.names[open_joints[-1]]}_end'
                open_joints.append(self._joint(open_joints[-1], name, is_end=True))
            else:
                self._refuse(word, 'JOINT, End Site or }')
        if self.at < len(self.words):
            self._refuse(self.words[self.at], 'MOTION after the tree of one root')
        twice = [name for name in self.tree.names if self.tree.names.count(name) > 1]
        if twice:
            raise ValueError(
                f'{self.path} has joint {twice[0]!r} twice; expected each name once. Rename them'
            )
        return self.tree

    def _joint(self, parent: int, name: str, is_end: bool = False) -> int:
        """Read a joint up to its children."""
        tree = self.tree
        if len(tree.names) >= MAX_JOINTS:
            raise ValueError(f'{self.path} has more than {MAX_JOINTS} joints; expected a body')
        self._expect('{')
        self._expect('OFFSET')
        offset = [_number(self._next()) for _ in range(3)]
        if None in offset:
            self._refuse('an offset', 'three finite numbers')
        channels = []
        if not is_end:
            self._expect('CHANNELS')
            count = self._next()
            if count not in {str(i) for i in range(7)}:
                self._refuse(count, '0 to 6 channels')
            for _ in range(int(count)):
                word = self._next()
                channel = _CHANNEL.fullmatch(word)
                if channel is None:
                    self._refuse(word, 'a channel such as Xposition or Zrotation')
                channels.append(('XYZ'.index(channel[1].upper()), channel[2].lower()[0] == 'r'))
            if len(set(channels)) < len(channels):
                self._refuse(name, 'each channel of a joint once')
        tree.names.append(_snake_case(name))
        tree.parents.append(parent)
        tree.offsets.append(offset)
        tree.channels.append(channels)
        return len(tree.names) - 1

    def _next(self) -> str:
        if self.at >= len(self.words):
            self._refuse('the end', 'a whole joint tree')
        self.at += 1
        return self.words[self.at - 1]

    def _expect(self, word: str) -> None:
        found = self._next()
        if found.upper() != word.upper():
            self._refuse(found, word)

    def _refuse(self, found: str, expected: str) -> None:
        raise ValueError(
            f'{self.path}: found {found[:40]!r} in the joint tree; expected {expected}. {_ADVICE}'
        )


def _snake_case(name: str) -> str:
    """``LeftUpLeg`` and ``mixamorig:LeftUpLeg`` are ``left_up_leg``."""
    name = re.sub(r'(?<=[a-z0-9])(?=[A-Z])', '_', name.rpartition(':')[2] or name)
    return re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_') or 'joint'


def layout_of_file(path: Path) -> tuple[dict, int]:
    """The layout of a file's joint tree, as a dict, and its number for comparison.

    The spine is the root and its only child in the middle, if there is one. The shoulders are the
    first left and right joint that are called shoulder, arm or collar.
    """
    tree = read_bvh(path)[0]
    names = tree.names
    pairs = [
        (name, name.replace('left', 'right', 1))
        for name in names
        if 'left' in name and name.replace('left', 'right', 1) in names
    ]
    middle = [
        name
        for name, parent in zip(names, tree.parents)
        if parent == 0 and not re.search('left|right', name)
    ]
    shoulders = (
        (right, left)
        for part in ('shoulder', 'upper_arm', 'up_arm', 'arm', 'collar', 'clavicle')
        for left, right in pairs
        if left == f'left_{part}'
    )
    layout = {
        'name': 'bvh',
        'joints': names,
        'bones': [
            (names[parent], name) for name, parent in zip(names, tree.parents) if parent >= 0
        ],
        'center': names[0],
        'left_right': pairs,
        'spine': (names[0], middle[0]) if len(middle) == 1 else None,
        'shoulders': next(shoulders, None),
    }
    return layout, tree.kind

"""Synthetic clips as raw files of NTU RGB+D and PKU-MMD, and as a folder of arrays.

The files allow a trial of the tools for these data sets without the real data. Numbers have all
digits of float32, so that the clips can be read back bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from halp_mm.synthetic.actions import ACTIONS
from halp_mm.synthetic.clips import (
    NUM_CAMERAS,
    NUM_SUBJECTS,
    SyntheticClip,
    generate_clip,
    generate_synthetic,
)

_NTU_STREAM, _PKU_STREAM = 2, 3  # distinct from the streams of clips.py
_FIRST_BODY_ID = 72057594037931000
# Kinect attributes of a body and a joint besides ID, x, y and z.
_BODY = '0 1 1 1 1 0 0.02764709 0.05745083 2'
_JOINT = '277.4197 191.8312 1036.233 519.1677 -0.2059419 0.05349901 0.9692109 -0.1239193 2'
_CAMERAS = 'LMR'
_PKU_SPLIT_FILES = {
    1: ('cross-subject.txt', 'cross-view.txt'),
    2: ('cross_subject_v2.txt', 'cross_view_v2.txt'),
}


@dataclass(frozen=True)
class RawNTUClip:
    """A ``.skeleton`` file and its expected content.

    Args:
        name: The clip's name, such as ``S001C001P001R001A001``.
        coordinates: float32 ``[M, T, 25, 3]``, metres: the actors, in any order.
        text: The file's content.
    """

    name: str
    coordinates: np.ndarray
    text: str


@dataclass(frozen=True)
class RawPKUVideo:
    """A video of PKU-MMD.

    Args:
        name: The video's name, such as ``A01N01-L``.
        subject: The first actor, counted from 1.
        camera: The camera, counted from 1: left, middle, right.
        frames: float32 ``[T, 2, 25, 3]``, metres; an absent second person is zero.
        actions: Label (counted from 0), first and last frame (counted from 1) of each action.
    """

    name: str
    subject: int
    camera: int
    frames: np.ndarray
    actions: list[tuple[int, int, int]]


def skeleton_text(
    coordinates: np.ndarray,
    generator: np.random.Generator,
    swapped_slots: bool = False,
    spurious_body: str | None = None,
) -> str:
    """The content of a ``.skeleton`` file.

    Args:
        coordinates: float32 ``[M, T, 25, 3]``, metres. A person who is zero is not in the frame.
        generator: Generator of the order and of the spurious body.
        swapped_slots: Whether the order of the bodies changes between frames.
        spurious_body: ``'brief'`` adds a body that appears beside the first person for up to 10
            frames, ``'wide'`` one that is as wide as a table and present in all frames.

    Raises:
        ValueError: if the kind of spurious body is unknown.
    """
    bodies = list(coordinates)
    if spurious_body == 'brief':
        body = np.zeros_like(coordinates[0])
        first = generator.integers(0, len(body))
        body[first : first + 10] = coordinates[0, first : first + 10] * 1.1
        bodies.append(body)
    elif spurious_body == 'wide':
        table = generator.uniform((-1, -0.9, 2), (1, -0.2, 3), coordinates.shape[2:])
        noise = generator.normal(0, 0.01, coordinates.shape[1:])
        bodies.append((table + noise).astype(np.float32))
    elif spurious_body is not None:
        raise ValueError(f"spurious_body is {spurious_body!r}; expected 'brief', 'wide' or None")
    lines = [str(coordinates.shape[1])]
    for frame in range(coordinates.shape[1]):
        slots = [slot for slot, body in enumerate(bodies) if body[frame].any()]
        if swapped_slots:
            slots = generator.permutation(slots).tolist()
        lines.append(str(len(slots)))
        for slot in slots:
            lines += [f'{_FIRST_BODY_ID + 7 * slot} {_BODY}', str(coordinates.shape[2])]
            lines += [f'{_numbers(joint)} {_JOINT}' for joint in bodies[slot][frame].tolist()]
    return '\r\n'.join(lines) + '\r\n'


def raw_ntu_clip(clip: SyntheticClip, seed: int = 0) -> RawNTUClip:
    """Convert a clip to a ``.skeleton`` file with typical defects.

    Half of the clips have swapped slots, half have a spurious body, and a quarter have some empty
    frames.

    Args:
        clip: The clip.
        seed: Seed of the defects, which depend on it and on the clip's name.
    """
    numbers = [clip.subject, clip.label, clip.camera, clip.repetition]
    generator = np.random.default_rng([seed, _NTU_STREAM, *numbers])
    coordinates = clip.coordinates.copy()
    if generator.random() < 0.25:
        first = generator.integers(0, coordinates.shape[1])
        coordinates[:, first : first + generator.integers(1, 6)] = 0
    swapped = bool(generator.random() < 0.5)
    spurious = [None, None, 'brief', 'wide'][generator.integers(4)]
    text = skeleton_text(coordinates, generator, swapped, spurious)
    return RawNTUClip(clip.name, coordinates, text)


def write_raw_ntu(folder: str | os.PathLike, seed: int = 0, repeats: int = 1) -> int:
    """Write the clips of :func:`~.synthetic.generate_synthetic` as :func:`raw_ntu_clip` does.

    Args:
        folder: Folder for the ``.skeleton`` files.
        seed: See :func:`~.synthetic.generate_synthetic`.
        repeats: See :func:`~.synthetic.generate_synthetic`.

    Returns:
        The number of clips.

    Raises:
        ValueError: if the seed or the repeats are out of range.
    """
    folder = Path(folder)
    count = 0
    for clip in generate_synthetic(seed, repeats):
        raw = raw_ntu_clip(clip, seed)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{raw.name}.skeleton').write_text(raw.text, encoding='utf-8', newline='')
        count += 1
    return count


def write_clip_folder(folder: str | os.PathLike, seed: int = 0, repeats: int = 1) -> int:
    """Write the clips of :func:`~.synthetic.generate_synthetic` as arrays, and a labels file.

    Args:
        folder: Folder for the ``.npy`` files ``[M, T, V, C]`` and ``labels.csv``, whose splits are
            those of :func:`~.synthetic.write_synthetic`.
        seed: See :func:`~.synthetic.generate_synthetic`.
        repeats: See :func:`~.synthetic.generate_synthetic`.

    Returns:
        The number of clips.

    Raises:
        ValueError: if the seed or the repeats are out of range.
    """
    folder = Path(folder)
    actions = list(ACTIONS)
    rows = ['name,label,split,subject']
    for clip in generate_synthetic(seed, repeats):
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / f'{clip.name}.npy', clip.coordinates)
        splits = ' '.join(clip.splits)
        rows.append(f'{clip.name},{actions[clip.label]},{splits},{clip.subject}')
    (folder / 'labels.csv').write_text('\n'.join([*rows, '']), encoding='utf-8')
    return len(rows) - 1


def generate_raw_pku(seed: int = 0, part: int = 2, repeats: int = 1) -> Iterator[RawPKUVideo]:
    """Generate videos in which each subject performs all actions in random order before a camera.

    People stand still between two actions.

    Args:
        seed: See :func:`~.synthetic.generate_synthetic`.
        part: Part of PKU-MMD, 1 or 2, which determines the names of the videos.
        repeats: Number of videos of each subject and camera.

    Raises:
        ValueError: if the part, the seed or the repeats are out of range.
    """
    max_repeats = 9 if part == 1 else 99  # limited by the digits in the videos' names
    if part not in _PKU_SPLIT_FILES or not 1 <= repeats <= max_repeats:
        raise ValueError(
            f'part is {part}, repeats {repeats}; expected 1 or 2, and 1 to {max_repeats}'
        )
    for subject in range(1, NUM_SUBJECTS + 1):
        for repetition in range(1, repeats + 1):
            video = (
                f'A{subject:02d}N{repetition:02d}' if part == 2 else f'{repetition}{subject:03d}'
            )
            for camera in range(1, NUM_CAMERAS + 1):
                generator = np.random.default_rng([seed, _PKU_STREAM, subject, camera, repetition])
                clips = [
                    generate_clip(seed, subject, int(label), camera, repetition)
                    for label in generator.permutation(len(ACTIONS))
                ]
                frames, actions = _concatenate_clips(clips, generator)
                name = f'{video}-{_CAMERAS[camera - 1]}'
                yield RawPKUVideo(name, subject, camera, frames, actions)


def write_raw_pku(folder: str | os.PathLike, seed: int = 0, part: int = 2, repeats: int = 1) -> int:
    """Write the videos of :func:`generate_raw_pku` as ``skeleton/``, ``label/`` and split files.

    The cross-subject split trains on odd subjects, the cross-view split on the middle and the
    right camera.

    Args:
        folder: Folder to write to.
        seed: See :func:`generate_raw_pku`.
        part: See :func:`generate_raw_pku`.
        repeats: See :func:`generate_raw_pku`.

    Returns:
        The number of videos.

    Raises:
        ValueError: if the part, the seed or the repeats are out of range.
    """
    folder = Path(folder)
    for kind in ('skeleton', 'label'):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    is_train: dict[str, tuple[bool, bool]] = {}
    for video in generate_raw_pku(seed, part, repeats):
        lines = [_numbers(frame) for frame in video.frames.reshape(len(video.frames), -1).tolist()]
        (folder / 'skeleton' / f'{video.name}.txt').write_text(
            '\n'.join(lines) + '\n', encoding='utf-8'
        )
        labels = [f'{label + 1},{start},{end},2\n' for label, start, end in video.actions]
        (folder / 'label' / f'{video.name}.txt').write_text(''.join(labels), encoding='utf-8')
        is_train[video.name] = (video.subject % 2 == 1, video.camera != 1)
    for protocol, file in enumerate(_PKU_SPLIT_FILES[part]):
        train, validation = (
            ', '.join(name for name, kinds in is_train.items() if kinds[protocol] is wanted)
            for wanted in (True, False)
        )
        text = f'Training videos:\n{train}\nValidation videos:\n{validation}\n'
        (folder / file).write_text(text, encoding='utf-8')
    return len(is_train)


def _concatenate_clips(
    clips: list[SyntheticClip], generator: np.random.Generator
) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    """Concatenate clips to one video ``[T, 2, 25, 3]``; return it and the clips' actions."""
    pieces, actions, length = [], [], 0
    for clip in clips:
        frames = np.zeros((clip.coordinates.shape[1], 2, *clip.coordinates.shape[2:]), np.float32)
        frames[:, : len(clip.coordinates)] = clip.coordinates.swapaxes(0, 1)
        still = np.repeat(frames[:1], generator.integers(5, 30), axis=0)
        pieces += [still, frames]
        start = length + len(still) + 1
        length += len(still) + len(frames)
        actions.append((clip.label, start, length))
    return np.concatenate(pieces), actions


def _numbers(values: list[float]) -> str:
    """Format numbers with all digits of float32."""
    return ' '.join([f'{value:.9g}' for value in values])

"""How fast clips are normalised in batches, beside plain versions that go frame by frame.

The plain versions do the same work in numpy: one clip after the other, one person, one frame. One
rotates joint by joint, as the methods' releases do; the other a frame's joints at once. All take
turns, so that whatever else the machine does falls on all, and must give the same result.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from halp_mm.datasets.collate import pad_clips
from halp_mm.skeletons import Clips, SkeletonLayout, get_layout
from halp_mm.synthetic.clips import generate_clip
from halp_mm.transforms import BatchTransform, PreNormalize3D, RelativeNormalize3D


def rotation_plainly(vector: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """The matrix that turns a vector onto an axis."""
    turn = np.cross(vector, axis)
    sine, length = np.linalg.norm(turn), np.linalg.norm(vector)
    if sine < 1e-6 * length or not length:
        return np.eye(3)
    x, y, z = turn / sine
    angle = np.arctan2(sine, vector @ axis)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * skew + (1 - np.cos(angle)) * skew @ skew


def fill_plainly(person: np.ndarray) -> np.ndarray:
    """Play a person's frames ``[T, V, 3]`` again where there are none."""
    seen = [frame for frame in range(len(person)) if person[frame].any()]
    if not seen:
        return person
    kept = person[seen] if seen[0] else person[: seen[-1] + 1]
    return np.stack([kept[frame % len(kept)] for frame in range(len(person))])


def rotate_joints(pose: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """A pose ``[V, 3]`` rotated joint by joint."""
    return np.stack([np.dot(rotation, joint) for joint in pose])


def rotate_frame(pose: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """A pose ``[V, 3]`` rotated at once."""
    return pose @ rotation.T


Rotate = Callable[[np.ndarray, np.ndarray], np.ndarray]


def prenormalize_plainly(clip: np.ndarray, layout: SkeletonLayout, rotate: Rotate) -> np.ndarray:
    """``PreNormalize3D`` of a clip ``[M, T, V, 3]``."""
    clip = np.stack([fill_plainly(person) for person in clip])
    lower, upper = (layout.index(joint) for joint in layout.spine)
    right, left = (layout.index(joint) for joint in layout.shoulders)
    for frame in range(clip.shape[1]):
        center = clip[0, frame, upper].copy()
        for person in range(len(clip)):
            seen = clip[person, frame].any(-1, keepdims=True)
            clip[person, frame] = (clip[person, frame] - center) * seen
    for start, end, axis in ((lower, upper, [0, 0, 1]), (left, right, [1, 0, 0])):
        rotation = rotation_plainly(clip[0, 0, end] - clip[0, 0, start], np.array(axis))
        for person in range(len(clip)):
            for frame in range(clip.shape[1]):
                clip[person, frame] = rotate(clip[person, frame], rotation)
    return clip


def relative_plainly(clip: np.ndarray, layout: SkeletonLayout, rotate: Rotate) -> np.ndarray:
    """``RelativeNormalize3D`` of a clip ``[M, T, V, 3]``."""
    num_frames = 50
    length = max(frame + 1 for frame in range(clip.shape[1]) if clip[:, frame].any())
    right, left = (layout.index(joint) for joint in layout.shoulders)
    result = np.zeros((len(clip), num_frames, *clip.shape[2:]), np.float32)
    for person in range(len(clip)):
        for frame in range(num_frames):
            place = min(max((frame + 0.5) * length / num_frames - 0.5, 0), length - 1)
            before = int(place)
            after = min(before + 1, length - 1)
            pose = clip[person, before] * (1 - place + before) + clip[person, after] * (
                place - before
            )
            pose = (pose - pose[layout.index(layout.center)]) * pose.any(-1, keepdims=True)
            across = pose[right] - pose[left]
            width = np.hypot(across[0], across[2])
            if width:
                angle = np.arccos(across[0] / (width + 1e-4))
                angle = np.copysign(angle, across[2])
                rotation = np.array(
                    [
                        [np.cos(angle), 0, np.sin(angle)],
                        [0, 1, 0],
                        [-np.sin(angle), 0, np.cos(angle)],
                    ]
                )
                pose = rotate(pose, rotation)
            result[person, frame] = pose
    return result


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Milliseconds that some work takes, and its result."""
    start = time.perf_counter()
    result = work()
    return 1000 * (time.perf_counter() - start), result


def compare(
    transform: BatchTransform,
    plainly: Callable[[np.ndarray, SkeletonLayout, Rotate], np.ndarray],
    clips: list[np.ndarray],
    rounds: int,
) -> None:
    """Measure all in turns and print the times of a clip and their ratios."""
    layout = get_layout('kinect_v2')
    facts = {'label': 0, 'index': 0, 'layout': layout, 'normalized': False}
    padded = pad_clips([{'clip': torch.from_numpy(clip), **facts} for clip in clips])
    batch = Clips(padded['clips'], padded['num_frames'], layout)
    rotations = {'joint by joint': rotate_joints, 'frame by frame': rotate_frame}
    ours: list[float] = []
    plain: dict[str, list[float]] = {name: [] for name in rotations}
    for _ in range(rounds):
        milliseconds, found = timed(lambda: transform(batch).coordinates.numpy())
        ours.append(milliseconds / len(clips))
        for name, rotate in rotations.items():
            milliseconds, expected = timed(
                lambda rotate=rotate: [plainly(clip.copy(), layout, rotate) for clip in clips]
            )
            plain[name].append(milliseconds / len(clips))
            for ours_of_clip, clip in zip(found, expected):
                if np.abs(ours_of_clip[:, : clip.shape[1]] - clip).max() > 1e-3:
                    raise SystemExit(f'error: {type(transform).__name__} and plain do not agree')
    print(f'{type(transform).__name__}: {statistics.median(ours):.2f} ms a clip')
    for name, times in plain.items():
        ratio = statistics.median(b / a for a, b in zip(ours, times))
        print(f'  plain, {name}: {statistics.median(times):.2f} ms, ratio {ratio:.0f}')


def main() -> None:
    """Make clips, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--clips', type=int, default=64, help='clips in a batch')
    parser.add_argument('--rounds', type=int, default=5, help='turns')
    args = parser.parse_args()
    torch.set_num_threads(1)
    clips = []
    for i in range(args.clips):
        clip = generate_clip(seed=0, subject=1 + i % 20, label=i % 14, camera=1, repetition=1)
        coordinates = np.asarray(clip.coordinates, np.float32)
        people = np.zeros((2, *coordinates.shape[1:]), np.float32)
        people[: len(coordinates)] = coordinates
        clips.append(people)
    frames = [clip.shape[1] for clip in clips]
    print(f'{len(clips)} clips of 2 people and {min(frames)} to {max(frames)} frames, one thread')
    compare(PreNormalize3D(), prenormalize_plainly, clips, args.rounds)
    compare(RelativeNormalize3D(), relative_plainly, clips, args.rounds)


if __name__ == '__main__':
    main()

"""How fast NTU's .skeleton files are parsed, beside plain parsers, on one core.

The plain ones go line by line and frame by frame. One reads all numbers of a joint into a dict and
copies x, y and z from there into arrays, as scripts for these data do; the other reads no more than
it needs. All read the same file in turns, so that whatever else the machine does falls on all.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from halp_mm.preparation.ntu.skeleton_file import read_skeleton_file
from halp_mm.synthetic.clips import generate_clip
from halp_mm.synthetic.raw_files import skeleton_text

_JOINT_KEYS = (
    *('x', 'y', 'z', 'depthX', 'depthY', 'colorX', 'colorY'),
    *('orientationW', 'orientationX', 'orientationY', 'orientationZ', 'trackingState'),
)


def parse_to_dicts(path: Path) -> list[dict[int, np.ndarray]]:
    """For each frame the bodies by their IDs, ``[25, 3]``, by way of a dict for each joint."""
    frames = []
    with open(path, encoding='latin-1') as file:
        for _ in range(int(file.readline())):
            bodies = []
            for _ in range(int(file.readline())):
                body = {'bodyID': int(file.readline().split()[0]), 'joints': []}
                for _ in range(int(file.readline())):
                    words = file.readline().split()
                    joint = {key: float(word) for key, word in zip(_JOINT_KEYS, words)}
                    body['joints'].append(joint)
                bodies.append(body)
            frames.append(bodies)
    arrays = []
    for bodies in frames:
        arrays.append({})
        for body in bodies:
            array = arrays[-1][body['bodyID']] = np.zeros((len(body['joints']), 3), np.float32)
            for number, joint in enumerate(body['joints']):
                array[number] = [joint['x'], joint['y'], joint['z']]
    return arrays


def parse_plainly(path: Path) -> list[dict[int, np.ndarray]]:
    """The same, without the numbers that are not needed."""
    frames = []
    with open(path, encoding='latin-1') as file:
        for _ in range(int(file.readline())):
            bodies = {}
            for _ in range(int(file.readline())):
                body_id = int(file.readline().split()[0])
                body = bodies[body_id] = np.zeros((int(file.readline()), 3), np.float32)
                for joint in range(len(body)):
                    body[joint] = [float(word) for word in file.readline().split()[:3]]
            frames.append(bodies)
    return frames


def milliseconds(parse: Callable[[Path], object], path: Path) -> float:
    """Time of one parsing, the mean of ten in a row."""
    start = time.perf_counter()
    for _ in range(10):
        parse(path)
    return 100 * (time.perf_counter() - start)


def main() -> None:
    """Measure and print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--frames', type=int, default=84, help='of the file, which has one person')
    parser.add_argument('--rounds', type=int, default=20, help='turns of ten parsings each')
    args = parser.parse_args()
    clip = generate_clip(seed=0, subject=1, label=0, camera=1, repetition=1).coordinates
    clip = np.resize(clip, (1, args.frames, *clip.shape[2:]))
    parsers = {
        'read_skeleton_file': read_skeleton_file,
        'plain, all numbers': parse_to_dicts,
        'plain, x y z': parse_plainly,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'S001C001P001R001A001.skeleton'
        path.write_text(skeleton_text(clip, np.random.default_rng(0)), encoding='utf-8', newline='')
        plainly = np.array([body for bodies in parse_plainly(path) for body in bodies.values()])
        if not np.array_equal(plainly, read_skeleton_file(path).coordinates):
            raise SystemExit('error: the parsers do not agree')
        turns = [
            {name: milliseconds(parse, path) for name, parse in parsers.items()}
            for _ in range(args.rounds)
        ]
        size = path.stat().st_size
    print(f'{args.frames} frames, 1 person, {size / 1000:.0f} kB, median of {args.rounds} rounds')
    for name in parsers:
        time_taken = statistics.median(turn[name] for turn in turns)
        ratio = statistics.median(turn[name] / turn['read_skeleton_file'] for turn in turns)
        print(f'{name:<19}{time_taken:6.2f} ms, ratio {ratio:.1f}')


if __name__ == '__main__':
    main()

"""How fast NTU's .skeleton files are parsed, beside plain parsers, on one core.

The plain ones go frame by frame and line by line, and copy x, y and z of each joint into an array.
One turns all numbers of a joint into a dict of floats, as scripts for these data mostly do, the
other only x, y and z. All read the same file in turns, so that whatever else the machine does
falls on all.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from halp_mm.datasets.sources.ntu_skeleton_file import read_skeleton_file
from halp_mm.datasets.synthetic import generate_clip
from halp_mm.datasets.synthetic_raw import skeleton_text

_JOINT_KEYS = (
    *('x', 'y', 'z', 'depthX', 'depthY', 'colorX', 'colorY'),
    *('orientationW', 'orientationX', 'orientationY', 'orientationZ', 'trackingState'),
)


def float_dict(words: list[str]) -> list[float]:
    """All words of a line as numbers by their names, of which x, y and z are returned."""
    joint = {key: float(word) for key, word in zip(_JOINT_KEYS, words)}
    return [joint['x'], joint['y'], joint['z']]


def floats(words: list[str]) -> list[float]:
    """The first three words of a line as numbers, and no others."""
    return [float(word) for word in words[:3]]


def parse_plainly(
    path: Path, numbers: Callable[[list[str]], list[float]] = floats
) -> list[dict[int, np.ndarray]]:
    """For each frame the bodies by their IDs, ``[25, 3]``."""
    frames = []
    with open(path, encoding='latin-1') as file:
        for _ in range(int(file.readline())):
            bodies = {}
            for _ in range(int(file.readline())):
                body_id = int(file.readline().split()[0])
                body = bodies[body_id] = np.zeros((int(file.readline()), 3), np.float32)
                for joint in range(len(body)):
                    body[joint] = numbers(file.readline().split())
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
        'plain, all numbers': partial(parse_plainly, numbers=float_dict),
        'plain, x y z': parse_plainly,
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'S001C001P001R001A001.skeleton'
        path.write_text(skeleton_text(clip, np.random.default_rng(0)), newline='')
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

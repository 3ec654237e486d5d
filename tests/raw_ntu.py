"""Raw NTU files for tests, and slow, independent readings of them."""

from __future__ import annotations

import math
import os
import runpy
from pathlib import Path

import numpy as np

from halp_mm.synthetic.raw_files import skeleton_text

ROOT = Path(__file__).parents[1]
parse_plainly = runpy.run_path(str(ROOT / 'tools' / 'benchmarks' / 'ntu_parsing.py'))[
    'parse_plainly'
]


def standing_people(people: int = 1, frames: int = 14, seed: int = 0) -> np.ndarray:
    """``[M, T, 25, 3]``: taller than wide, so nobody is taken for furniture."""
    generator = np.random.default_rng(seed)
    joints = generator.uniform((-0.3, -0.9, 2.5), (0.3, 0.9, 2.9), (people, 1, 25, 3))
    joints[:, :, 0, 1], joints[:, :, 1, 1] = -0.9, 0.9
    moving = joints + generator.normal(0, 0.02, (people, frames, 25, 3))
    return moving.astype(np.float32)


def write_clip(folder: Path, name: str, clip: np.ndarray, **options: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{name}.skeleton'
    path.write_text(skeleton_text(clip, np.random.default_rng(0), **options), newline='')
    return path


def write_links(folder: Path, count: int, clip: np.ndarray) -> list[str]:
    """Many clips that are all the same file; performers 1 to 40, actions from 1."""
    names = [f'S001C001P{1 + i % 40:03d}R001A{1 + i // 40:03d}' for i in range(count)]
    first = write_clip(folder, names[0], clip)
    for name in names[1:]:
        os.link(first, folder / f'{name}.skeleton')
    return names


def slow_energy(body: dict[int, np.ndarray]) -> float:
    """The energy of a body, ``{frame: [25, 3]}``, number by number."""
    total = 0.0
    for axis in range(3):
        values = [float(joint[axis]) for joints in body.values() for joint in joints]
        mean = math.fsum(values) / len(values)
        total += math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
    return total


def slow_is_spurious(body: dict[int, np.ndarray]) -> bool:
    wide = 0
    for joints in body.values():
        across = [float(joint[0]) for joint in joints]
        up = [float(joint[1]) for joint in joints]
        wide += max(across) - min(across) > 0.8 * (max(up) - min(up))
    return len(body) < 12 or wide >= 0.7 * len(body)


def slow_people(path: Path) -> tuple[np.ndarray, int, int]:
    """The actors ``[M, T, 25, 3]``, how many bodies are spurious, how many are too many."""
    frames = parse_plainly(path)
    bodies: dict[int, dict[int, np.ndarray]] = {}
    for frame, seen in enumerate(frames):
        for body_id, joints in seen.items():
            if any(float(number) for joint in joints for number in joint):
                bodies.setdefault(body_id, {})[frame] = joints
    ranked = sorted(bodies.values(), key=slow_energy, reverse=True)
    real = [body for body in ranked if not slow_is_spurious(body)] or ranked[:1]
    people = np.zeros((len(real[:2]), len(frames), 25, 3), np.float32)
    for person, body in enumerate(real[:2]):
        for frame, joints in body.items():
            people[person, frame] = joints
    return people, len(ranked) - len(real), len(real) - len(people)

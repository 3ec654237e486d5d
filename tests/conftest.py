"""What several tests need."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from halp_mm.datasets import ClipWriter
from halp_mm.skeletons import get_layout
from tests.process_state import restored_process_state

torch.set_num_threads(1)  # as the processes that tests start, whose sums are compared with ours


@pytest.fixture(autouse=True)
def _nothing_leaks() -> Iterator[None]:
    """Whatever a test changes in the process, the next one does not see it."""
    with restored_process_state():
        yield


def write_random_clips(path: Path, layout: str = 'kinect_v2', num_clips: int = 12) -> Path:
    """A small data file of random clips: 1 or 2 people, 3 classes, splits train and test."""
    generator = np.random.default_rng(0)
    joints = get_layout(layout).num_joints
    with ClipWriter(path, layout, ['sit', 'stand', 'wave'], 'random') as writer:
        for i in range(num_clips):
            shape = (1 + i % 2, 20 + 3 * i, joints, 3)
            clip = generator.normal(size=shape).astype(np.float32)
            split = 'train' if i % 3 else 'test'
            writer.add(f'clip{i:03d}', clip, label=i % 3, splits=[split], subject=i)
    return path


@pytest.fixture
def random_clips(tmp_path: Path) -> Path:
    """The path of a small data file of random clips."""
    return write_random_clips(tmp_path / 'random.safetensors')

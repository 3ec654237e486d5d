"""Random clips in the place of those that a config trains on, where their file is not there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from mmengine.config import Config

from halp_mm.datasets import ClipWriter
from halp_mm.skeletons import SkeletonLayout, get_layout

_LAYOUT = 'kinect_v2'  # of encoders that name none
_BATCHES = 4
_FRAMES = (40, 100)  # of a clip, at least and below
_SPLIT = 'train'


def write_stand_in_clips(config: Config, path: Path) -> dict[str, object]:
    """Write a file of random clips of the layout and the people that a config expects.

    There are a few batches of clips of 40 to 99 frames.

    Args:
        config: The config of the training.
        path: The file to make.

    Returns:
        The overrides by which the config trains on them.
    """
    loader = config.train_dataloader
    people = loader.dataset.get('num_people') or 2
    layout = expected_layout(config)
    generator = np.random.default_rng(0)
    # A classifier is built for so many classes.
    num_classes = config.model.get('num_classes') or 2
    classes = [f'class {number + 1}' for number in range(num_classes)]
    with ClipWriter(path, layout, classes, 'random') as writer:
        for number in range(max(_BATCHES * loader.batch_size, num_classes)):
            shape = (people, generator.integers(*_FRAMES), layout.num_joints, layout.dimensions)
            clip = generator.standard_normal(shape, np.float32)
            writer.add(f'{number}', clip, number % num_classes, [_SPLIT])
    place = 'train_dataloader.dataset'
    return {f'{place}.data_file': str(path), f'{place}.split': _SPLIT}


def expected_layout(config: Config) -> SkeletonLayout:
    """The layout of the data set or the encoder, else of Kinect v2."""
    encoder: Mapping = config.model.get('encoder') or {}
    encoders = [encoder, *(part for part in encoder.values() if isinstance(part, Mapping))]
    named = [part['layout'] for part in encoders if part.get('layout') is not None]
    return get_layout(config.train_dataloader.dataset.get('layout') or (named or [_LAYOUT])[0])

"""Batches of clips of very different lengths."""

import random
from itertools import chain

import numpy as np
import pytest
import torch
from torch.utils.data import Subset

from halp_mm.apis import build_model, load_config
from halp_mm.datasets import ClipWriter, SkeletonDataset, batch_positions, clip_lengths
from halp_mm.datasets.batches import MAX_MEAN_FRAMES
from halp_mm.evaluation import extract_features
from halp_mm.evaluation.coordinates import flat_coordinates
from tests.runs import ROOT


def test_clips_of_ordinary_lengths_stay_in_order():
    lengths = torch.randint(1, 301, (1000,), generator=torch.Generator().manual_seed(0))
    expected = [list(range(1000))[start : start + 256] for start in range(0, 1000, 256)]
    assert batch_positions(lengths, 256) == expected


@pytest.mark.parametrize('seed', range(20))
def test_padding_is_bounded(seed):
    draw = random.Random(seed)
    lengths = [draw.choice([1, 30, 80, 299, 301, 700, 9000, 10**6]) for _ in range(300)]
    batches = batch_positions(torch.tensor(lengths), 64)
    assert sorted(chain.from_iterable(batches)) == list(range(300))
    for positions in batches:
        longest = max(lengths[position] for position in positions)
        assert len(positions) <= 64
        assert len(positions) == 1 or len(positions) * longest <= 64 * MAX_MEAN_FRAMES


def test_one_long_clip_is_alone():
    lengths = torch.full((256,), 80)
    lengths[100] = 9000
    batches = batch_positions(lengths, 256)
    assert sorted(map(len, batches)) == [1, 255]
    assert batches[-1] == [100]


@pytest.fixture
def clips(tmp_path):
    """20 clips, one of them long; and the same without a limit to compare with."""
    draw = np.random.default_rng(0)
    with ClipWriter(tmp_path / 'clips', 'kinect_v2', ['nod'], 'random') as writer:
        for i in range(20):
            frames = 8000 if i == 7 else int(draw.integers(10, 400))
            clip = draw.normal(size=(1, frames, 25, 3))
            writer.add(f'c{i}', clip, 0, ['train'])
    return tmp_path / 'clips'


def test_results_are_the_same_and_in_order(clips, monkeypatch):
    options = {'model.encoder.hidden_size': 8}
    config = load_config(ROOT / 'configs/moco/bigru_synthetic_xsub.py', options)
    model = build_model(config, None).cpu()  # a GPU rounds batches of other sizes otherwise
    preprocessor = model.data_preprocessor
    results = []
    for limit in (MAX_MEAN_FRAMES, 10**9):
        monkeypatch.setattr('halp_mm.datasets.batches.MAX_MEAN_FRAMES', limit)
        dataset = SkeletonDataset(clips, 'train', num_people=2)
        assert len(batch_positions(dataset.num_frames, 256)) == (6 if limit == 300 else 1)
        features = extract_features(model, dataset)['joint']
        coordinates = flat_coordinates(preprocessor, dataset)
        dataset.normalize_once(preprocessor.normalization)
        normalized = [dataset[i]['clip'] for i in range(20)]
        results.append((features, coordinates, *normalized))
    for ours, theirs in zip(*results):
        torch.testing.assert_close(ours, theirs)


def test_lengths(clips):
    dataset = SkeletonDataset(clips, 'train')
    lengths = [dataset[i]['clip'].shape[1] for i in range(20)]
    assert dataset.num_frames.tolist() == lengths
    assert clip_lengths(Subset(dataset, [7, 3])).tolist() == [8000, lengths[3]]
    assert clip_lengths([dataset[7]]).tolist() == [8000]

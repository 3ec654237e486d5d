"""Training on clips without labels, and evaluating on those that have one."""

import re

import numpy as np
import pytest
import torch

from halp_mm.apis import (
    SkeletonInferencer,
    draw_features,
    evaluate,
    extract_features,
    load_config,
    train,
)
from halp_mm.commands.config_options import parse_options
from halp_mm.commands.prepare_folder import main as prepare_folder
from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset
from halp_mm.evaluation import effective_rank
from tests.conftest import write_random_clips
from tests.runs import CONFIG, tiny_options

CLASSES = ['sit', 'stand', 'wave']


def config_for(data_file, **changes):
    """The synthetic config, shrunk, on a data file."""
    config = load_config(CONFIG, parse_options(tiny_options(data_file)[1:]))
    config.merge_from_dict({'train_cfg.max_epochs': 1, 'protocols.linear.epochs': 3, **changes})
    return config


def write_clips(path, labels, splits, classes=CLASSES):
    """Clips with these labels and splits; a clip is drawn by its number."""
    with ClipWriter(path, 'kinect_v2', classes, 'mine') as writer:
        for i, (label, split) in enumerate(zip(labels, splits)):
            if split is not None:
                clip = np.random.default_rng(i).normal(size=(1, 12 + i, 25, 3))
                writer.add(f'clip{i:02d}', clip, label, [split])
    return path


@pytest.fixture
def unlabelled(tmp_path):
    """What prepare_folder makes of a folder of clips alone."""
    folder = tmp_path / 'clips'
    folder.mkdir()
    for i in range(8):
        clip = np.random.default_rng(i).normal(size=(12 + i, 25, 3)).astype(np.float32)
        np.save(folder / f'clip{i}.npy', clip)
    out = tmp_path / 'unlabelled.safetensors'
    words = [folder, '--layout', 'kinect_v2', '--out', out, '--workers', 1]
    assert prepare_folder([str(word) for word in words]) == 0
    return out


def test_a_folder_without_labels(unlabelled):
    storage = ClipStorage(unlabelled)
    assert storage.labels.tolist() == [-1] * 8
    assert storage.class_names == []
    assert storage.splits['train'].tolist() == list(range(8))
    assert storage.notes['without_label'] == 8


def test_training_without_labels_says_that_nothing_is_evaluated(unlabelled, tmp_path):
    config = config_for(unlabelled, test_dataset=None)
    runner = train(config, tmp_path / 'run')
    log = runner.log_file.read_text()
    assert log.count('no evaluation during training: the config has no test_dataset') == 1
    assert 'knn_top1' not in log
    inferencer = SkeletonInferencer(config, runner.last_checkpoint)
    answer = inferencer(SkeletonDataset(unlabelled, 'train')[3]['clip'])
    assert (answer.action, answer.classes, answer.scores) == (None, [], [])
    assert (answer.neighbours[0].name, answer.neighbours[0].action) == ('clip3', None)
    assert 'like clip3 (1.000)' in str(answer)
    features = extract_features(config, runner.last_checkpoint, split='train')
    assert features.labels.tolist() == [-1] * 8
    with pytest.raises(ValueError, match='has no test_dataset, so there is nothing to evaluate on'):
        evaluate(config, runner.last_checkpoint, 'knn')
    with pytest.raises(ValueError, match=r"has no test_dataset, .* choose split='train'"):
        extract_features(config, runner.last_checkpoint)
    with pytest.raises(ValueError, match='has no test_dataset, and the picture shows test clips'):
        draw_features(config, runner.last_checkpoint, tmp_path / 'picture.png')


@pytest.mark.parametrize(('hidden_size', 'collapses'), [(1, True), (8, False)])
def test_what_collapses_without_labels_is_seen(hidden_size, collapses, tmp_path):
    data_file = write_clips(tmp_path / 'own', [None] * 32, ['train'] * 32)
    config = config_for(data_file, test_dataset=None)
    config.merge_from_dict(
        {'model.encoder.hidden_size': hidden_size, 'model.streams': ['joint', 'bone']}
    )
    runner = train(config, tmp_path / 'run')
    log = runner.log_file.read_text()
    found = extract_features(config, runner.last_checkpoint, split='train').features
    ranks = {
        stream: float(re.search(rf'val/{stream}/effective_rank: ([\d.]+)', log)[1])
        for stream in ('joint', 'bone')
    }
    assert ranks == {
        stream: pytest.approx(effective_rank(features), abs=0.006)
        for stream, features in found.items()
    }
    assert log.count('they have collapsed, or nearly') == collapses
    assert (max(ranks.values()) < 3) == collapses


def test_labelled_clips_of_another_layout_are_watched(unlabelled, tmp_path):
    other = write_random_clips(tmp_path / 'other.safetensors', 'kinect_v1')
    data = {
        role: dict(type='SkeletonDataset', data_file=str(other), split=role)
        for role in ('train', 'test')
    }
    config = config_for(unlabelled, test_dataset=None, evaluation_data=data)
    log = train(config, tmp_path / 'run').log_file.read_text()
    assert 'no evaluation' not in log
    assert 'val/knn_top1' in log


def test_labelled_clips_that_are_trained_on_are_said(tmp_path):
    own = write_clips(tmp_path / 'own', [None] * 8, ['train'] * 8)
    labelled = write_clips(tmp_path / 'labelled', [i % 3 for i in range(8)], ['both'] * 8)
    data = {
        role: dict(type='SkeletonDataset', data_file=str(labelled), split='both')
        for role in ('train', 'test')
    }
    config = config_for(own, test_dataset=None, evaluation_data=data)
    with pytest.raises(ValueError, match=r"8 of the 8 test clips \('both' of \S*labelled\) are"):
        train(config, tmp_path / 'run')
    config.train_on_test_clips = True
    log = train(config, tmp_path / 'run').log_file.read_text()
    for training in ("'both' of", "'train' of"):
        assert len(re.findall(f'evaluation_data: 8 of .* are training clips .{training}', log)) == 1


def test_other_labelled_clips_are_refused_on_resuming(unlabelled, tmp_path):
    other = write_random_clips(tmp_path / 'other.safetensors')
    data = {
        role: dict(type='SkeletonDataset', data_file=str(other), split=role)
        for role in ('train', 'test')
    }
    config = config_for(unlabelled, test_dataset=None, evaluation_data=data)
    train(config, tmp_path / 'run')
    write_random_clips(other, num_clips=13)
    expected = (
        r'epoch_1\.pth cannot be resumed with other data: the evaluation_data\.train clips in'
    )
    with pytest.raises(ValueError, match=expected):
        train(config, tmp_path / 'run', {'experiment_name': 'again'}, resume=True)


def test_test_clips_alone_have_labels(tmp_path):
    path = write_clips(tmp_path / 'a', [None] * 6 + [0, 1], ['train'] * 6 + ['test'] * 2)
    with pytest.raises(ValueError, match=r'none of the 6 clips .* has one to compare them with'):
        train(config_for(path), tmp_path / 'run')


@pytest.mark.parametrize(
    'protocol', ['knn', 'retrieval', 'linear', 'finetune', 'semi', 'coordinates']
)
def test_partly_labelled_clips_are_as_the_labelled_ones_alone(protocol, tmp_path):
    labels = [i % 3 if i % 4 else None for i in range(16)]
    splits = ['test' if i % 3 == 1 else 'train' for i in range(16)]
    partly = write_clips(tmp_path / 'partly', labels, splits)
    alone = [split if i % 4 else None for i, split in enumerate(splits)]
    alone = write_clips(tmp_path / 'alone', labels, alone)
    changes = {f'protocols.{name}.epochs': 2 for name in ('finetune', 'semi')}
    changes |= {'protocols.semi.draws': 2, 'protocols.semi.label_fraction': [0.5]}
    results = {
        path: evaluate(config_for(path, **changes), None, protocol)[1] for path in (partly, alone)
    }
    assert results[partly].metrics == results[alone].metrics
    assert results[partly].names == results[alone].names
    assert torch.equal(results[partly].scores, results[alone].scores)
    assert results[partly].num_train == results[alone].num_train


def test_labelled_clips_of_normalised_ones(tmp_path):
    path = write_clips(tmp_path / 'a', [0, None, 1, None, 2], ['train'] * 5)
    dataset = SkeletonDataset(path, 'train')
    dataset.normalize_once(lambda clips: clips)
    part = dataset.labelled()
    assert part.labels.tolist() == [0, 1, 2]
    assert all(torch.equal(part[i]['clip'], dataset[2 * i]['clip']) for i in range(3))
    assert [part[i]['label'] for i in range(3)] == [0, 1, 2]
    assert part.labelled() is part

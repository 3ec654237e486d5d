"""What an evaluation's results say, and the errors instead of some."""

import hashlib
import json
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import (
    build_model,
    evaluate,
    load_config,
    make_results,
    results_table,
    write_results,
)
from halp_mm.apis.results import TIME_FIELDS, config_sha256
from halp_mm.datasets import ClipWriter
from halp_mm.run_identity import run_identity
from halp_mm.version import __version__
from tests.runs import CONFIG, tiny_classifier_config

FIELDS = [
    *('protocol', 'dataset', 'train_split', 'test_split', 'run', 'metrics', 'warnings'),
    *(
        'classes',
        'confusion',
        'checkpoint',
        'checkpoint_sha256',
        'config',
        'config_sha256',
        'target',
    ),
    *('settings', 'seed', 'data_files', 'versions', 'device', 'threads', 'finished', 'seconds'),
]


def write_clips(path: Path, labels: dict[str, list[int]], classes=('sit', 'stand', 'wave')) -> Path:
    """Random clips with the given labels in each split."""
    rng = np.random.default_rng(list(path.name.encode()))
    with ClipWriter(path, 'kinect_v2', list(classes), 'made') as writer:
        for split, of_split in labels.items():
            for i, label in enumerate(of_split):
                clip = rng.normal(size=(1, 12 + i, 25, 3)).astype(np.float32)
                writer.add(f'{split}{i}', clip, label=label, splits=[split])
    return path


def config_of(data_file: Path, **options: object) -> Config:
    """The synthetic config, small, on another data file."""
    values = {
        'train_dataloader.dataset.data_file': str(data_file),
        'train_dataloader.dataset.split': 'train',
        'test_dataset.data_file': str(data_file),
        'test_dataset.split': 'test',
        'model.encoder.hidden_size': 4,
        'protocols.linear.epochs': 4,
        **{key.replace('__', '.'): value for key, value in options.items()},
    }
    return load_config(CONFIG, values)


def save_model(config: Config, path: Path, seed: int) -> Path:
    """A checkpoint of random weights."""
    model = build_model(Config({**config.to_dict(), 'randomness': {'seed': seed}}))
    identity = {**run_identity(config), 'seed': seed}
    torch.save({'meta': {'run_identity': identity}, 'state_dict': model.state_dict()}, path)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    return write_clips(
        tmp_path / 'clips.safetensors',
        {'train': [0, 1, 2] * 4, 'test': [0, 0, 1, 1, 1, 2, 2, 2, 2, 2]},
    )


@pytest.mark.parametrize('protocol', ['knn', 'linear', 'retrieval'])
def test_report_says_it_all(clips, tmp_path, protocol):
    config = config_of(clips)
    checkpoint = save_model(config, tmp_path / 'weights.pth', seed=1)
    results, result = evaluate(config, checkpoint, protocol)
    assert list(results) == FIELDS
    assert results['protocol'] == protocol
    assert [results[key] for key in FIELDS[1:4]] == ['made', 'train', 'test']
    assert results['metrics'] == result.metrics
    own = {'knn': [], 'linear': ['best_top1', 'best_epoch']}
    own['retrieval'] = ['recall1', 'recall5', 'map']
    assert list(results['metrics']) == ['top1', 'top5', *own[protocol], 'num_train', 'num_test']
    assert results['warnings'] == []

    pairs = Counter(zip(result.labels.tolist(), result.scores.argmax(1).tolist()))
    assert results['confusion'] == [[pairs[i, j] for j in range(3)] for i in range(3)]
    for i, (row, name, count) in enumerate(zip(results['classes'], result.classes, (2, 3, 5))):
        assert row['class'] == name
        assert row['top1'] == pytest.approx(100 * pairs[i, i] / count)
        assert (row['num_train'], row['num_test']) == (4, count)

    assert results['checkpoint'] == str(checkpoint)
    assert results['checkpoint_sha256'] == sha256(checkpoint)
    assert results['config'] == str(CONFIG)
    assert results['settings'] == {'seed': 0, **config.protocols[protocol]}
    assert results['seed'] == 0
    assert results['data_files'] == [
        {'file': str(clips), 'bytes': clips.stat().st_size, 'sha256': sha256(clips)}
    ]
    assert list(results['versions']) == ['halp_mm', 'python', 'torch', 'mmengine', 'numpy']
    assert results['versions']['halp_mm'] == __version__
    assert results['versions']['torch'] == torch.__version__

    write_results(results, tmp_path / 'results.json')
    assert json.loads((tmp_path / 'results.json').read_text()) == results


def test_two_runs_differ_in_their_time_alone(clips, tmp_path):
    config = config_of(clips)
    first, second = (save_model(config, tmp_path / f'{seed}.pth', seed) for seed in (1, 2))
    results, again, other = (
        evaluate(config_of(clips), file, 'linear')[0] for file in (first, first, second)
    )
    for field in TIME_FIELDS:
        assert results.pop(field) is not None
        del again[field]
    assert results == again
    assert other['checkpoint_sha256'] != results['checkpoint_sha256']


def test_changed_data_are_noticed(clips, tmp_path):
    config = config_of(clips)
    results, _ = evaluate(config, None, 'knn')
    assert results['checkpoint'] is results['checkpoint_sha256'] is None
    write_clips(clips, {'train': [0, 1, 2] * 4, 'test': [0, 0, 1, 1, 1, 2, 2, 2, 2, 1]})
    changed, _ = evaluate(config, None, 'knn')
    assert changed['data_files'][0]['sha256'] != results['data_files'][0]['sha256']
    assert changed['config_sha256'] == results['config_sha256']


def test_two_data_files_are_both_named(clips, tmp_path):
    other = write_clips(tmp_path / 'other.safetensors', {'test': [0, 1, 2]})
    results, _ = evaluate(config_of(clips, test_dataset__data_file=str(other)), None, 'knn')
    assert [file['file'] for file in results['data_files']] == [str(clips), str(other)]


def test_hash_of_a_config_is_that_of_its_values(clips, tmp_path):
    config = config_of(clips)
    expected = config_sha256(config)
    assert config_sha256(config_of(clips)) == expected
    whole = tmp_path / 'whole.py'  # one file with all values, in another order
    config.dump(str(whole))
    assert config_sha256(Config.fromfile(whole)) == expected
    shuffled = Config(dict(reversed(list(config.to_dict().items()))))
    assert config_sha256(shuffled) == expected
    for key, value in (('protocols.knn.k', 2), ('randomness.seed', 1), ('new', None)):
        changed = config_of(clips)
        changed.merge_from_dict({key: value})
        assert config_sha256(changed) != expected


def test_config_without_a_file(clips):
    results, result = evaluate(Config(config_of(clips).to_dict()), None, 'knn')
    assert results['config'] is None
    assert 'config' not in result.origin
    assert 'config: None' in results_table(results)


def test_class_absent_from_the_training_clips(tmp_path):
    data_file = write_clips(tmp_path / 'x.safetensors', {'train': [0, 0, 2], 'test': [0, 1, 1, 2]})
    for protocol in ('knn', 'linear', 'retrieval'):
        results, _ = evaluate(config_of(data_file), None, protocol)
        (warning,) = results['warnings']
        assert warning == (
            "1 of 3 classes have no training clips ('stand'): what is learned from the training "
            'clips cannot recognise their 2 test clips'
        )
        assert f'warning: {warning}' in results_table(results)
        expected = {'class': 'stand', 'num_train': 0, 'num_test': 2}
        row = results['classes'][1]
        assert {key: row[key] for key in expected} == expected
    assert row['top1'] == 0


def test_class_absent_from_the_test_clips(tmp_path):
    data_file = write_clips(tmp_path / 'x.safetensors', {'train': [0, 1, 2], 'test': [0, 2]})
    results, _ = evaluate(config_of(data_file), None, 'knn')
    assert results['warnings'] == []
    assert results['classes'][1] == {'class': 'stand', 'top1': None, 'num_train': 1, 'num_test': 0}
    assert results['confusion'][1] == [0, 0, 0]


def test_table(clips):
    results, _ = evaluate(config_of(clips), None, 'linear')
    lines = results_table(results).splitlines()
    assert lines[0] == 'linear on made test'
    metrics, words = results['metrics'], [line.split() for line in lines[1:7]]
    assert words[0] == f'top1 {metrics["top1"]:.2f} after the last epoch'.split()
    assert words[3][:2] == ['best_epoch', str(metrics['best_epoch'])]
    accuracies = [row['top1'] for row in results['classes']]
    assert f' {min(accuracies):.1f}' in next(line for line in lines if 'lowest top-1' in line)
    assert '  checkpoint: untrained' in lines
    assert f'  config: {CONFIG} ({results["config_sha256"][:12]})' in lines


def test_splits_of_different_classes(clips, tmp_path):
    other = write_clips(tmp_path / 'other.safetensors', {'test': [0]}, classes=['sit', 'stand'])
    config = config_of(clips, test_dataset__data_file=str(other))
    for protocol in ('knn', 'linear', 'retrieval'):
        with pytest.raises(ValueError, match=r'different classes: 3 in .*, 2 in ') as error:
            evaluate(config, None, protocol)
        assert str(clips) in str(error.value)
        assert str(other) in str(error.value)


def test_classifier_of_another_number_of_classes(clips):
    path, options = tiny_classifier_config(clips, model__num_classes=5)
    with pytest.raises(ValueError, match=r'num_classes is 5, but .*safetensors has 3 classes; set'):
        evaluate(load_config(path, options), None, 'classifier')


def test_checkpoint_of_another_encoder(clips, tmp_path):
    """A graph network's weights for a recurrent one."""
    path, options = tiny_classifier_config(clips)
    checkpoint = save_model(load_config(path, options), tmp_path / 'stgcn.pth', 0)
    torch.save(torch.load(checkpoint, weights_only=True)['state_dict'], checkpoint)
    with pytest.raises(ValueError, match='was made with another model than this config: ') as error:
        evaluate(config_of(clips), checkpoint, 'knn')
    assert str(checkpoint) in str(error.value)
    assert 'Use the config that it was trained with' in str(error.value)


@pytest.mark.parametrize('split', ['train', 'test'])
def test_empty_split(tmp_path, split):
    """An annotation file of MMAction2 may name a split that has no clips."""
    rng = np.random.default_rng(0)
    annotations = [
        {
            'frame_dir': f'clip{i}',
            'label': i % 3,
            'total_frames': 12,
            'keypoint': rng.normal(size=(1, 12, 25, 3)).astype(np.float32),
        }
        for i in range(6)
    ]
    names = [annotation['frame_dir'] for annotation in annotations]
    splits = {'train': names, 'test': names, split: []}
    data_file = tmp_path / 'annotations.pkl'
    data_file.write_bytes(pickle.dumps({'split': splits, 'annotations': annotations}))
    layouts = {
        'train_dataloader__dataset__layout': 'kinect_v2',
        'test_dataset__layout': 'kinect_v2',
    }
    with pytest.raises(ValueError, match=f"split '{split}' of .*annotations.pkl is empty"):
        evaluate(config_of(data_file, **layouts), None, 'knn')


def test_a_report_is_made_of_any_result(clips):
    """What a script of one's own does."""
    _, result = evaluate(config_of(clips), None, 'knn')
    results = make_results(result, {'k': 1}, [clips, clips], seconds=2.0)
    assert results['seconds'] == 2.0
    assert len(results['data_files']) == 1

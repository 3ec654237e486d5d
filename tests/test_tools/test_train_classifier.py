"""tools/train.py and tools/test.py on a classifier, end to end."""

import json
import re
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.conftest import write_random_clips
from tests.ranks import connected, run_ranks
from tests.runs import run_tool, tiny_classifier_config


def arguments(data_file: Path, **options: object) -> list[str]:
    config, values = tiny_classifier_config(data_file, **options)
    pairs = [f'{key}={value}'.replace(' ', '') for key, value in values.items()]
    return [str(config), '--cfg-options', *pairs]


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """Data file, work directory and log of a tiny supervised training."""
    folder = tmp_path_factory.mktemp('classifier')
    data_file = write_random_clips(folder / 'clips.safetensors', num_clips=24)
    result = run_tool('train.py', *arguments(data_file), '--work-dir', folder / 'work')
    assert result.returncode == 0, result.stderr
    return data_file, folder / 'work', result.stdout + result.stderr


def test_training_logs_every_figure(trained):
    _, _, log = trained
    lines = [line for line in log.splitlines() if 'Epoch(train)' in line]
    assert len(lines) == 3 * 4, 'three epochs of 16 clips in fours'
    for name in ('loss', 'loss_classification', 'train_accuracy', 'lr', 'time'):
        assert all(re.search(rf'\b{name}: \S', line) for line in lines), name
    assert len(re.findall(r'Epoch\(val\) \[\d\]  val/top1: [\d.]+  val/top5: ', log)) == 3
    assert 'knn' not in log.partition('Epoch(train)')[2]


def test_report_of_its_own_scores(trained, tmp_path):
    data_file, work_dir, log = trained
    config, *options = arguments(data_file)
    out, dump = tmp_path / 'report.json', tmp_path / 'scores.npz'
    result = run_tool(
        *('test.py', config, work_dir / 'epoch_3.pth', *options),
        *('--protocol', 'classifier', '--out', out, '--dump', dump),
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(out.read_text())
    assert report['settings'] == {'seed': 0, 'type': 'ClassifierProtocol'}
    assert (report['metrics']['num_train'], report['metrics']['num_test']) == (16, 8)
    with np.load(dump) as arrays:
        scores, labels = arrays['scores'], arrays['labels']
    np.testing.assert_allclose(scores.sum(1), 1, rtol=1e-5)
    assert report['metrics']['top1'] == pytest.approx(100 * (scores.argmax(1) == labels).mean())
    assert f'Epoch(val) [3]  val/top1: {report["metrics"]["top1"]:.2f}' in log
    assert 'classifier on random test' in result.stdout


def test_resumed_run_ends_with_the_same_weights(trained, tmp_path):
    data_file, work_dir, _ = trained
    result = run_tool(
        *('train.py', *arguments(data_file), '--work-dir', tmp_path, '--no-validate'),
        *('--resume', work_dir / 'epoch_1.pth'),
    )
    assert result.returncode == 0, result.stderr
    log = result.stdout + result.stderr
    assert 'resumed epoch: 1' in log
    assert 'Epoch(val)' not in log
    first, second = (
        torch.load(folder / 'epoch_3.pth', weights_only=True)['state_dict']
        for folder in (work_dir, tmp_path)
    )
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def train_as_rank(data_file: Path, rank: int, folder: str) -> None:
    with connected(rank, folder):
        command = arguments(data_file, train_cfg__max_epochs=1)
        result = run_tool('train.py', *command, '--work-dir', folder, '--launcher', 'pytorch')
    torch.save(vars(result), f'{folder}/rank{rank}.pth')


def test_two_processes_train_together(trained, tmp_path):
    data_file, _, _ = trained
    results = run_ranks(partial(train_as_rank, data_file), tmp_path)
    assert [result['returncode'] for result in results] == [0, 0], results
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert checkpoint['meta']['iter'] == 2
    assert 'Epoch(val) [1]  val/top1:' in results[0]['stdout'] + results[0]['stderr']

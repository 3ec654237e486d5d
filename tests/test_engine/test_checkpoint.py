"""Checkpoints: safe to read, whole when written."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from halp_mm.engine import load_checkpoint_file, load_weights
from tests.runs import environment


class RunsCommand:
    """An object whose unpickling would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize('legacy', [False, True])
def test_a_checkpoint_that_would_run_code_is_refused_and_has_not_run(tmp_path, legacy):
    trap, checkpoint = tmp_path / 'executed', tmp_path / 'evil.pth'
    content = {'state_dict': {}, 'meta': RunsCommand(trap)}
    if legacy:
        checkpoint.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, checkpoint)
    with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
        load_checkpoint_file(checkpoint)
    assert not trap.exists()


def test_code_in_the_meta_config_is_dropped(tmp_path):
    # mmengine's resume executes meta['config'] as a Python config.
    checkpoint = tmp_path / 'checkpoint.pth'
    torch.save({'meta': {'config': 'import os', 'epoch': 3}, 'state_dict': {}}, checkpoint)
    assert load_checkpoint_file(checkpoint)['meta'] == {'epoch': 3}


def test_not_a_dict(tmp_path):
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='holds a list; expected a checkpoint dict'):
        load_checkpoint_file(tmp_path / 'list.pth')


def test_load_weights(tmp_path):
    source, target = nn.Linear(3, 2), nn.Linear(3, 2)
    torch.save({'state_dict': source.state_dict()}, tmp_path / 'weights.pth')
    load_weights(target, tmp_path / 'weights.pth')
    assert torch.equal(source.weight, target.weight)
    assert torch.equal(source.bias, target.bias)


def test_weights_of_another_model(tmp_path):
    torch.save({'state_dict': nn.Linear(3, 2).state_dict()}, tmp_path / 'weights.pth')
    message = r'weight is \[2, 3\], expected \[2, 4\]'
    with pytest.raises(ValueError, match=message):
        load_weights(nn.Linear(4, 2), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match='bias is not in the model'):
        load_weights(nn.Linear(3, 2, bias=False), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match=r'0\.weight is missing'):
        load_weights(nn.Sequential(nn.Linear(3, 2)), tmp_path / 'weights.pth')


FULL_DISK = """
import resource, signal, sys
import torch
from mmengine.config import Config
from halp_mm.engine import SkeletonRunner
from halp_mm.models import Projector

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
runner = SkeletonRunner(
    Projector(64, 64, 64),
    sys.argv[1],
    cfg=Config(dict(a=1)),
    train_dataloader=dict(dataset=[1], batch_size=1, sampler=dict(type='DefaultSampler')),
    train_cfg=dict(by_epoch=True, max_epochs=1),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
    visualizer=dict(type='Visualizer', vis_backends=[]),
)
runner.train_loop
runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
runner.save_checkpoint(sys.argv[1], 'epoch_1.pth', save_param_scheduler=False)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
try:
    runner.save_checkpoint(sys.argv[1], 'epoch_1.pth', save_param_scheduler=False)
except OSError as error:
    print(error)
"""


def test_full_disk_keeps_the_older_checkpoint_and_leaves_no_partial_one(tmp_path):
    result = subprocess.run(
        [sys.executable, '-c', FULL_DISK, str(tmp_path)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert f'cannot write the checkpoint {tmp_path / "epoch_1.pth"}' in result.stdout
    assert 'state_dict' in torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert [path.name for path in tmp_path.glob('*.pth*')] == ['epoch_1.pth']

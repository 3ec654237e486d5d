"""Streams that are trained together, by the command line."""

import pytest
import torch

from tests.runs import ROOT, run_tool, tiny_options

CMD = ROOT / 'configs' / 'cmd' / 'bigru_synthetic_xsub.py'
MOCO = ROOT / 'configs' / 'moco' / 'bigru_synthetic_xsub.py'


def train(config, clips, work_dir, *options):
    settings = tiny_options(clips, **{'optim_wrapper.optimizer.lr': 0.05})
    settings = [option for option in settings if 'heads' not in option]
    run = run_tool('train.py', config, '--work-dir', work_dir, '--seed', 3, *settings, *options)
    assert run.returncode == 0, run.stderr
    return torch.load(work_dir / 'epoch_3.pth', weights_only=True)['state_dict']


@pytest.mark.parametrize('stream', ['joint', 'motion'])
def test_without_weight_across_streams_each_is_trained_as_alone(random_clips, tmp_path, stream):
    """Bit for bit, after three epochs."""
    together = train(CMD, random_clips, tmp_path / 'cmd', 'model.heads.cmd.weight=0.0')
    alone = train(MOCO, random_clips, tmp_path / 'moco', f'model.streams=["{stream}"]')
    names = [name for name in alone if name in together]
    assert {name.split('.')[0] for name in names} == {'query_networks', 'key_networks', 'queues'}
    assert len(names) == len(alone)
    for name in names:
        assert torch.equal(alone[name], together[name]), name


def test_all_streams_are_evaluated_alone_and_together(random_clips, tmp_path):
    config = ROOT / 'configs' / 'halp_cmd' / 'bigru_synthetic_xsub.py'
    options = tiny_options(random_clips)
    work_dir = tmp_path / 'run'
    assert run_tool('train.py', config, '--work-dir', work_dir, *options).returncode == 0
    run = run_tool('test.py', config, work_dir / 'epoch_3.pth', '--protocol', 'linear', *options)
    assert run.returncode == 0, run.stderr
    for name in ('top1', 'joint/top1', 'motion/top1', 'bone/top1'):
        assert f'  {name} ' in run.stdout

"""Two processes by the Runner, with a head that starts late and has parameters of its own."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import load_config, train
from tests.conftest import write_random_clips
from tests.ranks import connected, run_ranks
from tests.runs import CONFIG


def late_config(folder: str) -> Config:
    """MoCo, joined by masked reconstruction in the second epoch."""
    data = dict(data_file=f'{folder}/random.safetensors', split='train')
    options = {
        'train_dataloader.dataset': data,
        'train_dataloader.batch_size': 2,
        'test_dataset': data,
        'train_on_test_clips': True,
        'model.encoder.hidden_size': 8,
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'model.heads.halp': None,
        'model.heads.masked': dict(type='MaskedPredictionHead', target_view='query', start_epoch=1),
        'data_preprocessor.views.masked': dict(
            base='query', transforms=[dict(type='SpatioTemporalMask')]
        ),
        'train_cfg.max_epochs': 2,
        'default_hooks.evaluation': None,
        'log_level': 'WARNING',
        'experiment_name': Path(folder).name,
    }
    return load_config(CONFIG, options)


def train_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        runner = train(late_config(folder), f'{folder}/work', launcher='pytorch')
        assert runner.model.find_unused_parameters
        torch.save(
            {
                'state': runner.model.module.state_dict(),
                'names': list(runner.message_hub.log_scalars),
            },
            f'{folder}/rank{rank}.pth',
        )
        del runner


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_head_with_parameters_may_start_late(tmp_path: Path):
    write_random_clips(tmp_path / 'random.safetensors')
    first, second = run_ranks(train_as_rank, tmp_path)
    assert 'train/joint/masked/loss' in first['names']
    weights = [name for name in first['state'] if name.startswith(('heads', 'query_networks'))]
    assert any(name.startswith('heads.masked.decoders.joint') for name in weights)
    for name in weights:
        if 'running' not in name:
            assert torch.equal(first['state'][name], second['state'][name]), name

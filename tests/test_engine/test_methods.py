"""Methods of every kind, trained by the real Runner: losses fall, a resumed run is the same."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import load_config, train
from tests.conftest import write_random_clips
from tests.runs import ROOT

CONFIG = ROOT / 'configs' / 'moco' / 'bigru_synthetic_xsub.py'
LONG = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=8, num_frames=64)]
SHORT = [dict(type='TemporalCropResize', ratio=(0.2, 0.5), min_frames=8, num_frames=32)]
MASKED = dict(base='clean', transforms=[dict(type='SpatioTemporalMask', ratio=0.5)])
RECONSTRUCTION = dict(type='MaskedPredictionHead')
HALP = dict(
    type='HaLPHead', start_epoch=1, num_positives=5, num_prototypes=3, num_newest=8, weight=0.1
)

#: Heads, views and projector of each method; and what its checkpoint has.
METHODS = {
    'barlow twins': (
        dict(moco=None, barlow=dict(type='CrossCorrelationHead', off_diagonal_weight=0.1)),
        dict(query=LONG, other_query=LONG, key=None),
        dict(type='Projector', out_dim=8, normalize=False),
        {'query_networks'},
    ),
    'masked reconstruction': (
        dict(moco=None, masked=RECONSTRUCTION),
        dict(query=None, key=None, clean=LONG, masked=MASKED),
        None,
        {'query_networks', 'heads'},
    ),
    'student and teacher': (
        dict(moco=None, prototypes=dict(type='PrototypeHead', num_prototypes=6)),
        dict(query=None, key=None, long=LONG, short=SHORT),
        dict(type='Projector', out_dim=8),
        {'query_networks', 'key_networks', 'heads'},
    ),
    'three terms': (
        dict(halp=HALP, masked=RECONSTRUCTION),
        dict(query=LONG, key=LONG, clean=LONG, masked=MASKED),
        dict(type='Projector', out_dim=8),
        {'query_networks', 'key_networks', 'heads', 'queues'},
    ),
}


@pytest.fixture(scope='module')
def data_file(tmp_path_factory) -> Path:
    return write_random_clips(tmp_path_factory.mktemp('data') / 'clips.safetensors')


def config_of(method: str, data_file: Path, work_dir: Path, epochs: int) -> Config:
    heads, views, projector, _ = METHODS[method]
    data = dict(data_file=str(data_file), split='train')
    options = {
        'train_dataloader.dataset': data,
        'train_dataloader.batch_size': 8,
        'test_dataset': data,
        'train_on_test_clips': True,
        'model.encoder': dict(type='BiGRU', hidden_size=8, num_layers=1),
        'model.projector': projector,
        'model.queue_size': 32,
        **{f'model.heads.{name}': head for name, head in heads.items()},
        **{f'data_preprocessor.views.{name}': view for name, view in views.items()},
        'train_cfg.max_epochs': epochs,
        'optim_wrapper.optimizer.lr': 0.02,
        'default_hooks.evaluation': None,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.runtime_info.interval': 1,
        'log_level': 'WARNING',
        'experiment_name': f'{work_dir.name} {work_dir.parent.name}',
    }
    config = load_config(CONFIG, options)
    config.visualizer.name = config.experiment_name  # mmengine keeps visualizers by name
    return config


@pytest.mark.parametrize('method', METHODS)
def test_losses_fall_and_a_resumed_run_is_the_same(method, data_file, tmp_path):
    heads, _, _, parts = METHODS[method]
    whole = train(config_of(method, data_file, tmp_path / 'whole', 24), tmp_path / 'whole')
    logged = {
        name.removeprefix('train/'): torch.as_tensor(buffer.data[0])
        for name, buffer in whole.message_hub.log_scalars.items()
        if name.startswith('train/joint/')
    }
    assert {name.split('/')[1] for name in logged} >= {name for name in heads if heads[name]}
    assert all(values.isfinite().all() for values in logged.values())
    falling = [n for n in logged if n.endswith('/loss') and 'halp' not in n and 'moco' not in n]
    assert falling
    for name in falling:
        assert logged[name][-4:].mean() < logged[name][:4].mean(), name
    state = torch.load(tmp_path / 'whole' / 'epoch_24.pth', weights_only=True)['state_dict']
    assert {name.partition('.')[0] for name in state} == parts

    resumed = train(
        config_of(method, data_file, tmp_path / 'resumed', 24),
        tmp_path / 'resumed',
        resume=str(tmp_path / 'whole' / 'epoch_22.pth'),
    )
    assert resumed.iter == whole.iter
    for name, value in resumed.model.state_dict().items():
        assert torch.equal(value.cpu(), state[name]), name

"""The methods that the papers compare with, and free combinations, trained by the real Runner."""

from pathlib import Path

import pytest
import torch

from halp_mm.apis import load_config, train
from tests.conftest import write_random_clips
from tests.runs import ROOT

#: Settings that make encoders small, by encoder or by method.
NARROW = {
    'lstm': {'model.encoder.hidden_size': 8},
    'stgcn': {'model.encoder.base_channels': 16, 'model.encoder.stages': [1, 1]},
    'bigru': {'model.encoder.hidden_size': 8},
    'agcn': {'model.encoder.base_channels': 16, 'model.encoder.stages': [1, 1]},
    'sebirenet': {'model.encoder.hidden_size': 4},
    'gltransformer': {'model.encoder.embed_dim': 4, 'model.encoder.depth': 1},
    'dgcnn': {'model.encoder.channels': [4, 4], 'model.encoder.feature_dim': 8},
    'gru': {'model.encoder.hidden_size': 8},
    'transformer': {'model.encoder.embed_dim': 8, 'model.encoder.depth': 1},
    'dste': {'model.encoder.embed_dim': 8, 'model.encoder.depth': 1},
    'h_transformer/transformer': {'model.encoder.hidden_size': 16},
    'va-bigru': {'model.encoder.hidden_size': 8, 'model.encoder.encoder.hidden_size': 8},
}
#: Configs, and the losses that they log in the end.
METHODS = {
    'ascal/lstm': {'joint/moco'},
    'skt/stgcn': {'joint/twins'},
    'pstl/stgcn': {'joint/twins', 'joint/spatial_twins'},
    'crosclr_b/bigru': {f'{stream}/cross_stream' for stream in ('joint', 'bone', 'motion')},
    'va_lstm/lstm': set(),
    'pc/bigru': {'joint/regeneration'},
    'sebirenet/sebirenet': {'joint/denoising'},
    'gl_transformer/gltransformer': {'joint/displacement'},
    'colorization/dgcnn': {'temporal/temporal', 'spatial/spatial'},
    'longt_gan/gru': {'joint/inpainting'},
    'h_transformer/transformer': {'joint/direction'},
    'aagcn/agcn': set(),
    'ms2l/bigru': {'joint/motion', 'joint/jigsaw', 'joint/contrast'},
    'halp/agcn': {'joint/moco', 'joint/halp'},
    'halp_barlow_twins/bigru': {'joint/moco', 'joint/halp', 'joint/twins'},
    'halp_nnm/bigru': {'joint/nnm', 'joint/halp'},
    'cmd/va-bigru': {
        f'{stream}/{head}' for stream in ('joint', 'bone', 'motion') for head in ('moco', 'cmd')
    },
    'usdrl/dste': {'joint/decorrelation'},
    'halp_mamp/transformer': {'joint/moco', 'joint/halp', 'joint/masked'},
    'halp_slim/transformer': {
        f'joint/{head}' for head in ('contrast', 'masked', 'koleo', 'moco', 'halp')
    },
    'aimclr_masked/stgcn': {'joint/nnm', 'joint/d3m'},
}


@pytest.fixture(scope='module')
def data_file(tmp_path_factory) -> Path:
    return write_random_clips(tmp_path_factory.mktemp('data') / 'clips.safetensors')


@pytest.mark.parametrize('method', METHODS)
def test_method_trains(method, data_file, tmp_path):
    config = load_config(ROOT / 'configs' / f'{method}_synthetic_xsub.py')
    data = dict(data_file=str(data_file), split='train')
    options = {
        'train_dataloader.dataset': data,
        'train_dataloader.batch_size': 4,
        'test_dataset': data,
        'train_on_test_clips': True,
        'train_cfg.max_epochs': 2,
        'default_hooks.evaluation': None,
        'default_hooks.runtime_info.interval': 1,
        'log_level': 'WARNING',
        'experiment_name': tmp_path.name,
        **NARROW[method if method in NARROW else method.split('/')[1]],
    }
    if 'queue_size' in config.model:
        options['model.queue_size'] = 32
    if config.model.type == 'SkeletonClassifier':
        options['model.num_classes'] = 3
        options.pop('model.encoder.hidden_size', None)
    for name, head in config.model.get('heads', {}).items():
        options |= {
            f'model.heads.{name}.{key}': 1
            for key in ('start_epoch', 'end_epoch')
            if head and head.get(key)
        }
        if head and head.type == 'HaLPHead':
            options |= {f'model.heads.{name}.{key}': 3 for key in ('num_prototypes', 'num_newest')}
    config = load_config(config.filename, options)
    config.visualizer.name = config.experiment_name  # mmengine keeps visualizers by name
    runner = train(config, tmp_path / 'work')
    logged = {
        name.removeprefix('train/'): torch.as_tensor(buffer.data[0])
        for name, buffer in runner.message_hub.log_scalars.items()
    }
    assert all(values.isfinite().all() for values in logged.values())
    assert {f'{name}/loss' for name in METHODS[method]} <= set(logged)
    networks = getattr(runner.model, 'query_networks', None) or runner.model.encoder
    wrapper = getattr(runner.optim_wrapper, 'main', runner.optim_wrapper)
    steps = wrapper.optimizer.state  # of the parameters that had a gradient
    assert not [name for name, value in networks.named_parameters() if value not in steps]

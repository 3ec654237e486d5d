"""Every config, and that they say what the papers say."""

from pathlib import Path

import pytest
from mmengine.config import Config

from halp_mm.registry import DATASETS, MODELS, PROTOCOLS
from tests.conftest import write_random_clips
from tests.runs import ROOT

CONFIGS = sorted((ROOT / 'configs').glob('[a-z]*/*.py'))
PAPER = [
    f'bigru_{name}'
    for name in ('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset', 'pku2_xsub')
]
SMALL = ['bigru_msr-action3d_xsub', 'bigru_synthetic_xsub']


def config_id(path: Path) -> str:
    return f'{path.parent.name}/{path.stem}'


def test_there_is_a_config_for_every_method_and_data_set():
    expected = {f'{method}/{name}' for method in ('halp', 'moco') for name in PAPER + SMALL}
    assert {config_id(path) for path in CONFIGS} == expected


@pytest.mark.parametrize('path', CONFIGS, ids=config_id)
def test_config_builds_and_computes_a_loss(path, tmp_path):
    config = Config.fromfile(path)
    config.model.encoder.hidden_size = 8  # the paper's 1024 are a test of patience only
    config.model.queue_size = 512
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    data_file = write_random_clips(
        tmp_path / 'clips.safetensors', layout=config.model.encoder.layout
    )
    dataset = DATASETS.build(
        {**config.train_dataloader.dataset, 'data_file': data_file, 'split': 'train'}
    )
    from halp_mm.datasets import pad_clips

    batch = pad_clips([dataset[i] for i in range(4)])
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    assert losses['loss_moco'].isfinite()
    assert set(config.protocols) == {'knn', 'linear'}
    for protocol in config.protocols.values():
        PROTOCOLS.build(protocol)
    assert config.test_dataset.data_file == config.train_dataloader.dataset.data_file
    split = path.stem.split('_')[-1]
    assert config.train_dataloader.dataset.split == f'{split}_train'
    assert config.test_dataset.split == f'{split}_test'
    assert config.test_dataset.prepare_with.endswith(f'--out {config.test_dataset.data_file}')


@pytest.mark.parametrize('name', PAPER)
def test_papers_settings(name):
    """HaLP, Sec. 4.2."""
    config = Config.fromfile(ROOT / 'configs' / 'halp' / f'{name}.py')
    model, is_pku = config.model, name.startswith('bigru_pku')
    assert (model.encoder.num_layers, model.encoder.hidden_size) == (3, 1024)
    assert (model.queue_size, model.momentum, model.projector.out_dim) == (16384, 0.999, 128)
    assert config.train_dataloader.batch_size == 64
    assert config.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4
    )
    assert config.train_cfg.max_epochs == (1000 if is_pku else 450)
    assert config.param_scheduler[0].milestones == [800 if is_pku else 350]
    moco, halp = (MODELS.build(head) for head in model.heads)
    assert moco.temperature == halp.temperature == 0.07
    assert (halp.num_positives, halp.num_prototypes, halp.num_newest) == (100, 20, 256)
    assert (halp.update_interval, halp.hardness) == (5, 0.8)
    assert (halp.weight, halp.start_epoch) == (1, 200)
    assert (halp.anchor, halp.direction, halp.rank_filter) == ('key', 'prototype', True)
    assert not halp.hardest_only
    assert not halp.release_range
    assert not halp.skip_closest
    query, key = config.data_preprocessor.views.query, config.data_preprocessor.views.key
    assert query == key
    crop, choice = query
    assert (crop.ratio, crop.min_frames, crop.num_frames) == ((0.1, 1.0), 64, 64)
    assert choice.transforms == [
        dict(type='Shear', amplitude=1.0),
        dict(type='JointCorruption', joint_ratio=0.6),
    ]


@pytest.mark.parametrize('name', PAPER + SMALL)
def test_halp_is_its_baseline_with_one_more_head(name):
    halp, moco = (
        Config.fromfile(ROOT / 'configs' / method / f'{name}.py').to_dict()
        for method in ('halp', 'moco')
    )
    baseline_heads, heads = moco['model'].pop('heads'), halp['model'].pop('heads')
    assert heads[:-1] == baseline_heads
    assert heads[-1]['type'] == 'HaLPHead'
    assert halp == moco


def test_the_papers_encoder_has_its_size():
    config = Config.fromfile(ROOT / 'configs' / 'halp' / 'bigru_ntu60_xsub.py')
    encoder = MODELS.build(config.model.encoder)
    assert encoder.feature_dim == 2048
    assert encoder.input_norm.num_features == 150
    assert not encoder.bidirectional
    assert encoder.pooling == 'last'

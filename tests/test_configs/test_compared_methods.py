"""The configs of the methods that the papers compare with say what these and their releases say."""

import pytest
from mmengine.config import Config

from halp_mm.registry import MODELS, PROTOCOLS, TRANSFORMS
from tests.runs import ROOT

NTU = ['ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset']


def load(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}.py')


def kinds(view: list) -> list[str]:
    """The types of a view's transforms; of a choice of one, the chosen with a question mark."""
    return [
        f'{t["transforms"][0]["type"]}?' if t['type'] == 'RandomChoice' else t['type'] for t in view
    ]


@pytest.mark.parametrize('name', NTU)
def test_ascal(name):
    config = load(f'ascal/lstm_{name}')
    model = config.model
    encoder = MODELS.build(model.encoder)
    assert (encoder.feature_dim, len(encoder.cells)) == (256, 1)
    assert (encoder.pooling, encoder.pools_all_frames) == ('mean', False)
    assert model.projector == dict(type='FeatureAsEmbedding')
    assert (model.queue_size, model.momentum) == (16384, 0.999)
    assert model.heads == dict(moco=dict(type='MoCoHead', temperature=0.06))
    assert config.train_dataloader.batch_size == 32
    assert config.train_cfg.max_epochs == 60
    assert config.param_scheduler[0].milestones == [30]
    assert config.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4
    )
    views = config.data_preprocessor.views
    assert views.query == views.key
    assert kinds(views.query) == ['FixedLength', 'TemporalFlip?', 'Shear']
    assert views.query[0].num_frames == 150
    assert [t.type for t in config.data_preprocessor.normalization] == ['SubtractJoint']
    linear = PROTOCOLS.build(config.protocols.linear)
    assert (linear.learning_rate, linear.weight_decay, linear.batch_size) == (1.0, 0, 32)
    assert (linear.milestones, linear.gamma) == ((15, 35, 60, 75, 90), 0.5)


def test_what_ascals_release_does_is_an_option():
    released, default = load('ascal/lstm_ntu60_xsub_release'), load('ascal/lstm_ntu60_xsub')
    assert released.model.encoder.pop('pools_all_frames')
    assert released.model.heads.moco.pop('start_epoch') == 1
    assert released.model == default.model
    assert released.train_cfg.max_epochs == 61


@pytest.mark.parametrize('name', NTU)
def test_skeletonbt_skt_and_pstl(name):
    skeletonbt, skt, pstl = (load(f'{m}/stgcn_{name}') for m in ('skeletonbt', 'skt', 'pstl'))
    model = skeletonbt.model
    assert model.encoder == load(f'skeletonclr/stgcn_{name}').model.encoder
    assert model.projector == dict(
        type='Projector',
        hidden_dim=[6144, 6144],
        out_dim=6144,
        normalize=False,
        batch_norm=True,
        bias=False,
    )
    assert model.heads.moco is None
    assert model.heads.twins == dict(type='CrossCorrelationHead', off_diagonal_weight=2e-4)
    assert skeletonbt.optim_wrapper.optimizer == dict(type='Adam', lr=5e-3, weight_decay=1e-5)
    assert skeletonbt.train_cfg.max_epochs == 150
    warm_up, falling = skeletonbt.param_scheduler
    assert (warm_up.end, falling.begin, falling.end, falling.T_max) == (10, 10, 150, 140)
    assert skeletonbt.train_dataloader.batch_size == 128
    view = skeletonbt.data_preprocessor.views.query
    assert kinds(view) == ['TemporalShiftCrop', 'Shear', 'Rotate', 'SpatialFlip?']
    assert (view[1].amplitude, view[2].main_degrees, view[2].other_degrees) == (1, (0, 30), (0, 1))
    assert skeletonbt.data_preprocessor.views.other_query == view
    linear = PROTOCOLS.build(skeletonbt.protocols.linear)
    assert (linear.optimizer, linear.cosine, linear.learning_rate) == ('Adam', True, 0.01)
    assert linear.epochs == 150

    assert skt.model.heads.twins.pop('instance_weight') == 1
    assert skt.model == model

    assert pstl.model.heads.twins.other_view == 'fewer_frames'
    assert pstl.model.heads.spatial_twins.other_view == 'fewer_joints'
    for head in (pstl.model.heads.twins, pstl.model.heads.spatial_twins):
        assert MODELS.build(head).off_diagonal_weight == 2e-4
    views = {k: v for k, v in pstl.data_preprocessor.views.items() if v}
    assert list(views) == ['query', 'fewer_frames', 'fewer_joints']
    assert all(other[:4] == view for other in views.values())
    assert TRANSFORMS.build(views['fewer_frames'][4]).num_frames == 10
    assert TRANSFORMS.build(views['fewer_joints'][4]).num_draws == 8


def test_skeletonbts_release_draws_for_a_batch():
    released, default = (load(f'skeletonbt/stgcn_ntu60_xsub{x}') for x in ('_release', ''))
    for view in ('query', 'other_query'):
        (together,) = released.data_preprocessor.views.pop(view)
        assert together == dict(
            type='SameDraws', transforms=default.data_preprocessor.views.pop(view)
        )
    assert released.data_preprocessor == default.data_preprocessor
    assert released.model == default.model


def test_va_lstm():
    config = load('va_lstm/lstm_ntu60_xsub')
    encoder = MODELS.build(config.model.encoder)
    assert (encoder.feature_dim, len(encoder.encoder.cells)) == (100, 3)
    adaptation = encoder.view_adaptation
    assert (adaptation.view_of, adaptation.noise_std) == ('frame', 0.075)
    assert {network.feature_dim for network in adaptation.networks.values()} == {100}
    assert {m.p for m in encoder.modules() if type(m).__name__ == 'Dropout'} == {0.5}
    assert encoder.encoder.cells[0].weight_hh_l0.abs().max() < 1.1e-3
    assert config.optim_wrapper.optimizer == dict(type='Adam', lr=5e-3)
    assert config.optim_wrapper.clip_grad == dict(max_norm=1.0)
    assert config.train_dataloader.batch_size == 256
    length, turn = config.data_preprocessor.views.clip
    assert length == dict(type='FixedLength', num_frames=300)
    assert turn.main_degrees == turn.other_degrees == (-17.2, 17.2)  # 0.3 radians
    assert config.data_preprocessor.evaluation_view == [length]


def test_agcn_and_raw_stgcn_see_300_frames():
    agcn, raw = load('aagcn/agcn_ntu60_xsub'), load('stgcn/stgcn_ntu60_xsub_raw')
    assert agcn.data_preprocessor.views.clip == [
        dict(type='FixedLength', num_frames=300, fill='repeat')
    ]
    assert kinds(raw.data_preprocessor.views.clip) == ['FixedLength', 'RandomMove']
    assert raw.data_preprocessor.normalization == []
    assert raw.model == load('stgcn/stgcn_ntu60_xsub').model


@pytest.mark.parametrize('name', [*NTU, 'pku2_xsub'])
def test_crosclr_b_is_crosclr_on_cmds_encoder(name):
    config, cmd = load(f'crosclr_b/bigru_{name}'), load(f'cmd/bigru_{name}')
    mining = config.model.heads.pop('cross_stream')
    assert config.model.heads.moco.pop('end_epoch') == mining.start_epoch
    assert mining.start_epoch < config.param_scheduler[0].milestones[0]
    cmd.model.heads.pop('cmd')
    assert config.model == cmd.model
    for key in ('train_cfg', 'param_scheduler', 'optim_wrapper', 'protocols', 'data_preprocessor'):
        assert config[key] == cmd[key]


@pytest.mark.parametrize('name', ['ntu60_xsub', 'synthetic_xsub'])
def test_free_combinations_change_one_thing(name):
    cmd, adapted = load(f'cmd/bigru_{name}'), load(f'cmd/va-bigru_{name}')
    wrapper = adapted.model.pop('encoder')
    assert wrapper.encoder == cmd.model.pop('encoder')
    assert adapted.model == cmd.model
    halp, agcn = load(f'halp/bigru_{name}'), load(f'halp/agcn_{name}')
    assert agcn.model.pop('encoder').type == 'AGCN'
    assert halp.model.pop('encoder').type == 'BiGRU'
    assert agcn.model == halp.model


@pytest.mark.parametrize('name', NTU)
def test_gl_transformer(name):
    config = load(f'gl_transformer/gltransformer_{name}')
    encoder = config.model.encoder
    assert (encoder.embed_dim, encoder.depth, encoder.num_heads) == (48, 4, 8)
    head = MODELS.build(config.model.heads.displacement)
    assert (head.intervals, head.magnitude_step) == ((1, 5, 10), 0.01)
    assert (head.trajectory_weight, head.magnitude_weight, head.as_released) == (0.05, 1, False)
    assert config.optim_wrapper.optimizer == dict(type='AdamW', lr=5e-5, weight_decay=0.1)
    assert config.param_scheduler == [dict(type='ExponentialLR', gamma=0.99)]
    assert (config.train_cfg.max_epochs, config.train_dataloader.batch_size) == (120, 128)
    stretch, shear = config.data_preprocessor.views.clean
    assert stretch == dict(type='TemporalStretch', amplitude=0.1, max_frames=300)
    assert shear == dict(type='Shear', amplitude=0.3, keep_center=True)
    linear = PROTOCOLS.build(config.protocols.linear)
    assert (linear.optimizer, linear.learning_rate, linear.milestones) == ('Adam', 3e-3, ())
    assert (linear.epochs, linear.batch_size) == (120, 1024)
    assert config.protocols.linear.train_view == [stretch]


def test_gl_transformers_release_weighs_paths_of_the_first_interval():
    name = 'gl_transformer/gltransformer_ntu60_xsub'
    released, default = load(f'{name}_release'), load(name)
    assert released.model.heads.displacement.pop('as_released')
    assert released.model == default.model

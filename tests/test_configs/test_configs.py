"""Every config, and that they say what the papers say."""

from pathlib import Path

import pytest
from mmengine.config import Config

from halp_mm.apis import load_config
from halp_mm.datasets import pad_clips
from halp_mm.engine.saved_model import ModelDescription, describe_model
from halp_mm.models import HeadTerm, InferenceModel, PretrainingHead
from halp_mm.models.pretrainers.head_term import build_head
from halp_mm.registry import DATASETS, HOOKS, MODELS, PROTOCOLS
from tests.conftest import write_random_clips
from tests.runs import ROOT

CONFIGS = [
    path
    for path in sorted((ROOT / 'configs').glob('[a-z]*/**/*.py'))
    if path.parent.name != 'benchmark'  # sets without a method
]
PAPER = [
    f'bigru_{name}'
    for name in ('ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset', 'pku2_xsub')
]
SMALL = ['bigru_msr-action3d_xsub', 'bigru_synthetic_xsub']
KINECT_V1 = [f'bigru_{name}' for name in ('nw-ucla_xsub', 'nw-ucla_xview', 'utd-mhad_xsub')]
SUPERVISED = {
    'ntu60_xsub': 60,
    'ntu60_xview': 60,
    'ntu120_xsub': 120,
    'ntu120_xset': 120,
    'pku1_xsub': 51,
    'pku2_xsub': 51,
    'msr-action3d_xsub': 20,
    'synthetic_xsub': 14,
}
GCN_PAPER = [name for name in SUPERVISED if name.split('_')[0] not in ('msr-action3d', 'synthetic')]
COMBINATIONS = [
    f'{method}_{name}'
    for name in ('ntu60_xsub', 'msr-action3d_xsub')
    for method in ('halp/stgcn', 'aimclr/bigru', 'halp_aimclr/stgcn')
]
SMALL_SETS = [
    'synthetic_xsub',
    'msr-action3d_xsub',
    'nw-ucla_xsub',
    'nw-ucla_xview',
    'utd-mhad_xsub',
]
NTU = ['ntu60_xsub', 'ntu60_xview', 'ntu120_xsub', 'ntu120_xset']
PKU = ['pku1_xsub', 'pku2_xsub']
#: Methods that the papers compare with: their encoder in file names, and the papers' data sets.
COMPARED = {
    'ascal': ('lstm', NTU),
    'skeletonbt': ('stgcn', NTU + PKU),
    'skt': ('stgcn', NTU),
    'pstl': ('stgcn', NTU + PKU),
    'crosclr_b': ('bigru', [*NTU, 'pku2_xsub']),
    'va_lstm': ('lstm', NTU + PKU),
    'aagcn': ('agcn', NTU + PKU),
    'pc': ('bigru', [*NTU, 'pku2_xsub', 'msrc12_xsub']),
    'sebirenet': ('sebirenet', [*NTU, 'msrc12_xsub']),
    'colorization': ('dgcnn', [*NTU, 'msrc12_xsub']),
    'longt_gan': ('gru', [*NTU, *PKU, 'msrc12_xsub']),
    'mamp': ('transformer', [*NTU, 'pku2_xsub', 'msrc12_xsub']),
    'mae': ('transformer', [*NTU, 'pku2_xsub', 'msrc12_xsub']),
    'slim': ('transformer', [*NTU, 'pku2_xsub', 'msrc12_xsub']),
    'h_transformer': ('transformer', ['ntu60_xsub', 'ntu60_xview', 'msrc12_xsub']),
    'usdrl': ('dste', [*NTU, 'pku2_xsub', 'msrc12_xsub']),
    'gl_transformer': ('gltransformer', [*NTU, 'msrc12_xsub']),
    'halp_mamp': ('transformer', ['msrc12_xsub']),
    'halp_slim': ('transformer', ['msrc12_xsub']),
    'barlow_twins': ('bigru', []),
    'halp_barlow_twins': ('bigru', []),
    'moco_nnm': ('bigru', ['msrc12_xsub']),
    'halp_nnm': ('bigru', ['msrc12_xsub']),
    'aimclr_masked': ('stgcn', ['msrc12_xsub']),
    'ms2l': ('bigru', [*NTU, *PKU, 'msrc12_xsub']),
}
FREE_COMBINATIONS = [
    'halp/agcn_ntu60_xsub',
    'halp/agcn_synthetic_xsub',
    'cmd/va-bigru_ntu60_xsub',
    'cmd/va-bigru_synthetic_xsub',
]
VARIANTS = [
    'pc/bigru_ntu60_xsub_fixed-state',
    'pc/bigru_synthetic_xsub_fixed-state',
    'pc/bigru_nw-ucla_xview_release',
]
RELEASES = [
    f'{name}_ntu60_xsub_release'
    for name in (
        *('halp/bigru', 'aimclr/stgcn', 'ascal/lstm', 'skeletonbt/stgcn'),
        'ms2l/bigru',
        'h_transformer/transformer',
        'gl_transformer/gltransformer',
    )
]
PREDICTIONS = ['masked_reconstruction', 'self_distillation', 'halp_masked']
#: The encoders that come with the package, by the layouts in their names.
IMPROVISED = ['kinect-v2', 'kinect-v1', 'h36m17', 'coco17']
METHODS = {
    'moco': 'MoCo',
    'halp': 'HaLP',
    'cmd': 'CMD',
    'halp_cmd': 'HaLP + CMD',
    'isc': 'ISC',
    'skeletonclr': 'SkeletonCLR',
    'aimclr': 'AimCLR',
    'crosclr': 'CrosSCLR',
    'aimclr_crosclr': 'AimCLR + CrosSCLR',
    'halp_aimclr': 'HaLP + AimCLR',
    'stgcn': 'ST-GCN',
    'mamp': 'MAMP',
    'mae': 'MAE',
    'barlow_twins': 'Barlow Twins',
    'masked_reconstruction': 'Masked reconstruction',
    'self_distillation': 'Self-distillation',
    'halp_masked': 'HaLP + masked reconstruction',
    'ascal': 'AS-CAL',
    'skeletonbt': 'SkeletonBT',
    'skt': 'SKT',
    'pstl': 'PSTL',
    'crosclr_b': 'CrosSCLR',
    'va_lstm': 'VA-LSTM',
    'aagcn': '2s-AGCN',
    'sebirenet': 'SeBiReNet',
    'colorization': 'Colorization',
    'longt_gan': 'LongT GAN',
    'pc': 'P&C',
    'ms2l': 'MS2L',
    'halp_barlow_twins': 'HaLP + Barlow Twins',
    'moco_nnm': 'MoCo + NNM',
    'halp_nnm': 'HaLP + NNM',
    'slim': 'SLiM',
    'usdrl': 'USDRL',
    'h_transformer': 'H-Transformer',
    'gl_transformer': 'GL-Transformer',
    'halp_mamp': 'HaLP + MAMP',
    'halp_slim': 'HaLP + SLiM',
    'aimclr_masked': 'AimCLR + masked views',
    'supcon': 'SupCon',
}
ISC_PAIRS = [
    *(f'bigru-agcn_{name.removeprefix("bigru_")}' for name in PAPER),
    *(f'bigru-agcn_{name}' for name in SMALL_SETS),
    *('bigru-stgcn_synthetic_xsub', 'bigru-hcn_ntu60_xsub', 'agcn-hcn_ntu60_xsub'),
    *('bigru-hcn_msr-action3d_xsub', 'bigru-hcn_synthetic_xsub'),
]
ABLATIONS = ['extreme', 'normal-extreme', 'eadm', 'paper-drop', '100e', '150e', '200e']


NARROW = dict(
    BiGRU=dict(hidden_size=8),
    STGCN=dict(base_channels=4, stages=(1, 1), feature_dim=8),
    HCN=dict(base_channels=4),
    SpatioTemporalTransformer=dict(embed_dim=16, depth=1),
    SLiMTransformer=dict(embed_dim=16, depth=1),
    DSTE=dict(embed_dim=16, depth=1),
    GLTransformer=dict(embed_dim=4, depth=1, num_heads=2),
    AGCN=dict(base_channels=4, stages=(1, 1), feature_dim=8),
    LSTM=dict(hidden_size=8),
    HierarchicalTransformer=dict(hidden_size=16),
    ViewAdaptedEncoder=dict(hidden_size=4),
    SeBiReNet=dict(hidden_size=4, code_dim=2),
    DGCNN=dict(channels=(4, 4), feature_dim=8, num_neighbours=4),
)


HALP_ABLATIONS = {
    **{f'lambda{10 * value:02.0f}': ('hardness', value) for value in (0.2, 0.4, 0.6, 1.0)},
    **{f'prototypes{count}': ('num_prototypes', count) for count in (10, 40, 60)},
    'anchor-query': ('anchor', 'query'),
    'hardest-only': ('hardest_only', True),
    'towards-query': ('direction', 'query'),
}


def narrow(config: Config) -> list[dict]:
    """Make a config's encoders and projector narrow: the papers' widths only test patience.

    Returns:
        The configs of the encoders; of one around another, the inner one's.
    """
    encoder = config.model.encoder
    encoders = [encoder] if 'type' in encoder else [e for e in encoder.values() if e]
    for encoder in encoders:
        encoder.update(NARROW[encoder.type])
        if 'encoder' in encoder:
            encoder.encoder.update(NARROW[encoder.encoder.type])
    if (config.model.get('projector') or {}).get('hidden_dim'):
        config.model.projector.update(hidden_dim=[8, 8], out_dim=8)
    for head in (config.model.get('heads') or {}).values():
        for projector in ('projector', 'part_projector'):
            if head and projector in head:
                head[projector].update(hidden_dim=[8], out_dim=8)
        if head and head.get('num_prototypes', 0) > 256:
            head.num_prototypes = 256
        if head and 'hidden_dim' in head:
            head.hidden_dim = 8
    return [encoder.get('encoder', encoder) for encoder in encoders]


def load(name: str) -> dict:
    """A config, without its name and helper variables."""
    config = Config.fromfile(ROOT / 'configs' / f'{name}.py').to_dict()
    for key in ('method', 'extreme'):
        config.pop(key, None)
    return config


def built_heads(model: dict) -> tuple[dict[str, HeadTerm], list[PretrainingHead]]:
    """The heads of a model's config, and how they count."""
    pairs = {name: build_head(name, head, ['joint']) for name, head in model['heads'].items()}
    return {name: term for name, (term, _) in pairs.items()}, [head for _, head in pairs.values()]


def config_id(path: Path) -> str:
    return path.relative_to(ROOT / 'configs').with_suffix('').as_posix()


def test_there_is_a_config_for_every_method_and_data_set():
    expected = {
        f'{method}/{name}'
        for method in ('halp', 'moco', 'cmd', 'halp_cmd')
        for name in PAPER + SMALL
    }
    expected |= {
        f'{method}/stgcn_{name}'
        for method in ('stgcn', 'skeletonclr', 'aimclr', 'crosclr', 'aimclr_crosclr')
        for name in SUPERVISED
    }
    expected |= {
        f'{method}/{name}' for method in ('halp', 'moco', 'cmd', 'halp_cmd') for name in KINECT_V1
    }
    expected |= {
        f'{method}/stgcn_{name}'
        for method in ('stgcn', 'skeletonclr', 'aimclr', 'crosclr')
        for name in SMALL_SETS
    }
    expected |= {*COMBINATIONS, *RELEASES, *FREE_COMBINATIONS, *VARIANTS}
    expected |= {
        f'{method}/{encoder}_{name}'
        for method, (encoder, names) in COMPARED.items()
        for name in names + SMALL_SETS
    }
    expected |= {f'stgcn/stgcn_{name}_raw' for name in NTU + PKU}
    expected |= {f'{method}/bigru_synthetic_xsub' for method in PREDICTIONS}
    expected |= {f'supcon/bigru_improvised_{name}' for name in IMPROVISED}
    expected |= {f'isc/{name}' for name in ISC_PAIRS}
    expected |= {f'aimclr/ablation/stgcn_ntu60_xsub_{name}' for name in ABLATIONS}
    expected |= {f'halp/ablation/bigru_ntu60_xsub_{name}' for name in HALP_ABLATIONS}
    assert {config_id(path) for path in CONFIGS} == expected


@pytest.mark.parametrize('path', CONFIGS, ids=config_id)
def test_config_builds_and_computes_a_loss(path, tmp_path):
    config = Config.fromfile(path)
    encoders = narrow(config)
    if 'queue_size' in config.model:
        config.model.queue_size = 512
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    layout = encoders[0].get('layout', 'kinect_v2')
    data_file = write_random_clips(tmp_path / 'clips.safetensors', layout=layout)
    dataset = DATASETS.build(
        {**config.train_dataloader.dataset, 'data_file': data_file, 'split': 'train'}
    )
    batch = pad_clips([dataset[i] for i in range(4)])
    losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
    total, _ = model.parse_losses(losses)
    assert total.requires_grad
    assert all(value.isfinite() for value in losses.values())
    is_classifier = config.model.type == 'SkeletonClassifier'
    own = {'classifier'} if is_classifier else {'finetune', 'semi', 'transfer'}
    if config.method == 'SeBiReNet':
        own.add('recurrent')
    shared = {'knn', 'coordinates', 'retrieval', 'linear', 'few_shot'}
    if 'linear_crops' in config.protocols:
        own |= {'linear_crops', 'few_shot_crops'}
    assert set(config.protocols) == shared | own
    for protocol in config.protocols.values():
        PROTOCOLS.build(protocol)
    for hook in config.default_hooks.values():
        HOOKS.build(hook)
    assert config.method == METHODS[config_id(path).split('/')[0]]
    train_clips, test_clips = config.train_dataloader.dataset, config.test_dataset
    assert train_clips.prepare_with.endswith(f'--out {train_clips.data_file}')
    split = path.stem.split('_')[2]
    if split in IMPROVISED:  # labels are pieces
        assert test_clips is None
        assert f'--layout {layout} ' in train_clips.prepare_with
    else:
        assert train_clips.split == f'{split}_train'
        assert test_clips.split == f'{split}_test'
        for key in ('data_file', 'prepare_with'):
            assert test_clips[key] == train_clips[key]
    # A file can describe what inference needs of it.
    described = describe_model(config, InferenceModel.of(model), dataset)
    assert ModelDescription.from_dict(described.to_dict()).streams == model.sources


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
    terms, (moco, halp) = built_heads(model)
    assert terms['halp'] == HeadTerm('halp', ('joint',), 1, 200)
    assert moco.temperature == halp.temperature == 0.07
    assert (halp.num_positives, halp.num_prototypes, halp.num_newest) == (100, 20, 256)
    assert (halp.update_interval, halp.hardness) == (5, 0.8)
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


@pytest.mark.parametrize('name', PAPER + SMALL + KINECT_V1)
def test_halp_is_its_baseline_with_one_more_head(name):
    halp, moco = (load(f'{method}/{name}') for method in ('halp', 'moco'))
    assert halp['model']['heads'].pop('halp')['type'] == 'HaLPHead'
    assert halp == moco


@pytest.mark.parametrize('name', HALP_ABLATIONS)
def test_an_ablation_of_halp_changes_one_option(name):
    halp = load('halp/bigru_ntu60_xsub')
    varied = load(f'halp/ablation/bigru_ntu60_xsub_{name}')
    option, value = HALP_ABLATIONS[name]
    assert varied['model']['heads']['halp'].pop(option) == value
    assert varied == halp


@pytest.mark.parametrize('name', PAPER + SMALL)
def test_cmd_is_the_baseline_on_three_streams_and_halp_cmd_has_one_more_head(name):
    moco, cmd, halp_cmd, halp = (
        load(f'{method}/{name}') for method in ('moco', 'cmd', 'halp_cmd', 'halp')
    )
    assert cmd['model'].pop('streams') == ['joint', 'motion', 'bone']
    assert halp_cmd['model'].pop('streams') == ['joint', 'motion', 'bone']
    assert moco['model'].pop('streams') == ['joint']
    distilling = cmd['model']['heads'].pop('cmd')
    head = MODELS.build({key: distilling[key] for key in distilling if key != 'start_epoch'})
    assert (head.teacher_temperature, head.student_temperature) == (0.05, 0.1)
    assert head.top_k * 2 == moco['model']['queue_size']
    hallucinating = halp['model']['heads']['halp']
    assert halp_cmd['model']['heads'].pop('cmd') == distilling
    assert halp_cmd['model']['heads'].pop('halp') == hallucinating
    assert cmd == halp_cmd
    assert moco == cmd


@pytest.mark.parametrize('name', SUPERVISED)
@pytest.mark.parametrize('method', ['skeletonclr', 'aimclr'])
def test_mining_across_streams_takes_over_in_the_second_stage(method, name):
    crossing = {'skeletonclr': 'crosclr', 'aimclr': 'aimclr_crosclr'}[method]
    alone, across = (load(f'{one}/stgcn_{name}') for one in (method, crossing))
    assert across['model'].pop('streams') == ['joint', 'motion', 'bone']
    assert alone['model'].pop('streams') == ['joint']
    half = alone['train_cfg']['max_epochs'] // 2
    mining = across['model']['heads'].pop('cross_stream')
    assert {'temperature': 0.07, **mining} == dict(
        type='CrossStreamHead', temperature=0.07, start_epoch=half
    )
    alone['model']['heads']['moco']['end_epoch'] = half
    assert alone == across


@pytest.mark.parametrize('name', ISC_PAIRS)
def test_representations_are_contrasted_with_each_other(name):
    config = Config.fromfile(ROOT / 'configs' / 'isc' / f'{name}.py')
    pair = name.split('_')[0].split('-')
    encoders = {name: encoder for name, encoder in config.model.encoder.items() if encoder}
    assert [encoder.type.lower() for encoder in encoders.values()] == pair
    kinds = {'sequence': 'bigru', 'graph': ('agcn', 'stgcn'), 'image': 'hcn'}
    assert all(one in kinds[name] for name, one in zip(encoders, pair))
    assert config.model.streams == dict.fromkeys(encoders, 'joint')
    inter_skeleton = dict(type='InterSkeletonHead', temperature=0.07)
    assert config.model.heads == dict(moco=None, inter_skeleton=inter_skeleton)


def test_the_papers_encoder_has_its_size():
    config = Config.fromfile(ROOT / 'configs' / 'halp' / 'bigru_ntu60_xsub.py')
    encoder = MODELS.build(config.model.encoder)
    assert encoder.feature_dim == 2048
    assert encoder.input_norm.num_features == 150
    assert not encoder.bidirectional
    assert encoder.pooling == 'last'


@pytest.mark.parametrize('name', SUPERVISED)
def test_supervised_settings(name):
    """ST-GCN's release; classes and layout are the data set's."""
    config = Config.fromfile(ROOT / 'configs' / 'stgcn' / f'stgcn_{name}.py')
    assert config.model.num_classes == SUPERVISED[name]
    is_msr = name == 'msr-action3d_xsub'
    assert config.model.encoder.get('layout') == ('msr_action3d' if is_msr else None)
    (relative,) = config.data_preprocessor.normalization
    is_small = name in SMALL_SETS
    assert (relative.type, relative.num_frames) == ('RelativeNormalize3D', 32 if is_small else 50)
    assert config.train_dataloader.dataset.data_file.startswith(f'data/{name.split("_")[0][:3]}')
    if is_small:
        return
    assert config.data_preprocessor.views == dict(clip=[])
    assert config.train_dataloader.batch_size == 64
    assert config.train_cfg.max_epochs == 80
    assert config.param_scheduler[0].milestones == [10, 50]
    assert config.optim_wrapper.optimizer == dict(
        type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4
    )
    encoder = MODELS.build(config.model.encoder)
    widths = [block.temporal_convolution.out_channels for block in encoder.blocks]
    assert widths == [64] * 4 + [128] * 3 + [256] * 3
    assert [block.temporal_convolution.stride[0] for block in encoder.blocks] == (
        [1, 1, 1, 1, 2, 1, 1, 2, 1, 1]
    )


@pytest.mark.parametrize('name', GCN_PAPER)
def test_aimclrs_settings(name):
    """AimCLR, Sec. 4; SkeletonCLR is the same with the normal views and InfoNCE alone."""
    aimclr, skeletonclr = (load(f'{method}/stgcn_{name}') for method in ('aimclr', 'skeletonclr'))
    model = aimclr['model']
    assert (model['queue_size'], model['momentum']) == (32768, 0.999)
    assert model['projector']['out_dim'] == 128
    assert aimclr['train_dataloader']['batch_size'] == 128
    assert aimclr['train_cfg']['max_epochs'] == 300
    assert aimclr['param_scheduler'][0]['milestones'] == [250]
    assert aimclr['optim_wrapper']['optimizer'] == dict(
        type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4
    )
    encoder = MODELS.build(model['encoder'])
    widths = [block.temporal_convolution.out_channels for block in encoder.blocks]
    assert widths == [16] * 4 + [32] * 3 + [64, 64, 256]
    terms, (moco, nnm, d3m) = built_heads(model)
    assert moco.temperature == nnm.temperature == d3m.temperature == 0.07
    assert (nnm.top_k, nnm.reduction) == (1, 'sum')
    assert terms == {
        'moco': HeadTerm('moco', ('joint',), 1, 0, 150),
        'nnm': HeadTerm('nnm', ('joint',), 1, 150),
        'd3m': HeadTerm('d3m', ('joint',), 1, 0),
    }
    linear = aimclr['protocols']['linear']
    assert (linear['epochs'], linear['batch_size'], linear['learning_rate']) == (100, 128, 3.0)
    assert linear['milestones'] == [80]
    assert 'train_view' not in linear
    model.pop('derived_maps')
    model.pop('heads')
    assert skeletonclr['model'].pop('heads') == dict(moco=dict(type='MoCoHead', temperature=0.07))
    aimclr['data_preprocessor']['views'].pop('extreme')
    assert aimclr == skeletonclr


@pytest.mark.parametrize('method', ['moco', 'halp', 'cmd', 'halp_cmd', 'moco_nnm', 'halp_nnm'])
def test_small_configs_can_show_crops_of_labelled_clips(method):
    protocols = load(f'{method}/bigru_msr-action3d_xsub')['protocols']
    linear, few_shot = (
        PROTOCOLS.build(protocols[f'{name}_crops']) for name in ('linear', 'few_shot')
    )
    assert (linear.num_views, few_shot.num_views) == (16, 8)
    assert linear.train_view.is_random
    whole = PROTOCOLS.build(protocols['linear'])
    for name in (
        'standardize',
        'learning_rate',
        'weight_decay',
        'epochs',
        'milestones',
        'batch_size',
    ):
        assert getattr(linear, name) == getattr(whole, name), name


def test_releases_differ_by_their_recipes():
    halp = load('halp/bigru_ntu60_xsub_release')['model']['heads']['halp']
    assert halp == dict(
        type='HaLPHead',
        start_epoch=200,
        weight=2.0,
        update_interval=10,
        release_range=True,
        skip_closest=True,
    )
    nnm = load('aimclr/stgcn_ntu60_xsub_release')['model']['heads']['nnm']
    assert nnm == dict(type='NNMHead', temperature=0.07, start_epoch=150, reduction='mean')


@pytest.mark.parametrize('stream', ['bone', 'motion'])
@pytest.mark.parametrize('method', ['skeletonclr', 'aimclr', 'stgcn'])
def test_another_stream_is_an_option(method, stream):
    path = ROOT / 'configs' / method / 'stgcn_msr-action3d_xsub.py'
    config = load_config(path, {'model.streams': [stream]})
    config.model.encoder.update(NARROW['STGCN'])
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    assert list(model.encoders) == [stream]
    assert model.data_preprocessor.streams == (stream,)


@pytest.mark.parametrize('name', PAPER)
def test_mamps_settings(name):
    """MAMP, Sec. 4.2, and its release; its MAE baseline differs in what is hidden and predicted."""
    mamp, mae = (
        load(f'{method}/transformer_{name.removeprefix("bigru_")}') for method in ('mamp', 'mae')
    )
    encoder = MODELS.build(mamp['model']['encoder'])
    assert (encoder.feature_dim, encoder.num_frames, encoder.cell_frames) == (256, 120, 4)
    assert len(encoder.blocks) == 8 + 1  # a layer norm at the end
    assert abs(sum(p.numel() for p in encoder.parameters()) / 6.34e6 - 1) < 0.01
    assert mamp['train_dataloader']['batch_size'] == 128
    assert mamp['train_cfg']['max_epochs'] == 400
    head = mamp['model']['heads']['masked']
    assert (head.pop('target'), head['cell_frames']) == ('motion', 4)
    mask = mamp['data_preprocessor']['views'].pop('masked')
    tau = 0.75 if 'ntu120' in name else 0.8
    assert mask == dict(
        base='clean', transforms=[dict(type='MotionAwareMask', ratio=0.9, temperature=tau)]
    )
    assert mae['model']['heads']['masked'].pop('target') == 'coordinates'
    assert mae['data_preprocessor']['views'].pop('masked') == dict(
        base='clean', transforms=[dict(type='SpatioTemporalMask', ratio=0.9)]
    )
    assert mae == mamp

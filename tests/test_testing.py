"""The contract tests: our components pass, and components that break a promise are told which."""

import types

import numpy as np
import pytest
import torch

from halp_mm.models import (
    AGCN,
    DGCNN,
    DSTE,
    HCN,
    LSTM,
    STGCN,
    BiGRU,
    Encoder,
    GLTransformer,
    HierarchicalTransformer,
    PretrainingHead,
    Reads,
    SeBiReNet,
    SLiMTransformer,
    SpatioTemporalTransformer,
    StreamHead,
    ViewAdaptedEncoder,
)
from halp_mm.preparation import ClipFacts, FolderSource, Parsed, ParsedClip, RawFiles, Source
from halp_mm.registry import MODELS
from halp_mm.testing import check_encoder, check_head, check_reader, check_transform
from halp_mm.transforms import BatchTransform, RandomTransform, Shear

ENCODERS = {
    'BiGRU': lambda: BiGRU(hidden_size=8, num_layers=1),
    'true BiGRU': lambda: BiGRU('coco17', hidden_size=8, num_layers=1, bidirectional=True),
    'final BiGRU': lambda: BiGRU(
        hidden_size=8, num_layers=1, bidirectional=True, input_norm=None, pooling='final'
    ),
    'valid BiGRU': lambda: BiGRU(hidden_size=8, num_layers=1, bidirectional=True, pooling='valid'),
    'deviation BiGRU': lambda: BiGRU(
        hidden_size=8, num_layers=1, bidirectional=True, pooling='deviation', num_segments=2
    ),
    'STGCN': lambda: STGCN(base_channels=16, stages=(1, 1), feature_dim=6, dropout=0.1),
    'AGCN': lambda: AGCN(base_channels=4, stages=(1, 1), feature_dim=8),
    'DGCNN': lambda: DGCNN(channels=(8, 8), feature_dim=8, num_neighbours=5),
    'GLTransformer': lambda: GLTransformer(num_frames=32, embed_dim=8, depth=1, num_heads=2),
    'HierarchicalTransformer': lambda: HierarchicalTransformer(
        num_people=2, num_frames=32, hidden_size=16, dropout=0.0
    ),
    'HCN': lambda: HCN(num_frames=32, base_channels=4, image_width=16),
    'LSTM': lambda: LSTM(hidden_size=8),
    'SeBiReNet': lambda: SeBiReNet(hidden_size=4, code_dim=2, num_segments=2),
    'DSTE': lambda: DSTE(num_frames=32, embed_dim=8, depth=1, drop_path=0.0),
    'SLiMTransformer': lambda: SLiMTransformer(embed_dim=8, depth=1, num_heads=2),
    'SpatioTemporalTransformer': lambda: SpatioTemporalTransformer(
        num_frames=32, embed_dim=8, depth=1, num_heads=2, num_segments=2
    ),
    'ViewAdaptedEncoder': lambda: ViewAdaptedEncoder(dict(type='LSTM', hidden_size=8)),
}
TWO = ('joint', 'motion')
EXTREME = dict(
    derived_maps=dict(
        extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7)
    )
)
HEADS = [
    (dict(type='MoCoHead'), {}),
    (dict(type='HaLPHead', num_prototypes=3, num_newest=8), {}),
    (dict(type='CMDHead', top_k=4), dict(streams=TWO)),
    (dict(type='CrossStreamHead', top_k=1), dict(streams=TWO)),
    (dict(type='InterSkeletonHead'), dict(streams=TWO)),
    (dict(type='CrossCorrelationHead', view='query', other_view='extreme'), {}),
    (dict(type='ColorizationHead', grid_size=4, hidden_dim=8), {}),
    (dict(type='InpaintingHead', hidden_size=8, num_layers=1, discriminator_size=4), {}),
    (dict(type='MaskedPredictionHead', view='masked', target_view='clean'), {}),
    (dict(type='DenoisingSiameseHead'), dict(encoder=dict(type='SeBiReNet', hidden_size=4))),
    (
        dict(
            type='DecorrelationHead',
            part_projector=dict(
                type='Projector', hidden_dim=[8], out_dim=8, normalize=False, batch_norm=True
            ),
        ),
        dict(encoder=dict(type='DSTE', num_frames=16, embed_dim=8, depth=1, drop_path=0.0)),
    ),
    (dict(type='DirectionHead', num_units=4), {}),
    (dict(type='DisplacementHead', intervals=(1, 5)), {}),
    (dict(type='RegenerationHead'), {}),
    (dict(type='MotionPredictionHead'), {}),
    (dict(type='JigsawHead', hidden_dim=8), {}),
    (dict(type='MeanContrastHead'), {}),
    (dict(type='D3MHead', followers=['extreme', 'extreme_drop']), EXTREME),
    (dict(type='NNMHead', top_k=1), EXTREME),
    (dict(type='PrototypeHead'), {}),
    (
        dict(type='MaskedPrototypeHead', views=dict(masked='clean')),
        dict(encoder=dict(type='SLiMTransformer', embed_dim=8, depth=1, num_heads=2)),
    ),
    (dict(type='KoLeoHead'), {}),
    (dict(type='SupervisedContrastHead'), {}),
]


@pytest.mark.parametrize('name', ENCODERS)
def test_our_encoders(name):
    check_encoder(ENCODERS[name]())


@pytest.mark.parametrize(('config', 'settings'), HEADS, ids=lambda value: value.get('type', ''))
def test_our_heads(config, settings):
    check_head(config, **settings)


def ours(base: type) -> set[str]:
    return {
        name
        for name, kind in MODELS.module_dict.items()
        if issubclass(kind, base) and kind.__module__.startswith('halp_mm.')
    }


def test_every_encoder_and_head_is_checked():
    kinds_of_bigru = {f'{kind} BiGRU' for kind in ('true', 'final', 'valid', 'deviation')}
    assert ours(Encoder) == set(ENCODERS) - kinds_of_bigru
    assert ours(PretrainingHead) == {config['type'] for config, _ in HEADS}


class Mean(Encoder):
    """The mean over time, people and joints, through a linear layer."""

    layout, num_channels, num_people = 'kinect_v2', 3, None
    feature_dim, map_dim, keeps_people, keeps_joints = 4, 4, False, False

    def __init__(self):
        super().__init__()
        self.linear = torch.nn.Linear(3, 4)

    def forward_map(self, clips):
        if clips.shape[3] != 25:
            raise ValueError(f'{clips.shape[3]} joints; expected 25')
        return self.linear(clips.mean((1, 2, 3)))[:, None, :, None, None]

    def readout(self, feature_map):
        return feature_map.flatten(1)


def without_gradient(self, clips):
    weights = self.linear.weight.detach(), self.linear.bias
    with torch.no_grad():
        Mean.forward_map(self, clips)
    return torch.nn.functional.linear(clips.mean((1, 2, 3)), *weights)[:, None, :, None, None]


BROKEN_ENCODERS = {
    "feature_dim is '4'; expected int": dict(feature_dim='4'),
    'its feature_dim is 5': dict(feature_dim=5),
    'its map_dim is 3': dict(map_dim=3),
    'keeps_joints is True': dict(keeps_joints=True),
    'takes them where clips have 26 joints': dict(
        forward_map=lambda self, clips: self.linear(clips.mean((1, 2, 3)))[:, None, :, None, None]
    ),
    'another feature alone than in a batch': dict(
        readout=lambda self, feature_map: (feature_map - feature_map.mean(0)).flatten(1)
    ),
    'forward is not readout of forward_map': dict(
        forward=lambda self, clips: 2 * self.readout(self.forward_map(clips))
    ),
    'changes the clips': dict(
        forward_map=lambda self, clips: Mean.forward_map(self, clips.mul_(2))
    ),
    'linear.weight has no gradient': dict(forward_map=without_gradient),
}


@pytest.mark.parametrize('message', BROKEN_ENCODERS)
def test_broken_encoders(message):
    check_encoder(Mean())
    broken = type('Broken', (Mean,), BROKEN_ENCODERS[message])
    with pytest.raises(AssertionError, match=message):
        check_encoder(broken())


class Spread(StreamHead):
    """Makes the queries of a batch differ; a head of one's own."""

    reads = Reads(queries=frozenset(['query']))

    def stream_loss(self, outputs, progress):
        query = outputs.queries['query']
        noise = torch.rand(1, generator=progress.generator('cpu', 'spread'))
        return {'loss': (query @ query.T).mean() * (1 + noise[0])}


class Constant(Spread):
    """Learns nothing."""

    def stream_loss(self, outputs, progress):
        return {'loss': torch.zeros(())}


class Unseeded(Spread):
    """Draws from PyTorch's own generator."""

    def stream_loss(self, outputs, progress):
        return {'loss': outputs.queries['query'].sum() * torch.rand(())}


class Forgetful(Spread):
    """Counts steps in an attribute that is not saved."""

    count = 0

    def stream_loss(self, outputs, progress):
        Forgetful.count += 1
        return {'loss': outputs.queries['query'].sum() * Forgetful.count}


class Infinite(Spread):
    """Has no finite loss."""

    def stream_loss(self, outputs, progress):
        return {'loss': outputs.queries['query'].sum() / 0}


class Vector(Spread):
    """Has a loss for each clip."""

    def stream_loss(self, outputs, progress):
        return {'loss': outputs.queries['query'].sum(1)}


@pytest.mark.parametrize(
    ('head', 'message'),
    [
        (Constant, 'no loss of joint that reaches an encoder'),
        (Unseeded, "draws from PyTorch's own generator"),
        (Forgetful, 'after loading its state dict, step 0 has other scalars'),
        (Infinite, 'joint/head/loss is (inf|-inf|nan)'),
        (Vector, r'is \[8\]; expected a scalar'),
    ],
)
def test_broken_heads(head, message):
    for kind in (Spread, head):
        MODELS.register_module(module=kind, force=True)
    try:
        check_head(dict(type='Spread'))
        with pytest.raises(AssertionError, match=message):
            check_head(dict(type=head.__name__))
    finally:
        for kind in (Spread, head):
            MODELS.module_dict.pop(kind.__name__)


class Scale(RandomTransform):
    """Scales each clip; a transform of one's own."""

    def draw(self, clips, generator):
        return {'factor': torch.rand(len(clips), generator=generator) + 0.5}

    def apply(self, clips, factor):
        return clips.with_coordinates(clips.coordinates * factor[:, None, None, None, None])


class Unsaid(Scale):
    """Does not say that it draws."""

    is_random = False


class OwnGenerator(Scale):
    """Ignores the generator."""

    def draw(self, clips, generator):
        return {'factor': torch.rand(len(clips))}


class Moved(BatchTransform):
    """Moves padding and absent people too."""

    def __call__(self, clips, generator=None):
        return clips.with_coordinates(clips.coordinates + 1)


class InPlace(BatchTransform):
    """Changes its input."""

    def __call__(self, clips, generator=None):
        return clips.with_coordinates(clips.coordinates.mul_(2))


class Mixed(BatchTransform):
    """Divides by the largest coordinate of the batch."""

    def __call__(self, clips, generator=None):
        return clips.with_coordinates(clips.coordinates / clips.coordinates.abs().max())


class Centred(BatchTransform):
    """Subtracts the mean of all people, also of those who are absent."""

    keeps_absent_people = True

    def __call__(self, clips, generator=None):
        moved = clips.coordinates - clips.coordinates.mean((1, 3), keepdim=True)
        return clips.with_coordinates(moved * clips.coordinates.ne(0))


class LastFrame(BatchTransform):
    """Subtracts what is in the batch's last frame, not the clip's."""

    def __call__(self, clips, generator=None):
        moved = clips.coordinates - clips.coordinates[:, :, -1:].mean((1, 2, 3), keepdim=True)
        return clips.with_coordinates(moved * clips.coordinates.ne(0))


@pytest.mark.parametrize(
    ('transform', 'message'),
    [
        (Unsaid, 'is_random is False, but different generators give different results'),
        (OwnGenerator, "draws from PyTorch's own generator"),
        (Moved, 'frames beyond a clip are not zero'),
        (InPlace, 'changes the clips that it is given'),
        (Mixed, 'a clip changes when another one does'),
        (LastFrame, 'otherwise alone than in a batch'),
        (Centred, 'the others change when an absent person is left out'),
    ],
)
def test_broken_transforms(transform, message):
    check_transform(Scale())
    check_transform(Shear(), 'coco17', 2)
    with pytest.raises(AssertionError, match=message):
        check_transform(transform())


class Made(Source):
    """Clips that are made, not read."""

    name, layout, class_names = 'made', 'kinect_v2', ('one', 'two')
    splits = types.MappingProxyType({'all': None})
    broken = ''

    def __init__(self, broken=''):
        type(self).broken = broken

    def recordings(self, summary):
        names = ['a', 'a'] if self.broken == 'names' else ['a', 'b']
        return [RawFiles(name, ()) for name in names]

    @staticmethod
    def parse(files):
        clip = np.zeros((1, 4, 24 if Made.broken == 'joints' else 25, 3), np.float32)
        if Made.broken == 'random':
            clip += np.random.default_rng().random()
        if Made.broken == 'finite':
            clip[:] = np.nan
        if Made.broken == 'dtype':
            clip = clip.astype(np.float64)
        return Parsed(files.name, [ParsedClip(files.name, clip)])

    def facts(self, clip):
        columns = {'late': 1} if self.broken == 'columns' and clip.name == 'b' else {}
        split = 'other' if self.broken == 'split' else 'all'
        return ClipFacts(2 if self.broken == 'label' else 1, [split], columns)


@pytest.mark.parametrize(
    ('broken', 'message'),
    [
        ('names', 'not unique'),
        ('joints', r'is \[1, 4, 24, 3\]; expected \[M, T, 25, C\]'),
        ('random', 'gives other clips a second time'),
        ('finite', 'not finite'),
        ('dtype', 'float64; expected float32'),
        ('columns', r"has the columns \['late'\], others \[\]"),
        ('split', r"the splits \['other'\]; known are \['all'\]"),
        ('label', 'has label 2; expected 0 to 1 or None'),
    ],
)
def test_broken_readers(broken, message):
    check_reader(Made())
    with pytest.raises(AssertionError, match=message):
        check_reader(Made(broken))


def test_a_reader_that_workers_cannot_import():
    class Local(Made):
        @staticmethod
        def parse(files):
            return Made.parse(files)

    with pytest.raises(AssertionError, match='which a worker cannot import'):
        check_reader(Local())


def test_our_folder_reader(tmp_path):
    for name in ('a', 'b'):
        np.save(tmp_path / f'{name}.npy', np.random.default_rng(0).normal(size=(1, 5, 25, 3)))
    check_reader(FolderSource(tmp_path, 'kinect_v2'))

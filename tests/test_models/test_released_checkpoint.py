"""Released checkpoints of BiGRU, AGCN, HCN and several streams give the releases' features."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.converters.released_checkpoint import convert_released
from halp_mm.registry import MODELS
from tests.helpers import assert_relative, reference, with_prefix

DIM, QUEUE = 7, 32
TWO_JOINTS = dict(name='two', joints=['a', 'b'], bones=[('a', 'b')], center='a')
FIVE_JOINTS = dict(
    name='five', joints=list('abcde'), bones=[(end, 'a') for end in 'bcde'], center='a'
)
NORM = ('weight', 'bias', 'running_mean', 'running_var')
ENCODERS = dict(
    bigru=dict(type='BiGRU', layout=TWO_JOINTS, hidden_size=8, num_layers=3),
    stgcn=dict(type='STGCN', base_channels=4, feature_dim=16),
    agcn=dict(type='AGCN', base_channels=4, feature_dim=16),
    hcn=dict(type='HCN', num_frames=16, base_channels=8, image_width=16),
)


def network(name: str, layers: int = 2, seed: int = 0) -> dict[str, Tensor]:
    """A reference's weights with a projector of random weights in place of its classifier."""
    state = with_prefix(reference(f'{name}_released'), 'state/')
    state = {key: value for key, value in state.items() if not key.startswith('fc.')}
    generator, width = torch.Generator().manual_seed(seed), reference(f'{name}_released')['feature']
    sizes = [(width.shape[1], width.shape[1])] * (layers - 1) + [(DIM, width.shape[1])]
    for number, size in enumerate(sizes):
        place = f'fc.{2 * number}' if layers > 1 else 'fc'
        state[f'{place}.weight'] = torch.randn(size, generator=generator)
        state[f'{place}.bias'] = torch.randn(size[0], generator=generator)
    return state


def clips_of(name: str) -> Tensor:
    """The reference's clips ``[N, M, T, V, C]``."""
    arrays = reference(f'{name}_released')
    if name == 'bigru':  # frames of joints, coordinates and persons
        return arrays['input'].unflatten(2, (2, 3, 2)).permute(0, 4, 1, 2, 3)
    return arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)


def prefixed(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f'{prefix}.{name}': value for name, value in state.items()}


def queue_of(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return F.normalize(torch.randn(DIM, QUEUE, generator=generator), dim=0)


def three_streams(name: str) -> dict[str, Tensor]:
    """The networks and queues of joint, motion and bone; that of joint is the reference's."""
    state = {}
    for number, suffix in enumerate(('', '_motion', '_bone')):
        for letter in 'qk':
            weights = network(name, seed=number)
            if (letter, suffix) != ('q', ''):
                weights = {key: torch.randn_like(v) if v.ndim else v for key, v in weights.items()}
            state |= prefixed(f'encoder_{letter}{suffix}', weights)
        state[f'queue{suffix}'] = queue_of(number)
        state[f'queue_ptr{suffix}'] = torch.tensor([number])
    return state


def load(
    state: dict[str, Tensor],
    streams: dict,
    encoder: dict,
    head: str = 'MoCoHead',
    projector: dict | None = None,
    **options,
):
    """A pre-trainer that the state fits exactly, in evaluation mode."""
    model = MODELS.build(
        dict(
            type='Pretrainer',
            encoder=encoder,
            projector=projector or dict(type='Projector', out_dim=DIM, **options),
            streams=streams,
            queue_size=QUEUE,
            heads=dict(head=dict(type=head)),
        )
    )
    model.load_state_dict(state)
    return model.eval()


def embedding(name: str, layers: int = 2) -> Tensor:
    """What the release's projector makes of the reference's feature."""
    weights, feature = network(name, layers), reference(f'{name}_released')['feature']
    places = ['fc.0', 'fc.2'] if layers == 2 else ['fc']
    for number, place in enumerate(places):
        feature = F.relu(feature) if number else feature
        feature = F.linear(feature, weights[f'{place}.weight'], weights[f'{place}.bias'])
    return F.normalize(feature, dim=1)


@torch.no_grad()
def assert_is_the_release(model, stream: str, name: str, layers: int = 2, clips=None) -> None:
    clips = clips_of(name) if clips is None else clips
    found = model.query_networks[stream]
    assert_relative(found.encoder(clips), reference(f'{name}_released')['feature'], 1e-5)
    assert_relative(found(clips), embedding(name, layers), 1e-5)


@pytest.mark.parametrize('wrapped', [False, True])
def test_halp(wrapped):
    state = prefixed('encoder_q', network('bigru')) | prefixed('encoder_k', network('bigru'))
    state |= {'queue': queue_of(3), 'queue_ptr': torch.tensor([5]), 'prototypes': torch.ones(20, 7)}
    checkpoint = dict(state_dict=prefixed('module', state), epoch=450) if wrapped else state
    converted = convert_released(checkpoint, 'motion')
    assert converted.encoders == {'motion': 'BiGRU'}
    assert converted.omitted == ['prototypes']
    model = load(converted.state, {'motion': 'motion'}, ENCODERS['bigru'])
    assert_is_the_release(model, 'motion', 'bigru')
    assert torch.equal(model.queues['motion']['key'].entries, queue_of(3).T)
    assert model.queues['motion']['key'].num_enqueued == 5


@pytest.mark.parametrize(('name', 'kind'), [('bigru', 'BiGRU'), ('stgcn', 'STGCN')])
def test_cmd_and_crosclr(name, kind):
    state = three_streams(name)
    converted = convert_released(state)
    streams = ['joint', 'motion', 'bone']
    assert converted.encoders == dict.fromkeys(streams, kind)
    model = load(converted.state, streams, ENCODERS[name])
    assert_is_the_release(model, 'joint', name)
    for number, stream in enumerate(streams):
        assert torch.equal(model.queues[stream]['key'].entries, queue_of(number).T)
        assert model.queues[stream]['key'].num_enqueued == number
    motion = model.key_networks.module['motion'].projector.layers[2].weight
    assert torch.equal(motion, state['encoder_k_motion.fc.2.weight'])


@pytest.mark.parametrize(
    ('first', 'second', 'names', 'layers'),
    [
        ('bigru', 'hcn', ['sequence', 'image'], 1),
        ('bigru', 'agcn', ['sequence', 'graph'], 2),
        ('agcn', 'hcn', ['graph', 'image'], 1),
    ],
)
def test_isc(first, second, names, layers):
    state = {}
    for letter, name in zip('qkrl', (first, first, second, second)):
        weights = network(name, layers)
        weights = {key: v for key, v in weights.items() if not key.startswith('input_norm')}
        state |= prefixed(f'encoder_{letter}', weights)
    for number, queue in enumerate(('S1', 'S2')):
        state |= {f'Queue_{queue}': queue_of(number), f'queue_ptr_{queue}': torch.tensor([number])}
    converted = convert_released(state)
    assert list(converted.encoders) == names
    options = dict(hidden_dim=[]) if layers == 1 else {}
    encoders = {stream: ENCODERS[name] for stream, name in zip(names, (first, second))}
    if first == 'bigru':  # ISC's network does not normalise, so clips are normalised before
        encoders['sequence'] = encoders['sequence'] | dict(input_norm=None)
    streams = dict.fromkeys(names, 'joint')
    model = load(converted.state, streams, encoders, 'InterSkeletonHead', **options)
    for number, (stream, name) in enumerate(zip(names, (first, second))):
        clips = clips_of(name)
        if name == 'bigru':
            norm = with_prefix(reference('bigru_released'), 'state/input_norm.')
            scale = norm['weight'] / (norm['running_var'] + 1e-5).sqrt()
            frames = reference('bigru_released')['input']
            frames = (frames - norm['running_mean']) * scale + norm['bias']
            clips = frames.unflatten(2, (2, 3, 2)).permute(0, 4, 1, 2, 3)
        assert_is_the_release(model, stream, name, layers, clips)
        assert torch.equal(model.queues[stream]['key'].entries, queue_of(number).T)


def test_a_network_alone_may_be_a_classifier():
    with pytest.raises(ValueError, match='no queue: the network is a classifier'):
        convert_released(network('bigru', layers=1))


def test_other_networks_are_named():
    with pytest.raises(
        ValueError, match=r"entries \['weight'\] and so on; expected projector"
    ) as error:
        convert_released({'encoder_q.weight': torch.ones(2)})
    for kind in ('STGCN', 'BiGRU', 'AGCN', 'HCN', 'LSTM', 'SpatioTemporalTransformer'):
        assert f'of a released {kind}' in str(error.value)


@torch.no_grad()
@pytest.mark.parametrize('with_head', [False, True])
def test_ascal(with_head):
    arrays = reference('ascal_lstm_released')
    weights = with_prefix(arrays, 'state/')
    if not with_head:
        weights = {name: value for name, value in weights.items() if 'head' not in name}
        projector = dict(type='FeatureAsEmbedding')
    else:
        projector = dict(type='Projector', out_dim=arrays['head_output'].shape[1])
    converted = convert_released(weights, queue_size=QUEUE)
    assert converted.encoders == {'joint': 'LSTM'}
    model = load(
        converted.state,
        ['joint'],
        dict(type='LSTM', hidden_size=6, layout=FIVE_JOINTS),
        projector=projector,
    )
    network = model.query_networks['joint']
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    assert_relative(network.encoder(clips), arrays['feature_mean'], 1e-5)
    embedded = F.normalize(arrays['head_output'], dim=1) if with_head else arrays['feature_mean']
    assert_relative(network(clips), embedded, 1e-5)


@torch.no_grad()
def test_skeletonbt_and_pstl():
    arrays = reference('pstl_masks_released')
    state = {
        **with_prefix(arrays, 'state/'),
        'projector.0.weight': torch.randn(5, 16),
        'projector.3.weight': torch.randn(DIM, 5),
        **{f'projector.1.{name}': torch.rand(5) for name in NORM},
        'projector.1.num_batches_tracked': torch.tensor(0),
    }
    converted = convert_released(state, stream='bone')
    assert converted.encoders == {'bone': 'STGCN'}
    assert all(name.startswith('query_networks.bone.') for name in converted.state)
    model = load(
        converted.state,
        ['bone'],
        dict(type='STGCN', base_channels=4, feature_dim=16),
        head='CrossCorrelationHead',
        hidden_dim=5,
        normalize=False,
        batch_norm=True,
        bias=False,
    )
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    assert_relative(model.query_networks['bone'].encoder(clips), arrays['feature'], 1e-5)


def test_mamp():
    state = with_prefix(reference('mamp_pretrain_released'), 'state/')
    converted = convert_released(state)
    assert converted.encoders == {'joint': 'SpatioTemporalTransformer'}
    parts = ('query_networks.joint.encoder.', 'heads.masked.decoders.joint.')
    assert all(name.startswith(parts) for name in converted.state)
    assert len(converted.state) == len(state)
    del state['joints_embed.proj.weight']
    with pytest.raises(ValueError, match=r'joints_embed\.proj\.weight of a released Spatio'):
        convert_released(state)
    alone = {name: torch.ones(1, 1, 4, 1) for name in ('joints_embed.proj.weight',)}
    with pytest.raises(ValueError, match=r"\['decoder'\] are not there; expected an Spatio"):
        convert_released(alone)

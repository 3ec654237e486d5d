"""Regeneration, against both releases of P&C."""

import pytest
import torch

from halp_mm.models import BiGRU, RegenerationHead, StreamOutputs
from halp_mm.models.heads.regeneration_head import RegenerationDecoder
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, reference

RELEASED = reference('pc_seq2seq_released')
FRAME_DIM = RELEASED['input_NTD'].shape[2]
LAYOUT = dict(
    name='few',
    joints=[f'joint {i}' for i in range(FRAME_DIM // 3)],
    bones=[('joint 0', f'joint {i}') for i in range(1, FRAME_DIM // 3)],
    center='joint 0',
)


def released_decoder() -> RegenerationDecoder:
    decoder = RegenerationDecoder(RELEASED['feature'].shape[1], FRAME_DIM)
    state = {
        key.removeprefix('state/decoder.').replace('gru.', 'cell.').replace('out.', 'output.'): v
        for key, v in RELEASED.items()
        if key.startswith('state/decoder.')
    }
    decoder.load_state_dict(state)
    return decoder


def released_encoder() -> BiGRU:
    weights = {k.split('encoder.gru.')[1]: v for k, v in RELEASED.items() if 'encoder.gru' in k}
    num_layers = len({name.split('_l')[1][0] for name in weights})
    hidden_size = weights['weight_hh_l0'].shape[1]
    encoder = BiGRU(
        LAYOUT, 1, hidden_size=hidden_size, num_layers=num_layers, input_norm=None, pooling='final'
    )
    cells = {'forward': '', 'backward': '_reverse'}
    for direction, suffix in cells.items():
        for layer, cell in enumerate(getattr(encoder, f'{direction}_cells')):
            cell.load_state_dict(
                {
                    f'{kind}_l0': weights[f'{kind}_l{layer}{suffix}']
                    for kind in ('weight_ih', 'weight_hh', 'bias_ih', 'bias_hh')
                }
            )
    return encoder.eval()


def clips() -> torch.Tensor:
    return RELEASED['input_NTD'].unflatten(-1, (-1, 3))[:, None]


def test_features_equal_the_release():
    features = released_encoder()(clips()).detach()
    assert_relative(features, RELEASED['feature'], 1e-5)


def test_decoders_equal_the_release():
    decoder, frames = released_decoder(), RELEASED['input_NTD']
    num_frames = frames.shape[1]
    with torch.no_grad():
        fixed_state = decoder.from_fixed_state(RELEASED['feature'], frames[:, 0], num_frames)
        zero_input = decoder.from_zeros(RELEASED['feature'], num_frames)
    assert_relative(fixed_state, RELEASED['decoded_fixed_state'], 1e-5)
    assert_relative(zero_input, RELEASED['decoded_zero_input'], 1e-5)


@pytest.mark.parametrize(
    ('fixed', 'as_released', 'loss'),
    [
        ('state', False, 'loss_masked_next_frame_fixed_state'),
        ('state', True, 'loss_released_fixed_state'),
        ('weights', False, 'loss_masked_reconstruction_zero_input'),
        ('weights', True, 'loss_released_zero_input'),
    ],
)
def test_losses_equal_the_releases(fixed, as_released, loss):
    head = RegenerationHead(fixed, as_released=as_released)
    encoder = dict(type='BiGRU', layout=LAYOUT, num_people=1, hidden_size=4, num_layers=1)
    network = EmbeddingNetwork(encoder, None)
    network.encoder.feature_dim = RELEASED['feature'].shape[1]
    head.connect({'joint': network})
    head.decoders['joint'].load_state_dict(released_decoder().state_dict())
    outputs = StreamOutputs(
        'joint', clips={'clean': clips()}, features={'clean': RELEASED['feature']}
    )
    results = head.loss({'joint': outputs}, TrainingProgress())
    assert_relative(results['joint']['loss'].detach(), RELEASED[loss], 1e-6)


@pytest.mark.parametrize(
    ('fixed', 'as_released', 'learns'),
    [('state', False, True), ('weights', False, False), ('weights', True, True)],
)
def test_fixed_weights_stay_and_the_encoder_learns(fixed, as_released, learns):
    model = MODELS.build(
        dict(
            type='Pretrainer',
            encoder=dict(type='BiGRU', layout=LAYOUT, num_people=1, hidden_size=3, num_layers=1),
            heads=dict(again=dict(type='RegenerationHead', fixed=fixed, as_released=as_released)),
        )
    )
    assert model.key_networks is None
    losses = model.loss({'clean': {'joint': clips()}}, {}, TrainingProgress())
    losses['joint/again/loss'].backward()
    gradients = {name: p.grad is not None for name, p in model.named_parameters()}
    assert all(found for name, found in gradients.items() if 'encoder' in name)
    assert {found for name, found in gradients.items() if 'decoder' in name} == {learns}


def test_clips_of_any_number_of_people_are_refused():
    network = EmbeddingNetwork(dict(type='STGCN', base_channels=4, feature_dim=8), None)
    with pytest.raises(ValueError, match=r'STGCN takes any number. Use a recurrent encoder'):
        RegenerationHead().connect({'joint': network})

"""The LSTM encoder, against the release of AS-CAL and loops."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models import LSTM, EnergyAttentionDrop
from halp_mm.models.converters.released_ascal import rename_released_ascal
from tests.helpers import DTYPES, assert_relative, generator, reference, with_prefix

POOLINGS = ['mean', 'sum', 'last']


def chain(num_joints: int) -> dict:
    """A layout of joints in a row."""
    joints = [f'joint {i}' for i in range(num_joints)]
    return dict(name='chain', joints=joints, bones=[*pairwise(joints)], center=joints[0])


def random_encoder(**kwargs) -> LSTM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LSTM(chain(4), 2, 3, **{'hidden_size': 5, **kwargs}).double()


def random_clips(lengths: list[int], frames: int) -> Tensor:
    """Clips ``[N, 2, T, 4, 3]`` that are zero from their lengths on."""
    clips = torch.randn(len(lengths), 2, frames, 4, 3, generator=generator(), dtype=torch.float64)
    for clip, length in zip(clips, lengths):
        clip[:, length:] = 0
    return clips


def plain_outputs(encoder: LSTM, clip: Tensor) -> Tensor:
    """The last layer's outputs ``[T, D]`` of a clip ``[M, T, V, C]``, gate by gate; no dropout."""
    sequence = []
    for frame in clip.transpose(0, 1):
        entries = [
            frame[person, joint, channel]
            for channel in range(clip.shape[3])
            for joint in range(clip.shape[2])
            for person in range(clip.shape[0])
        ]
        sequence.append(torch.stack(entries))
    for cell in encoder.cells:
        hidden = memory = torch.zeros(cell.hidden_size, dtype=clip.dtype)
        outputs = []
        for x in sequence:
            gates = cell.weight_ih_l0 @ x + cell.bias_ih_l0
            gates = gates + cell.weight_hh_l0 @ hidden + cell.bias_hh_l0
            entering, forgetting, cell_input, leaving = gates.chunk(4)
            memory = forgetting.sigmoid() * memory + entering.sigmoid() * cell_input.tanh()
            hidden = leaving.sigmoid() * memory.tanh()
            outputs.append(hidden)
        sequence = outputs
    return torch.stack(sequence)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('pooling', POOLINGS)
@pytest.mark.parametrize('pools_all_frames', [True, False])
def test_equals_the_release(pools_all_frames, pooling, dtype):
    arrays = reference('ascal_lstm_released')
    converted = rename_released_ascal(with_prefix(arrays, 'state/'))
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1).to(dtype)
    encoder = LSTM(
        chain(clips.shape[3]),
        clips.shape[1],
        clips.shape[4],
        hidden_size=arrays['feature_mean'].shape[1],
        pooling=pooling,
        pools_all_frames=pools_all_frames,
    )
    encoder.load_state_dict(with_prefix(converted, 'encoder.'))
    feature = encoder.to(dtype).eval()(clips)
    assert_relative(feature, arrays[f'feature_{pooling}'], 1e-5)
    if pooling == 'mean':
        head = {k: v.to(dtype) for k, v in with_prefix(converted, 'projector.layers.').items()}
        hidden = F.linear(feature, head['0.weight'], head['0.bias']).relu()
        output = F.linear(hidden, head['2.weight'], head['2.bias'])
        assert_relative(output, arrays['head_output'], 1e-5)


@pytest.mark.parametrize('num_layers', [1, 2])
@pytest.mark.parametrize('pooling', POOLINGS)
def test_seen_frames_are_pooled(pooling, num_layers):
    lengths = [7, 1, 4]
    clips = random_clips(lengths, 9)
    clips[0, :, 2] = 0  # a gap
    encoder = random_encoder(pooling=pooling, num_layers=num_layers)
    everywhere = random_encoder(pooling=pooling, num_layers=num_layers, pools_all_frames=True)
    for clip, length, feature, other in zip(clips, lengths, encoder(clips), everywhere(clips)):
        outputs = plain_outputs(encoder, clip)
        seen = [t for t in range(length) if clip[:, t].any()]
        expected = {
            'mean': sum(outputs[t] for t in seen) / len(seen),
            'sum': sum(outputs[t] for t in seen),
            'last': outputs[seen[-1]],
        }
        torch.testing.assert_close(feature, expected[pooling])
        expected = {'mean': outputs.mean(0), 'sum': outputs.sum(0), 'last': outputs[-1]}
        torch.testing.assert_close(other, expected[pooling])


@pytest.mark.parametrize('pooling', POOLINGS)
def test_padding_does_not_change_the_feature(pooling):
    encoder = random_encoder(pooling=pooling)
    short = random_clips([5, 3], 5)
    padded = torch.cat([short, torch.zeros(2, 2, 20, 4, 3)], 2)
    torch.testing.assert_close(encoder(padded), encoder(short))


@pytest.mark.parametrize('pooling', POOLINGS)
def test_a_clip_of_nobody_is_zero_and_gradients_are_finite(pooling):
    clips = random_clips([0, 3], 4).requires_grad_()
    encoder = random_encoder(pooling=pooling)
    feature = encoder(clips)
    assert not feature[0].any()
    feature.square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in encoder.parameters())
    assert clips.grad[1].any()


def test_dropout_follows_every_layer_in_training():
    clips = random_clips([6], 6)
    encoder = random_encoder(num_layers=2, dropout=0.5)
    assert torch.equal(encoder.eval()(clips), random_encoder(num_layers=2)(clips))
    feature_map = encoder.train().forward_map(clips)
    assert 0 < (feature_map == 0).double().mean() < 1
    assert all(cell.dropout == 0 for cell in encoder.cells)


def test_drop_between_map_and_readout():
    encoder = random_encoder()
    feature_map = encoder.forward_map(random_clips([6, 4], 6))
    assert feature_map.shape == (2, 1, 5, 6, 1)
    feature = encoder.readout(EnergyAttentionDrop(keep_margin=0.65)(feature_map))
    assert feature.isfinite().all()


def test_the_papers_size():
    encoder = LSTM('kinect_v2')
    assert encoder.feature_dim == 256
    assert round(sum(parameter.numel() for parameter in encoder.parameters()) / 1000) == 418


def test_other_clips_are_refused():
    with pytest.raises(ValueError, match=r'LSTM was built for .* = \(2, 4, 3\), found \(1, 4, 3\)'):
        random_encoder()(random_clips([3], 3)[:, :1])
    with pytest.raises(ValueError, match="pooling must be 'mean' or 'sum' or 'last', got 'max'"):
        random_encoder(pooling='max')
    with pytest.raises(ValueError, match='dropout must be a number within'):
        random_encoder(dropout=2)

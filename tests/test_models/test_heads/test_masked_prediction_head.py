"""Masked reconstruction and the decoder of feature maps, against loops."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import MapDecoder, MaskedPredictionHead, StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, random_clips

ENCODERS = {
    'gru': dict(type='BiGRU', hidden_size=4, num_layers=1),
    'gcn': dict(type='STGCN', base_channels=4, stages=(1, 1), feature_dim=6, dropout=0.0),
    'cnn': dict(type='HCN', num_frames=16, base_channels=2, image_width=16, dropout=0.0),
}
encoders = pytest.mark.parametrize('encoder', ENCODERS.values(), ids=ENCODERS)


def network_of(encoder: dict) -> EmbeddingNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EmbeddingNetwork(encoder, None).double().eval()


@encoders
@pytest.mark.parametrize('frames', [16, 23])
def test_maps_are_what_encoders_say(encoder, frames):
    if encoder['type'] == 'HCN' and frames != 16:
        encoder = {**encoder, 'num_frames': frames}
    network = MODELS.build(encoder).eval()
    feature_map = network.forward_map(torch.randn(3, 2, frames, 25, 3))
    people, dim, _, joints = feature_map.shape[1:]
    assert dim == network.map_dim
    assert people == (2 if network.keeps_people else 1)
    assert (joints == 25) == network.keeps_joints
    assert network.num_channels == 3
    assert network.layout.num_joints == 25
    assert network.readout(feature_map).shape == (3, network.feature_dim)
    for num_frames in (frames, 40):
        mask = torch.ones(3, 2, num_frames, 25, dtype=torch.bool)
        decoded = MapDecoder(network)(feature_map, mask)
        assert decoded.shape == (3, 2, num_frames, 25, 3)


@encoders
def test_channels_are_the_encoders(encoder):
    encoder = MODELS.build({**encoder, 'num_channels': 2}).eval()
    assert encoder.num_channels == 2
    mask = torch.ones(3, 2, 16, 25, dtype=torch.bool)
    decoded = MapDecoder(encoder)(encoder.forward_map(torch.randn(3, 2, 16, 25, 2)), mask)
    assert decoded.shape == (3, 2, 16, 25, 2)


@encoders
def test_decoder_equals_loops(encoder):
    """Each place is decoded alone; people and joints that an encoder keeps apart stay apart."""
    network = network_of(encoder).encoder
    decoder = MapDecoder(network).double()
    feature_map = network.forward_map(torch.randn(2, 2, 16, 25, 3, dtype=torch.float64))
    decoded = decoder(feature_map, torch.ones(2, 2, 16, 25, dtype=torch.bool))
    mean = feature_map if network.keeps_joints else feature_map.mean(4, keepdim=True)
    short = torch.zeros(2, 2, mean.shape[3], 25, 3, dtype=torch.float64)
    for n in range(2):
        for m in range(mean.shape[1]):
            for t in range(mean.shape[3]):
                for v in range(mean.shape[4]):
                    place = decoder.layers(mean[n, m, :, t, v])
                    people = [m] if network.keeps_people else [0, 1]
                    joints = [v] if network.keeps_joints else range(25)
                    values = iter(place.tolist())
                    for person in people:
                        for joint in joints:
                            for channel in range(3):
                                short[n, person, t, joint, channel] = next(values)
    for n in range(2):
        for m in range(2):
            for v in range(25):
                curve = short[n, m, :, v].T[None]
                resized = F.interpolate(curve, 16, mode='linear')[0].T
                torch.testing.assert_close(decoded[n, m, :, v], resized)


def outputs_of(network: EmbeddingNetwork, lengths=(16, 16, 9), mask_ratio: float = 0.5):
    """Clips of several lengths with absent people, a mask, and the map of what it leaves."""
    clips = random_clips(lengths, dtype=torch.float64).coordinates
    mask = torch.rand(clips.shape[:4], generator=generator(3)) < mask_ratio
    return StreamOutputs(
        'joint',
        clips={'clean': clips},
        draws={'masked': {'mask': mask}},
        maps={'masked': network.encoder.forward_map(clips.masked_fill(mask[..., None], 0))},
    )


def connected(network: EmbeddingNetwork) -> MaskedPredictionHead:
    head = MaskedPredictionHead()
    head.connect({'joint': network})
    return head.double()


@encoders
@pytest.mark.parametrize('mask_ratio', [0.5, 1.0])
def test_loss_equals_a_loop(encoder, mask_ratio):
    network = network_of(encoder)
    head, outputs = connected(network), outputs_of(network, mask_ratio=mask_ratio)
    results = head.loss({'joint': outputs}, TrainingProgress())['joint']
    target, mask = outputs.clips['clean'], outputs.draws['masked']['mask']
    predicted = head.decoders['joint'](outputs.maps['masked'], mask).detach()
    total, count, hidden = 0.0, 0, 0
    for n, m, t in torch.cartesian_prod(*map(torch.arange, target.shape[:3])).tolist():
        hidden += int(mask[n, m, t].sum())
        if not target[n, m, t].any():  # nobody is there
            continue
        for v in mask[n, m, t].nonzero().flatten().tolist():
            total += float(((predicted[n, m, t, v] - target[n, m, t, v]) ** 2).mean())
            count += 1
    assert 0 < count < mask.sum()
    assert results['loss'].item() == pytest.approx(total / count)
    assert results['hidden'].item() == pytest.approx(hidden / mask.numel())
    results['loss'].backward()
    if mask_ratio < 1:  # otherwise the encoder sees nothing but zeros
        gradients = [p.grad for p in network.encoder.parameters()]
        assert all(gradient is None or gradient.any() for gradient in gradients)
        assert any(gradient is not None for gradient in gradients)
        assert all(p.grad.any() for p in head.parameters())


def test_what_the_mask_shows_and_who_is_absent_has_no_part():
    network = network_of(ENCODERS['gru'])
    head, outputs = connected(network), outputs_of(network)
    before = head.loss({'joint': outputs}, TrainingProgress())['joint']['loss']
    clips, mask = outputs.clips['clean'], outputs.draws['masked']['mask']
    shown = torch.where(mask[..., None], clips, 2 * clips)
    changed = StreamOutputs('joint', {'clean': shown}, outputs.draws, outputs.maps)
    assert torch.equal(head.loss({'joint': changed}, TrainingProgress())['joint']['loss'], before)
    hidden = torch.where(mask[..., None], 2 * clips, clips)
    changed = StreamOutputs('joint', {'clean': hidden}, outputs.draws, outputs.maps)
    assert head.loss({'joint': changed}, TrainingProgress())['joint']['loss'] != before


def test_nothing_hidden_is_no_loss():
    network = network_of(ENCODERS['gru'])
    outputs = outputs_of(network, mask_ratio=0.0)
    assert connected(network).loss({'joint': outputs}, TrainingProgress())['joint']['loss'] == 0


def test_a_view_without_a_mask_is_named():
    network = network_of(ENCODERS['gru'])
    outputs = outputs_of(network)
    outputs = StreamOutputs('joint', outputs.clips, {'masked': {}}, outputs.maps)
    with pytest.raises(ValueError, match="view 'masked' has no mask to predict from; add a trans"):
        connected(network).loss({'joint': outputs}, TrainingProgress())

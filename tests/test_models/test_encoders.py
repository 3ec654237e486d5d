"""What every encoder promises of its maps and settings."""

import pytest
import torch
from torch import nn

from halp_mm.models import Encoder
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from tests.helpers import generator

ENCODERS = {
    'BiGRU': dict(hidden_size=4, num_layers=2),
    'HCN': dict(num_frames=32, base_channels=2, image_width=32),
    'STGCN': dict(base_channels=4, stages=(1, 1), feature_dim=6),
}
LAYOUT = 'msr_action3d'
EVERY_ENCODER = pytest.mark.parametrize('name', ENCODERS)


def config_of(name: str, **settings: object) -> dict:
    return dict(type=name, layout=LAYOUT, **ENCODERS[name], **settings)


def random_stream(people: int = 2) -> torch.Tensor:
    return torch.randn(3, people, 32, 20, 3, generator=generator())


@EVERY_ENCODER
def test_a_map_separates_what_the_encoder_says(name):
    encoder: Encoder = MODELS.build(config_of(name)).eval()
    clips = random_stream()
    feature_map = encoder.forward_map(clips)
    num_clips, people, channels, _, joints = feature_map.shape
    assert (num_clips, channels) == (3, encoder.map_dim)
    assert encoder.keeps_people == (people == 2)
    assert encoder.keeps_joints == (joints == 20)
    assert encoder.keeps_people == (encoder.num_people is None)
    assert (encoder.layout.name, encoder.num_channels) == (LAYOUT, 3)
    features = encoder.readout(feature_map)
    assert features.shape == (3, encoder.feature_dim)
    assert torch.equal(features, encoder(clips))
    if encoder.keeps_people:
        other = clips.clone()
        other[:, 1] += 1
        assert torch.equal(encoder.forward_map(other)[:, 0], feature_map[:, 0])
        assert encoder(random_stream(people=3)).shape == features.shape
    else:
        assert encoder.num_people == 2


@EVERY_ENCODER
def test_weights_are_initialised_as_the_config_says(name):
    layers = ['Linear', 'Conv2d']
    kinds = (nn.Linear, nn.Conv2d)
    if name == 'BiGRU':
        layers, kinds = ['BatchNorm1d'], nn.BatchNorm1d
    initialised = dict(type='Constant', val=0.25, layer=layers)
    encoder = MODELS.build(config_of(name, init_cfg=initialised))
    encoder.init_weights()
    weights = [module.weight for module in encoder.modules() if isinstance(module, kinds)]
    assert weights
    assert all((weight == 0.25).all() for weight in weights)


@EVERY_ENCODER
def test_a_projector_takes_the_features(name):
    network = EmbeddingNetwork(config_of(name), dict(type='Projector', out_dim=5)).eval()
    clips = random_stream()
    assert network.embedding_dim == 5
    assert network(clips).shape == (3, 5)
    first = network.projector.layers[0]
    assert first.in_features == network.encoder.feature_dim


@pytest.mark.parametrize(
    ('name', 'settings', 'message'),
    [
        ('BiGRU', dict(num_people=0), 'num_people must be a whole number of at least 1, got 0'),
        ('BiGRU', dict(num_channels=0), 'num_channels must be a whole number of at least 1'),
        ('BiGRU', dict(hidden_size=0), 'hidden_size must be a whole number of at least 1'),
        ('HCN', dict(dropout=1.5), r'dropout must be a number within \[0, 1\], got 1.5'),
        ('HCN', dict(num_channels=0), 'num_channels must be a whole number of at least 1'),
        ('STGCN', dict(dropout=-0.1), r'dropout must be a number within \[0, 1\], got -0.1'),
        ('STGCN', dict(num_channels=0), 'num_channels must be a whole number of at least 1'),
        ('STGCN', dict(feature_dim=0), 'feature_dim must be a whole number of at least 1'),
    ],
)
def test_settings_out_of_range(name, settings, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(dict(type=name, **settings))

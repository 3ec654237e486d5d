"""The autoencoder of features, against P&C's release."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.evaluation.feature_autoencoder import FeatureAutoencoder, train_feature_autoencoder
from tests.helpers import assert_relative, generator, reference


def test_equals_the_release():
    arrays = reference('pc_feature_autoencoder_released')
    state = {k.removeprefix('state/'): v for k, v in arrays.items() if k.startswith('state/')}
    hidden = tuple(state[f'encoder.{i}.bias'].numel() for i in (0, 2))
    network = FeatureAutoencoder(
        arrays['feature'].shape[1], hidden, state['encoder.4.bias'].numel()
    )
    network.load_state_dict(state)
    code = network.encoder(arrays['feature']).detach()
    assert_relative(code, arrays['code'], 1e-6)
    reconstruction = network(arrays['feature']).detach()
    assert_relative(reconstruction, arrays['reconstruction'], 1e-6)
    assert_relative(F.mse_loss(reconstruction, arrays['feature']), arrays['mse'], 1e-6)


def test_training_reconstructs_better_and_follows_its_seed():
    directions = torch.randn(3, 12, generator=generator(1))
    features = torch.randn(64, 3, generator=generator(2)) @ directions
    state = torch.get_rng_state()

    def trained(seed: int, epochs: int) -> FeatureAutoencoder:
        return train_feature_autoencoder(features, epochs, 32, code_dim=3, seed=seed)

    first, again, other = (trained(seed, 8) for seed in (0, 0, 1))
    error = F.mse_loss(first(features), features)
    assert error < 0.5 * F.mse_loss(trained(0, 1)(features), features)
    assert torch.equal(first.encoder(features), again.encoder(features))
    assert not torch.equal(first.encoder(features), other.encoder(features))
    assert torch.equal(torch.get_rng_state(), state)
    assert not first.encoder(features).requires_grad


@pytest.mark.parametrize('wrong', [dict(epochs=0), dict(learning_rate=-1.0), dict(code_dim=0)])
def test_wrong_settings(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        train_feature_autoencoder(torch.ones(4, 2), **wrong)

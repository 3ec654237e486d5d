"""The autoencoder of features, which P&C trains before it compares them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_positive


class FeatureAutoencoder(nn.Module):
    """A perceptron to a short code and one back, with tanh between the layers and after the code.

    Source: P&C (Su et al., CVPR 2020), Sec. 3.3, and its release.

    Args:
        feature_dim: Length D of a feature.
        hidden_dims: Units of the two hidden layers on the way to the code; the way back mirrors
            them.
        code_dim: Length of the code.
    """

    def __init__(
        self, feature_dim: int, hidden_dims: tuple[int, int] = (1024, 512), code_dim: int = 125
    ) -> None:
        super().__init__()
        sizes = (feature_dim, *hidden_dims, code_dim)
        self.encoder = nn.Sequential(*perceptron(sizes), nn.Tanh())
        self.decoder = perceptron(sizes[::-1])

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, D]`` to their reconstructions ``[N, D]``."""
        return self.decoder(self.encoder(features))


def perceptron(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes with tanh between them."""
    layers: list[nn.Module] = []
    for in_dim, out_dim in pairwise(sizes):
        layers += [nn.Linear(in_dim, out_dim), nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def check_autoencoder_settings(settings: Mapping) -> None:
    """Check settings of :func:`train_feature_autoencoder` except its seed, before features exist.

    Raises:
        ValueError: if a setting is unknown or out of range.
    """
    known = ('epochs', 'batch_size', 'learning_rate', 'code_dim')
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise ValueError(f'autoencoder has the settings {unknown}; expected some of {list(known)}')
    for key, value in settings.items():
        check = check_positive if key == 'learning_rate' else check_count
        check(**{f'autoencoder.{key}': value})


def train_feature_autoencoder(
    features: Tensor,
    epochs: int = 400,
    batch_size: int = 64,
    learning_rate: float = 1e-3,
    code_dim: int = 125,
    seed: int = 0,
) -> FeatureAutoencoder:
    """Train an autoencoder of features by Adam on the mean squared error.

    Args:
        features: ``[N, D]``.
        epochs: Passes over the features.
        batch_size: Features in a step.
        learning_rate: Adam's.
        code_dim: Length of the code.
        seed: Seed of the initialisation and of the batches.

    Returns:
        The autoencoder, whose ``encoder`` maps features to codes.

    Raises:
        ValueError: if an argument is out of range.
    """
    check_autoencoder_settings(
        dict(epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, code_dim=code_dim)
    )
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.manual_seed(seed)
        network = FeatureAutoencoder(features.shape[1], code_dim=code_dim).to(features)
        optimizer = torch.optim.Adam(network.parameters(), learning_rate, fused=True)
        for _ in range(epochs):
            order = torch.randperm(len(features), generator=generator).to(features.device)
            for batch in order.split(batch_size):
                loss = F.mse_loss(network(features[batch]), features[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    return network.requires_grad_(False)

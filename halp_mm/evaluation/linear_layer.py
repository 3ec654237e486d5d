"""The layer that linear evaluations train."""

from __future__ import annotations

import torch
from torch import nn


def linear_classifier(
    num_features: int, num_classes: int, generator: torch.Generator | None = None
) -> nn.Linear:
    """A linear layer with small normal weights and no bias to begin with."""
    layer = nn.Linear(num_features, num_classes)
    nn.init.normal_(layer.weight, std=0.01, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer

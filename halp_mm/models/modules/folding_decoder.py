"""The decoder of FoldingNet: a square sheet that a feature folds into a cloud of points."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_positive


class Fold(nn.Module):
    """A perceptron on points that a feature of the cloud has an influence on.

    Args:
        feature_dim: Length D of a feature.
        in_dim: Length of a point's vector.
        hidden_dim: Units of the two hidden layers.
        out_dim: Length of the result.
    """

    def __init__(self, feature_dim: int, in_dim: int, hidden_dim: int, out_dim: int) -> None:
        super().__init__()
        self.of_feature = nn.Linear(feature_dim, hidden_dim)
        self.of_point = nn.Linear(in_dim, hidden_dim, bias=False)
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, out_dim),
        )

    def forward(self, features: Tensor, points: Tensor) -> Tensor:
        """Map features ``[N, D]`` and points ``[N, P, in_dim]`` to ``[N, P, out_dim]``."""
        # The same as a layer on both, one after the other, without a copy for each point.
        return self.layers(self.of_feature(features)[:, None] + self.of_point(points))


class FoldingDecoder(nn.Module):
    """Two folds of a square sheet of points.

    Source: FoldingNet (Yang et al., CVPR 2018), Sec. 3.2.

    Args:
        feature_dim: Length D of a feature.
        out_dim: Length of a point's vector.
        grid_size: Points along each side of the sheet.
        grid_extent: The sheet reaches from minus this to this.
        hidden_dim: Units of the folds' hidden layers.
    """

    grid: Tensor

    def __init__(
        self,
        feature_dim: int,
        out_dim: int,
        grid_size: int = 45,
        grid_extent: float = 0.3,
        hidden_dim: int = 512,
    ) -> None:
        super().__init__()
        check_count(out_dim=out_dim, grid_size=grid_size, hidden_dim=hidden_dim)
        check_positive(grid_extent=grid_extent)
        side = torch.linspace(-grid_extent, grid_extent, grid_size)
        self.register_buffer('grid', torch.cartesian_prod(side, side), persistent=False)
        self.first = Fold(feature_dim, 2, hidden_dim, out_dim)
        self.second = Fold(feature_dim, out_dim, hidden_dim, out_dim)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, D]`` to clouds ``[N, grid_size^2, out_dim]``."""
        return self.second(features, self.first(features, self.grid[None]))

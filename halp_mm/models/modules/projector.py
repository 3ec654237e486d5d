"""The projector from features to embeddings."""

from __future__ import annotations

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_flag
from halp_mm.models.modules.synchronized_batch_norm import at_least_float32
from halp_mm.registry import MODELS


@MODELS.register_module()
class Projector(BaseModule):
    """A multilayer perceptron with one hidden layer and optional L2 normalisation.

    Source: MoCo v2 (Chen et al., 2020).

    Args:
        in_dim: Length of a feature.
        hidden_dim: Units of the hidden layer; ``in_dim`` by default.
        out_dim: Length D of an embedding.
        normalize: Whether to scale embeddings to unit length.
        init_cfg: How mmengine initialises the weights; by default as PyTorch does.

    Raises:
        ValueError: if a size is less than 1.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int | None = None,
        out_dim: int = 128,
        normalize: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        hidden_dim = in_dim if hidden_dim is None else hidden_dim
        check_count(in_dim=in_dim, hidden_dim=hidden_dim, out_dim=out_dim)
        check_flag(normalize=normalize)
        self.out_dim = out_dim
        self.normalize = normalize
        self.layers = nn.Sequential(
            nn.Linear(in_dim, hidden_dim), nn.ReLU(inplace=True), nn.Linear(hidden_dim, out_dim)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, in_dim]`` to embeddings ``[N, D]``, always at least float32."""
        embeddings = at_least_float32(self.layers(features))
        return F.normalize(embeddings, dim=-1) if self.normalize else embeddings

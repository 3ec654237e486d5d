"""The projector from features to embeddings."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_count, check_flag
from halp_mm.models.modules.precision import at_least_float32
from halp_mm.registry import MODELS


@MODELS.register_module()
class Projector(BaseModule):
    """A multilayer perceptron with optional L2 normalisation.

    The defaults are MoCo v2's: one hidden layer as long as the feature, and embeddings of unit
    length. Barlow Twins has two hidden layers, batch norm and no biases.

    Source: MoCo v2 (Chen et al., 2020); Barlow Twins (Zbontar et al., ICML 2021), Sec. 2.2.

    Args:
        in_dim: Length of a feature.
        hidden_dim: Units of the hidden layer, ``in_dim`` by default. For several hidden layers,
            a list of their units; the empty list makes the projector a single linear layer.
        out_dim: Length D of an embedding.
        normalize: Whether to scale embeddings to unit length.
        batch_norm: Whether each hidden layer is normalised before its activation.
        bias: Whether linear layers have a bias.
        activation: ``'ReLU'``, or ``'GELU'`` as in DINO.
        init_cfg: How mmengine initialises the weights; by default as PyTorch does.

    Raises:
        ValueError: if a size is less than 1.
    """

    def __init__(
        self,
        in_dim: int,
        hidden_dim: int | Sequence[int] | None = None,
        out_dim: int = 128,
        normalize: bool = True,
        batch_norm: bool = False,
        bias: bool = True,
        activation: str = 'ReLU',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if hidden_dim is None:
            hidden_dim = in_dim
        hidden_dims = list(hidden_dim) if isinstance(hidden_dim, Sequence) else [hidden_dim]
        check_count(in_dim=in_dim, out_dim=out_dim)
        for size in hidden_dims:
            check_count(hidden_dim=size)
        check_flag(normalize=normalize, batch_norm=batch_norm, bias=bias)
        check_choice(['ReLU', 'GELU'], activation=activation)
        self.out_dim = out_dim
        self.normalize = normalize
        layers: list[nn.Module] = []
        for inputs, outputs in zip([in_dim, *hidden_dims], hidden_dims):
            layers.append(nn.Linear(inputs, outputs, bias=bias))
            if batch_norm:
                layers.append(nn.BatchNorm1d(outputs))
            layers.append(nn.ReLU(inplace=True) if activation == 'ReLU' else nn.GELU())
        layers.append(nn.Linear([in_dim, *hidden_dims][-1], out_dim, bias=bias))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, in_dim]`` to embeddings ``[N, D]``, always at least float32."""
        embeddings = at_least_float32(self.layers(features))
        return F.normalize(embeddings, dim=-1) if self.normalize else embeddings


@MODELS.register_module()
class FeatureAsEmbedding(BaseModule):
    """No projector: heads read the feature itself, with optional L2 normalisation.

    Source: AS-CAL (Rao et al., Information Sciences 2021), its release.

    Args:
        in_dim: Length of a feature, and of an embedding.
        normalize: Whether to scale embeddings to unit length.
    """

    def __init__(self, in_dim: int, normalize: bool = False) -> None:
        super().__init__()
        check_count(in_dim=in_dim)
        check_flag(normalize=normalize)
        self.out_dim = in_dim
        self.normalize = normalize

    def forward(self, features: Tensor) -> Tensor:
        """Map features ``[N, D]`` to embeddings ``[N, D]``, always at least float32."""
        embeddings = at_least_float32(features)
        return F.normalize(embeddings, dim=-1) if self.normalize else embeddings

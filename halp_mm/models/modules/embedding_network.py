"""An encoder followed by a projector."""

from __future__ import annotations

from mmengine.model import BaseModule
from torch import Tensor

from halp_mm.registry import MODELS


class EmbeddingNetwork(BaseModule):
    """An encoder followed by its projector.

    Args:
        encoder: Config of the encoder.
        projector: Config of the projector, without ``in_dim``; None for no embeddings.
    """

    def __init__(self, encoder: dict, projector: dict | None) -> None:
        super().__init__()
        self.encoder = MODELS.build(encoder)
        if projector is not None:
            self.projector = MODELS.build({**projector, 'in_dim': self.encoder.feature_dim})

    @property
    def embedding_dim(self) -> int:
        """Length D of an embedding."""
        return self.projector.out_dim

    @property
    def normalizes_embeddings(self) -> bool:
        """Whether embeddings have unit length."""
        return self.projector.normalize

    def forward(self, clips: Tensor) -> Tensor:
        """Map a stream of clips ``[N, M, T, V, C]`` to embeddings ``[N, D]``."""
        return self.embed(self.encoder.forward_map(clips))

    def embed(self, feature_map: Tensor) -> Tensor:
        """Map the encoder's feature map to embeddings ``[N, D]``."""
        return self.projector(self.encoder.readout(feature_map))

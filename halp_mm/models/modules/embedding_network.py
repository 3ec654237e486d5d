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

    def forward(
        self, clips: Tensor, visible: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Map a stream of clips to embeddings ``[N, D]``; arguments as in :meth:`inputs_of`."""
        return self.projector(self.encoder.readout(self.map_of(clips, visible, mask)))

    def map_of(
        self, clips: Tensor, visible: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Map a stream of clips to the encoder's feature map ``[N, M', D, T', V']``.

        Arguments are as in :meth:`inputs_of`.
        """
        return self.encoder.forward_map(*self.inputs_of(clips, visible, mask))

    def inputs_of(
        self, clips: Tensor, visible: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """What the encoder's ``forward_map`` takes of a stream of clips and of a view's mask.

        Encoders that neither omit nor replace what is hidden see zeros there.

        Args:
            clips: ``[N, M, T, V, C]``, zero where a mask hides.
            visible: Indices ``[N, M, L]`` of the cells that the view's mask leaves, if it draws
                them.
            mask: The view's mask, boolean ``[N, M, T, V]``, if it has one.
        """
        if visible is not None and self.encoder.omits_hidden:
            return clips, visible
        if mask is not None and self.encoder.reads_mask:
            return clips, mask
        return (clips,)

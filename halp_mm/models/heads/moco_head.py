"""MoCo's contrast of a query with its key and the queue."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class MoCoHead(StreamHead):
    """InfoNCE of a query with its key as positive and the queue as negatives.

    Similarities are inner products: cosines if the projector normalises embeddings, as in MoCo.
    AS-CAL contrasts features that are not normalised.

    Source: MoCo (He et al., CVPR 2020), Eq. (1); HaLP (Shah et al., CVPR 2023), Eq. (1); AS-CAL
    (Rao et al., Information Sciences 2021).

    Args:
        temperature: tau.
        view: Name of the query view.
        key_view: Name of the key view.
    """

    def __init__(
        self, temperature: float = 0.07, view: str = 'query', key_view: str = 'key'
    ) -> None:
        super().__init__()
        check_positive(temperature=temperature)
        self.temperature = temperature
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view], key_view)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``accuracy``, the share of queries most similar to their key."""
        logits = outputs.similarities(self.view, self.key_view) / self.temperature
        target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
        return {
            'loss': F.cross_entropy(logits, target),
            # The maximum is found ten times as fast as its place.
            'accuracy': (logits[:, 0] >= logits.amax(1)).float().mean(),
        }

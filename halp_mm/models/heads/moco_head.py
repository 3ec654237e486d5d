"""MoCo's contrast of a query with its key and the queue."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class MoCoHead(PretrainingHead):
    """InfoNCE: HaLP, Eq. (1); MoCo (He et al., CVPR 2020), Eq. (1).

    Args:
        temperature: tau.
        **kwargs: Weight, start epoch, view and streams, see :class:`PretrainingHead`.
    """

    def __init__(self, temperature: float = 0.07, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature

    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """``loss_moco`` and ``contrast_accuracy``: how often the key is the most similar."""
        results = {}
        for name in self.streams:
            logits = streams[name].similarities(self.view) / self.temperature
            target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
            results[f'{name}/loss_moco'] = self.weight * F.cross_entropy(logits, target)
            results[f'{name}/contrast_accuracy'] = (logits.argmax(1) == 0).float().mean()
        return results

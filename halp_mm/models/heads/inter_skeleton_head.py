"""ISC's contrast between representations of a skeleton."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class InterSkeletonHead(PretrainingHead):
    """InfoNCE of a query in one stream with the key and the queue of another.

    In ISC the streams are representations of the same clip by encoders of different kinds:
    sequence, graph and image, two of which are trained together. The contrast within a
    representation is :class:`MoCoHead`'s.

    Source: ISC (Thoker, Doughty and Snoek, ACM MM 2021), and its release.

    Args:
        temperature: tau.
        **kwargs: See :class:`PretrainingHead`; ``view`` is the view of the queries.
    """

    min_streams = 2

    def __init__(self, temperature: float = 0.07, **kwargs) -> None:
        super().__init__(**kwargs)
        self.temperature = temperature

    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """``loss_inter`` of each stream's queries: the sum over the other streams.

        ``inter_accuracy`` says how often the other streams' key is the most similar.
        """
        results = {}
        for name in self.streams:
            query = streams[name].queries[self.view]
            losses, accuracies = [], []
            for other in self.streams:
                if other == name:
                    continue
                logits = self.logits(query, streams[other])
                target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
                losses.append(F.cross_entropy(logits, target))
                accuracies.append((logits.argmax(1) == 0).float().mean())
            results[f'{name}/loss_inter'] = self.weight * sum(losses)
            results[f'{name}/inter_accuracy'] = sum(accuracies) / len(accuracies)
        return results

    def logits(self, query: Tensor, other: StreamEmbeddings) -> Tensor:
        """Of queries ``[N, D]`` to another stream's keys, first, and its queue: ``[N, 1 + L]``."""
        key = (query * other.key).sum(1, keepdim=True)
        return torch.cat([key, query @ other.negatives.T], 1) / self.temperature

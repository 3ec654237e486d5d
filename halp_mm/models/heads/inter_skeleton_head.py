"""ISC's contrast between skeleton representations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_positive
from halp_mm.models.heads.base import PretrainingHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class InterSkeletonHead(PretrainingHead):
    """InfoNCE of a query in one stream with the key and the queue of another.

    In ISC, the streams are representations of the same clip for different kinds of encoders:
    sequence, graph and image. Two of them are trained together. :class:`MoCoHead` contrasts within
    a representation.

    Source: ISC (Thoker, Doughty and Snoek, ACM MM 2021), and its release.

    Args:
        temperature: tau.
        view: Name of the query view.
        key_view: Name of the key view.
    """

    min_streams = 2

    def __init__(
        self, temperature: float = 0.07, view: str = 'query', key_view: str = 'key'
    ) -> None:
        super().__init__()
        check_positive(temperature=temperature)
        self.temperature = temperature
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view], key_view)

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """Compute ``loss`` of each stream's queries, the sum over the other streams.

        ``accuracy`` is the share of queries most similar to their key in the other streams.
        """
        results = {}
        for name, outputs in streams.items():
            losses, accuracies = [], []
            for other, other_outputs in streams.items():
                if other == name:
                    continue
                logits = self.logits(outputs.queries[self.view], other_outputs)
                target = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
                losses.append(F.cross_entropy(logits, target))
                accuracies.append((logits.argmax(1) == 0).float().mean())
            accuracy = reduce(add, accuracies) / len(accuracies)
            results[name] = {'loss': reduce(add, losses), 'accuracy': accuracy}
        return results

    def logits(self, query: Tensor, other: StreamOutputs) -> Tensor:
        """Logits of queries ``[N, D]`` to another stream's keys, then queue: ``[N, 1 + L]``."""
        key = (query * other.keys[self.key_view]).sum(1, keepdim=True)
        return torch.cat([key, query @ other.negatives[self.key_view].T], 1) / self.temperature

"""CrosSCLR's mining of positives across streams."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

import torch
from torch import Tensor

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class CrossStreamHead(PretrainingHead):
    """InfoNCE whose positives are the key and what is near to the query in another stream.

    Each ordered pair of streams is a teacher and a student. The k entries of the teacher's queue
    that are most similar to the teacher's query are mined; the entries of the student's queue at
    the same positions are positives of the student. At one position all queues hold the same clip,
    since all streams of a batch are queued together.

    With context, an entry of the queues has a second logit for the pair: the product of its
    similarities in both streams, over tau. It is in the denominator for all entries and a positive
    for those that are mined; its gradient reaches both streams.

    As in the release, the loss of a pair is the mean over the positives, and that of a student the
    mean over its teachers. The key is among the positives, so the head takes the place of
    ``MoCoHead`` from the epoch on where mining starts.

    Source: CrosSCLR (Li et al., CVPR 2021), and its release.

    Args:
        top_k: k, how many neighbours are mined.
        context: Whether products of two streams' similarities are contrasted as well.
        temperature: tau.
        **kwargs: See :class:`PretrainingHead`; ``view`` is the view that mines and is contrasted.

    Raises:
        ValueError: if there is nothing to mine.
    """

    min_streams = 2

    def __init__(
        self, top_k: int = 1, context: bool = True, temperature: float = 0.07, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        if top_k < 1:
            raise ValueError(f'there is nothing to mine with top_k={top_k}')
        self.top_k = top_k
        self.context = context
        self.temperature = temperature

    def check(self, streams: Collection[str], views: Collection[str], queue_size: int) -> None:
        """See :meth:`PretrainingHead.check`."""
        super().check(streams, views, queue_size)
        if self.top_k > queue_size:
            raise ValueError(
                f'CrossStreamHead mines {self.top_k} neighbours in a queue of {queue_size}'
            )

    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """``loss_cross_stream`` of each student: the mean over its teachers."""
        similarities = {name: streams[name].similarities(self.view) for name in self.streams}
        logits = {name: s / self.temperature for name, s in similarities.items()}
        # A denominator is a sum over key and queue; with context, another over the pair's context.
        # Logarithms of these sums are computed once, and added up pair by pair.
        denominators = {name: x.logsumexp(1) for name, x in logits.items()}
        mined = {
            name: s[:, 1:].detach().topk(self.top_k, 1).indices for name, s in similarities.items()
        }
        losses = {name: [] for name in self.streams}
        for pair in combinations(self.streams, 2):
            if self.context:
                one, other = pair
                context = logits[one][:, 1:] * similarities[other][:, 1:]
                context_denominator = context.logsumexp(1)
            for student, teacher in (pair, pair[::-1]):
                key, queue = logits[student].split([1, logits[student].shape[1] - 1], 1)
                positives = [key, queue.gather(1, mined[teacher])]
                denominator = denominators[student]
                if self.context:
                    positives.append(context.gather(1, mined[teacher]))
                    denominator = torch.logaddexp(denominator, context_denominator)
                likelihood = torch.cat(positives, 1).mean(1) - denominator
                losses[student].append(-likelihood.mean())
        return {
            f'{student}/loss_cross_stream': self.weight * sum(by_teacher) / len(by_teacher)
            for student, by_teacher in losses.items()
        }

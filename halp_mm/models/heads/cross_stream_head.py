"""CrosSCLR's cross-stream mining of positives."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import combinations
from operator import add

import torch
from torch import Tensor

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.models.heads.base import PretrainingHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class CrossStreamHead(PretrainingHead):
    """InfoNCE with the key and the neighbours of the query in another stream as positives.

    Each ordered pair of streams is a teacher and a student. The k entries of the teacher's queue
    that are most similar to the teacher's query are mined. The entries of the student's queue at
    the same positions are positives of the student. All streams of a batch are queued together, so
    all queues hold the same clip at the same position.

    With context, an entry of the queues has a second logit for the pair: the product of its
    similarities in both streams, divided by tau. The denominator includes it for all entries, the
    positives only for mined entries. Its gradient reaches both streams.

    As in the release, the loss of a pair is the mean over the positives, and the loss of a student
    is the mean over its teachers. The key is one of the positives, so the head replaces
    ``MoCoHead`` from the epoch in which mining starts.

    Source: CrosSCLR (Li et al., CVPR 2021), and its release.

    Args:
        top_k: k, the number of mined neighbours.
        context: Whether to contrast the products of two streams' similarities as well.
        temperature: tau.
        view: Name of the query view that mines and is contrasted.
        key_view: Name of the key view.

    Raises:
        ValueError: if ``top_k`` or the temperature is not positive, or both views are the same.
    """

    min_streams = 2

    def __init__(
        self,
        top_k: int = 1,
        context: bool = True,
        temperature: float = 0.07,
        view: str = 'query',
        key_view: str = 'key',
    ) -> None:
        super().__init__()
        check_count(top_k=top_k)
        check_positive(temperature=temperature)
        self.top_k = top_k
        self.context = context
        self.temperature = temperature
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view], key_view, queue=top_k)

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """Compute each student's ``loss``, the mean over its teachers."""
        similarities = {
            name: outputs.similarities(self.view, self.key_view)
            for name, outputs in streams.items()
        }
        logits = {name: s / self.temperature for name, s in similarities.items()}
        # A denominator is a sum over key and queue, plus one over the pair's context. The logarithm
        # of each sum is computed once and combined for each pair.
        denominators = {name: x.logsumexp(1) for name, x in logits.items()}
        mined = {
            name: s[:, 1:].detach().topk(self.top_k, 1).indices for name, s in similarities.items()
        }
        losses: dict[str, list[Tensor]] = {name: [] for name in streams}
        for pair in combinations(streams, 2):
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
            student: {'loss': reduce(add, by_teacher) / len(by_teacher)}
            for student, by_teacher in losses.items()
        }

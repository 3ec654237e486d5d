"""AimCLR's nearest neighbours mining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


def nearest_neighbors(similarities: Sequence[Tensor], top_k: int) -> Tensor:
    """The positives of Eq. (9): the key, and what is nearest to any of several queries.

    Args:
        similarities: For each query its similarities to key and queue, ``[N, 1 + L]``.
        top_k: How many entries of the queue are near, at most L.

    Returns:
        Boolean ``[N, 1 + L]``.
    """
    is_positive = torch.zeros_like(similarities[0], dtype=torch.bool)
    is_positive[:, 0] = True
    for similarity in similarities:
        nearest = similarity[:, 1:].topk(top_k, 1).indices
        is_positive.scatter_(1, nearest + 1, True)
    return is_positive


@MODELS.register_module()
class NNMHead(PretrainingHead):
    """InfoNCE whose positives are the key and the queue's nearest neighbours of several queries.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (9). In the paper the loss is the sum over the
    positives; the release divides by their number.

    Args:
        miners: Names of the query views whose nearest neighbours are positives.
        top_k: k, how many neighbours each of them has.
        reduction: ``'sum'`` over the positives as in the paper, or ``'mean'`` as in the release.
        temperature: tau.
        **kwargs: See :class:`PretrainingHead`; ``view`` is the view that is contrasted.

    Raises:
        ValueError: if the reduction is another, or there is nothing to mine.
    """

    def __init__(
        self,
        miners: Sequence[str] = ('query', 'extreme', 'extreme_drop'),
        top_k: int = 1,
        reduction: str = 'sum',
        temperature: float = 0.07,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if reduction not in ('sum', 'mean'):
            raise ValueError(f"reduction must be 'sum' or 'mean', got {reduction!r}")
        if not miners or top_k < 1:
            raise ValueError(f'there is nothing to mine with miners={miners} and top_k={top_k}')
        self.miners = tuple(miners)
        self.top_k = top_k
        self.reduction = reduction
        self.temperature = temperature

    @property
    def views(self) -> tuple[str, ...]:
        """The view that is contrasted, and those whose neighbours are mined."""
        return (self.view, *self.miners)

    def check(self, streams: Sequence[str], views: Sequence[str], queue_size: int) -> None:
        """See :meth:`PretrainingHead.check`."""
        super().check(streams, views, queue_size)
        if self.top_k > queue_size:
            raise ValueError(f'NNMHead mines {self.top_k} neighbours in a queue of {queue_size}')

    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """``loss_nnm``, L_N, and ``num_positives``, the mean size of the positive set."""
        results = {}
        for name in self.streams:
            stream = streams[name]
            mined = [stream.similarities(view).detach() for view in self.miners]
            is_positive = nearest_neighbors(mined, self.top_k)
            log_likelihood = F.log_softmax(stream.similarities(self.view) / self.temperature, 1)
            loss = -(log_likelihood * is_positive).sum(1)
            num_positives = is_positive.sum(1)
            if self.reduction == 'mean':
                loss = loss / num_positives
            results[f'{name}/loss_nnm'] = self.weight * loss.mean()
            results[f'{name}/num_positives'] = num_positives.float().mean()
        return results

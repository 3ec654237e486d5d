"""AimCLR's nearest neighbours mining (NNM)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_choice, check_count, check_different, check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


def nearest_neighbors(similarities: Sequence[Tensor], top_k: int) -> Tensor:
    """Mark the positives of Eq. (9): the key and the nearest neighbours of each query.

    Args:
        similarities: Each query's similarities to key and queue, ``[N, 1 + L]``.
        top_k: Number of nearest entries of the queue, at most L.

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
class NNMHead(StreamHead):
    """InfoNCE with the key and the nearest neighbours of several queries as positives.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (9). The paper sums the loss over the
    positives; the release divides the sum by their number.

    Args:
        miners: Names of the query views whose nearest neighbours are positives.
        top_k: k, the number of neighbours of each miner.
        reduction: ``'sum'`` over the positives as in the paper, or ``'mean'`` as in the release.
        temperature: tau.
        view: Name of the query view that is contrasted.
        key_view: Name of the key view.

    Raises:
        ValueError: if the reduction is unknown, there are no miners, or a number is not positive.
    """

    def __init__(
        self,
        miners: Sequence[str] = ('query', 'extreme', 'extreme_drop'),
        top_k: int = 1,
        reduction: str = 'sum',
        temperature: float = 0.07,
        view: str = 'query',
        key_view: str = 'key',
    ) -> None:
        super().__init__()
        check_different(miners=miners)
        check_count(top_k=top_k)
        check_choice(('sum', 'mean'), reduction=reduction)
        check_positive(temperature=temperature)
        self.miners = tuple(miners)
        self.top_k = top_k
        self.reduction = reduction
        self.temperature = temperature
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view, *miners], key_view, queue=top_k)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, L_N, and ``num_positives``, the mean size of the positive set."""
        mined = [outputs.similarities(view, self.key_view).detach() for view in self.miners]
        is_positive = nearest_neighbors(mined, self.top_k)
        logits = outputs.similarities(self.view, self.key_view) / self.temperature
        loss = -(F.log_softmax(logits, 1) * is_positive).sum(1)
        num_positives = is_positive.sum(1)
        if self.reduction == 'mean':
            loss = loss / num_positives
        return {'loss': loss.mean(), 'num_positives': num_positives.float().mean()}

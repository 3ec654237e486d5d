"""Barlow Twins: redundancy reduction between the embeddings of two views."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_at_least
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import gather_with_gradient
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


def cross_correlation(
    first: Tensor, second: Tensor, eps: float = 1e-5, correction: int = 0
) -> Tensor:
    """Compute the correlations over a batch between the entries of two embeddings, ``[D, D]``.

    Args:
        first: ``[N, D]``.
        second: ``[N, D]``.
        eps: Added to the variances.
        correction: 1 for the unbiased variances.
    """
    first, second = (
        (z - z.mean(0)) / (z.var(0, correction=correction) + eps).sqrt() for z in (first, second)
    )
    return first.T @ second / len(first)


def redundancy_loss(correlation: Tensor, off_diagonal_weight: float) -> Tensor:
    """The squared distance of a cross-correlation from the identity, off-diagonal entries weighted.

    Source: Barlow Twins (Zbontar et al., ICML 2021), Eq. (1).

    Args:
        correlation: ``[D, D]``.
        off_diagonal_weight: lambda.

    Returns:
        A scalar.
    """
    diagonal = correlation.diagonal()
    off_diagonal = correlation.square().sum() - diagonal.square().sum()
    return (1 - diagonal).square().sum() + off_diagonal_weight * off_diagonal


@MODELS.register_module()
class CrossCorrelationHead(StreamHead):
    """Pull the cross-correlation of two views' embeddings over the batch to the identity.

    There are no keys and no negatives. Embeddings should not have unit length, so the projector
    needs ``normalize=False``. A distributed run correlates the batches of all ranks.

    With an ``instance_weight``, the two embeddings of each clip are also pulled together. Skeletal
    Twins has such a term; its paper's formula was not at hand, so the cosine is our choice.

    Source: Barlow Twins (Zbontar et al., ICML 2021), Eq. (1) and (2); Skeletal Twins (Zhang et
    al., ICME 2022) for the idea of the instance term.

    Args:
        off_diagonal_weight: lambda.
        instance_weight: Factor of the instance term, one minus the cosine of the two embeddings of
            a clip.
        view: Name of one query view.
        other_view: Name of the other query view.

    Raises:
        ValueError: if both views are the same, or a weight is negative.
    """

    def __init__(
        self,
        off_diagonal_weight: float = 5e-3,
        instance_weight: float = 0.0,
        view: str = 'query',
        other_view: str = 'other_query',
    ) -> None:
        super().__init__()
        check_at_least(0, off_diagonal_weight=off_diagonal_weight, instance_weight=instance_weight)
        if view == other_view:
            raise ValueError(f'view and other_view are both {view!r}; expected two views')
        self.off_diagonal_weight = off_diagonal_weight
        self.instance_weight = instance_weight
        self.view = view
        self.other_view = other_view
        self.reads = Reads(queries=frozenset([view, other_view]))

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``correlation``, the mean of the diagonal."""
        first, second = (
            gather_with_gradient(outputs.queries[view]) for view in (self.view, self.other_view)
        )
        correlation = cross_correlation(first, second)
        loss = redundancy_loss(correlation, self.off_diagonal_weight)
        if self.instance_weight:
            distance = 1 - F.cosine_similarity(first, second).mean()
            loss = loss + self.instance_weight * distance
        return {'loss': loss, 'correlation': correlation.detach().diagonal().mean()}

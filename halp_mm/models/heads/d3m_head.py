"""AimCLR's dual distributional divergence minimisation (D3M)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_different, check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


def distributional_divergence(target: Tensor, logits: Tensor) -> Tensor:
    """Compute the mean cross-entropy between fixed target distributions and those of logits.

    The computation is stable for sharp distributions. The target gets no gradient.

    Args:
        target: Logits ``[N, 1 + L]`` of the target distributions.
        logits: Logits ``[N, 1 + L]`` of the distributions that follow.

    Returns:
        A scalar.
    """
    return -(target.detach().softmax(1) * F.log_softmax(logits, 1)).sum(1).mean()


@MODELS.register_module()
class D3MHead(StreamHead):
    """Pull the distributions of views over key and queue to that of the normal query.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (7) and (8).

    Args:
        followers: Names of the query views that follow; the loss is their mean.
        temperature: tau.
        view: Name of the query view that is followed.
        key_view: Name of the key view.
    """

    def __init__(
        self,
        followers: Sequence[str] = ('extreme', 'extreme_drop'),
        temperature: float = 0.07,
        view: str = 'query',
        key_view: str = 'key',
    ) -> None:
        super().__init__()
        check_different(followers=followers)
        check_positive(temperature=temperature)
        self.followers = tuple(followers)
        self.temperature = temperature
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view, *followers], key_view)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, L_D."""
        target, *followers = (
            outputs.similarities(view, self.key_view) / self.temperature
            for view in (self.view, *self.followers)
        )
        divergences = [distributional_divergence(target, logits) for logits in followers]
        return {'loss': reduce(add, divergences) / len(divergences)}

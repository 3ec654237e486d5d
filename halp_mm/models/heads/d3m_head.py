"""AimCLR's dual distributional divergence minimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


def distributional_divergence(target: Tensor, logits: Tensor) -> Tensor:
    """The mean cross-entropy of the distributions of logits with those of a fixed target.

    Stable for sharp distributions, and without gradient to the target.

    Args:
        target: Logits ``[N, 1 + L]`` of the distributions to follow.
        logits: Logits ``[N, 1 + L]``.

    Returns:
        A scalar.
    """
    return -(target.detach().softmax(1) * F.log_softmax(logits, 1)).sum(1).mean()


@MODELS.register_module()
class D3MHead(PretrainingHead):
    """Views follow the distribution that the normal query has over key and queue.

    Source: AimCLR (Guo et al., AAAI 2022), Eq. (7) and (8).

    Args:
        followers: Names of the query views that follow; the loss is the mean over them.
        temperature: tau.
        **kwargs: See :class:`PretrainingHead`; ``view`` is the view that is followed.
    """

    def __init__(
        self,
        followers: Sequence[str] = ('extreme', 'extreme_drop'),
        temperature: float = 0.07,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not followers:
            raise ValueError('D3MHead needs at least one view that follows')
        self.followers = tuple(followers)
        self.temperature = temperature

    @property
    def views(self) -> tuple[str, ...]:
        """The view that is followed, and those that follow."""
        return (self.view, *self.followers)

    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """``loss_d3m``, L_D."""
        results = {}
        for name in self.streams:
            target, *followers = (
                streams[name].similarities(view) / self.temperature for view in self.views
            )
            divergences = [distributional_divergence(target, logits) for logits in followers]
            results[f'{name}/loss_d3m'] = self.weight * sum(divergences) / len(divergences)
        return results

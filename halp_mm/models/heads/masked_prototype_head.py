"""Prediction of a teacher's prototypes of what a mask hides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from halp_mm.models.heads.prototype_distillation import PrototypeDistillation, cross_entropy
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class MaskedPrototypeHead(PrototypeDistillation):
    """Cross-entropy of the prototypes of hidden tokens with those that a teacher sees there.

    The student sees masked views, the teacher the same views without a mask. Each person of a view
    counts the same, however many of the tokens are hidden. See
    :class:`~halp_mm.models.heads.prototype_distillation.PrototypeDistillation`.

    Source: iBOT (Zhou et al., ICLR 2022), Eq. (2); SLiM (arXiv 2603.10648), its masked feature
    prediction.

    Args:
        views: The teacher's view of each masked view, which must be derived from it.
        part: See :class:`PrototypeDistillation`.
        **kwargs: See :class:`PrototypeDistillation`.

    Raises:
        ValueError: if there are no views, or a number is not positive.
    """

    def __init__(
        self,
        views: Mapping[str, str],
        part: str | None = 'tokens',
        **kwargs: Any,
    ) -> None:
        super().__init__(part, **kwargs)
        if not views:
            raise ValueError('views is empty; expected masked views and their bases by name')
        self.views = dict(views)
        self.reads = Reads(maps=frozenset(views), key_maps=frozenset(views.values()))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the projector and prototypes of each stream, and their momentum copies.

        Raises:
            ValueError: if an encoder does not replace what a mask hides, or its tokens are not as
                long as its features.
        """
        for network in networks.values():
            encoder = network.encoder
            if not encoder.replaces_hidden or encoder.map_dim != encoder.feature_dim:
                raise ValueError(
                    f'{type(encoder).__name__} has no token for what a mask hides, or tokens that '
                    'are not as long as its features; use an encoder such as SLiMTransformer, or '
                    'MaskedPredictionHead'
                )
        super().connect(networks)

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, and ``hidden``, the share of joints that the masks hide.

        Raises:
            ValueError: if a view's transforms record no mask of tokens.
        """
        entries = self.entries[outputs.stream]
        seen: list[Tensor] = []
        taught: list[Tensor] = []
        shares, masks = [], []
        for view, base in self.views.items():
            draws = outputs.draws.get(view, {})
            if 'hidden' not in draws:
                raise ValueError(
                    f'view {view!r} has no hidden tokens to predict; add SemanticTubeMask to its '
                    'transforms'
                )
            feature_map = outputs.maps[view]
            hidden, num_tokens = draws['hidden'], feature_map.shape[3] * feature_map.shape[4]
            for chosen, one in ((seen, feature_map), (taught, outputs.key_maps[base])):
                tokens = one[:, :, entries].permute(0, 1, 3, 4, 2).flatten(0, 3)
                chosen.append(tokens.index_select(0, hidden))
            # Each person counts the same, and one without a mask not at all.
            person = hidden // num_tokens
            people = feature_map.shape[0] * feature_map.shape[1]
            ones = torch.ones_like(hidden, dtype=feature_map.dtype)
            count = ones.new_zeros(people).index_add(0, person, ones)
            shares.append(count.reciprocal()[person] / people / len(self.views))
            masks.append(draws['mask'].float().mean())
        assignment = self.assignments(outputs, torch.cat(taught), progress)
        log_likelihood = self.log_likelihoods(outputs, torch.cat(seen), progress)
        losses = cross_entropy(assignment, log_likelihood) * torch.cat(shares)
        return {'loss': losses.sum(), 'hidden': torch.stack(masks).mean()}

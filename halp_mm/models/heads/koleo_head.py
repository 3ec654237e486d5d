"""Spreading features evenly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_different
from halp_mm.models.encoders.feature_parts import entries_of
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, gather_with_gradient
from halp_mm.models.modules.precision import at_least_float32
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress

_EPS = 1e-6  # added to differences and to distances


def koleo_loss(features: Tensor) -> Tensor:
    """The mean negative logarithm of the distance from each feature to the nearest other one.

    Source: Sablayrolles et al., ICLR 2019, Eq. (3), of features of unit length as in DINOv2.

    Args:
        features: ``[N, D]``.
    """
    unit = F.normalize(features, dim=-1)
    with torch.no_grad():
        similarity = unit @ unit.T
        similarity.fill_diagonal_(-2)
        nearest = similarity.argmax(1)
    distance = F.pairwise_distance(unit, unit[nearest], eps=_EPS)
    return -(distance + _EPS).log().mean()


@MODELS.register_module()
class KoLeoHead(StreamHead):
    """Push the features of a batch away from their nearest ones, view by view.

    A distributed run looks at the batches of all ranks.

    Source: DINOv2 (Oquab et al., 2023), Sec. 4, as SLiM uses it on skeletons.

    Args:
        views: Names of the views; their losses are summed.
        part: Part of the features, for encoders whose features have parts; None for the whole
            feature.
    """

    def __init__(self, views: Sequence[str] = ('query',), part: str | None = None) -> None:
        super().__init__()
        check_different(views=views)
        self.views = tuple(views)
        self.part = part
        self.reads = Reads(features=frozenset(views))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Find the part in each stream's features.

        Raises:
            ValueError: if an encoder's features have no such part.
        """
        self.entries = {
            stream: entries_of(network.encoder, self.part) for stream, network in networks.items()
        }

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``."""
        entries = self.entries[outputs.stream]
        losses = [
            koleo_loss(gather_with_gradient(at_least_float32(outputs.features[view][:, entries])))
            for view in self.views
        ]
        return {'loss': reduce(add, losses)}

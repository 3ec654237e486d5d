"""USDRL's decorrelation: several views of a clip agree, and their entries do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations
from operator import add

from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.argument_checks import check_at_least, check_different
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.cross_correlation_head import cross_correlation, redundancy_loss
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, gather_with_gradient
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress

#: Added to the variances of entries: under the root of their deviation, as in the release, and
#: before entries are divided by it, where the release has 0 / 0 for one that does not vary.
_DEVIATION_EPS = 1e-4
_CORRELATION_EPS = 1e-12


def similarity_loss(embeddings: Sequence[Tensor]) -> Tensor:
    """Sum the mean squared distances of all views but the last from it, and from their own mean.

    Args:
        embeddings: ``[N, D]`` of each view.
    """
    *others, last = embeddings
    mean = reduce(add, others) / len(others)
    distances = [(one - target).square().mean() for one in others for target in (last, mean)]
    return reduce(add, distances)


def variance_covariance_loss(embeddings: Tensor, deviation_weight: float = 5.0) -> Tensor:
    """What the standard deviations of entries lack to 1, and the entries' squared covariances.

    Source: VICReg (Bardes et al., ICLR 2022), Eq. (1) to (4).

    Args:
        embeddings: ``[N, D]`` of one view.
        deviation_weight: Factor of what the deviations lack.

    Returns:
        A scalar.
    """
    centred = embeddings - embeddings.mean(0)
    deviation = (centred.var(0) + _DEVIATION_EPS).sqrt()
    covariance = centred.T @ centred / (len(centred) - 1)
    off_diagonal = covariance.square().sum() - covariance.diagonal().square().sum()
    return deviation_weight * (1 - deviation).relu().mean() + off_diagonal / centred.shape[1]


@MODELS.register_module()
class DecorrelationHead(StreamHead):
    """Pull the embeddings of several views together, and the entries of embeddings apart.

    There are no keys and no negatives. The terms are the distances of the views, the variance and
    auto-covariance of each view, and the cross-correlation of each pair of views. With a
    ``part_projector``, they also count for the embeddings of the parts of a feature, such as those
    over time and over joints of :class:`~halp_mm.models.DSTE`.

    Embeddings should not have unit length, so the projectors need ``normalize=False``. A
    distributed run looks at the batches of all ranks.

    Source: USDRL (Weng et al., AAAI 2025), its losses at the temporal, spatial and instance level,
    and its release.

    Args:
        views: Names of the query views; the others are pulled to the last one and to their mean.
        part_projector: Config of the projectors of the encoder's feature parts, without
            ``in_dim``; None for the whole features alone.
        part_weight: Factor of the terms of each part.
        similarity_weight: Factor of the views' distances.
        correlation_weight: Factor of the cross-correlations.
        off_diagonal_weight: lambda of the cross-correlations.

    Raises:
        ValueError: if there are fewer than two views, or a weight is negative.
    """

    def __init__(
        self,
        views: Sequence[str] = ('first', 'second', 'third', 'fourth'),
        part_projector: Mapping | None = None,
        part_weight: float = 0.5,
        similarity_weight: float = 5.0,
        correlation_weight: float = 1e-3,
        off_diagonal_weight: float = 5e-3,
    ) -> None:
        super().__init__()
        check_different(views=views)
        if len(views) < 2:
            raise ValueError(f'views={list(views)}; expected two or more, which are to agree')
        check_at_least(
            0,
            part_weight=part_weight,
            similarity_weight=similarity_weight,
            correlation_weight=correlation_weight,
            off_diagonal_weight=off_diagonal_weight,
        )
        self.views = tuple(views)
        self.part_projector = part_projector
        self.part_weight = part_weight
        self.similarity_weight = similarity_weight
        self.correlation_weight = correlation_weight
        self.off_diagonal_weight = off_diagonal_weight
        seen = frozenset(views)
        self.reads = Reads(queries=seen, features=seen if part_projector else frozenset())

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the projectors of the parts of each stream's features.

        Raises:
            ValueError: if there are to be projectors, and an encoder's features have no parts.
        """
        if self.part_projector is None:
            return
        self.part_projectors = ModuleDict()
        self.part_lengths: dict[str, list[int]] = {}
        for stream, network in networks.items():
            parts = network.encoder.feature_parts
            if not parts:
                raise ValueError(
                    f'part_projector is set, but the features of {type(network.encoder).__name__} '
                    'have no parts; set it to None, or choose an encoder such as DSTE'
                )
            self.part_lengths[stream] = list(parts.values())
            self.part_projectors[stream] = ModuleDict(
                {
                    part: MODELS.build({**self.part_projector, 'in_dim': length})
                    for part, length in parts.items()
                }
            )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``deviation``, the mean over the entries of the first view."""
        embeddings = [gather_with_gradient(outputs.queries[view]) for view in self.views]
        loss = self.loss_of(embeddings)
        if self.part_projector is not None:
            for part in self.part_embeddings(outputs):
                loss = loss + self.part_weight * self.loss_of(part)
        return {'loss': loss, 'deviation': embeddings[0].detach().std(0).mean()}

    def part_embeddings(self, outputs: StreamOutputs) -> list[list[Tensor]]:
        """The embeddings ``[N, D]`` of each part and view."""
        lengths = self.part_lengths[outputs.stream]
        projectors = self.part_projectors[outputs.stream].values()
        parts = [outputs.features[view].split(lengths, 1) for view in self.views]
        return [
            [gather_with_gradient(outputs.run(projector, of_view[i])) for of_view in parts]
            for i, projector in enumerate(projectors)
        ]

    def loss_of(self, embeddings: Sequence[Tensor]) -> Tensor:
        """All terms for the embeddings ``[N, D]`` of the views."""
        variances = [variance_covariance_loss(one) for one in embeddings]
        correlations = [
            redundancy_loss(
                cross_correlation(*pair, eps=_CORRELATION_EPS, correction=1),
                self.off_diagonal_weight,
            )
            for pair in combinations(embeddings, 2)
        ]
        return (
            self.similarity_weight * similarity_loss(embeddings)
            + reduce(add, variances)
            + self.correlation_weight * reduce(add, correlations)
        )

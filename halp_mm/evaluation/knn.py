"""k nearest neighbours among the training clips."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.cosine import inverse_lengths
from halp_mm.evaluation.feature_autoencoder import (
    check_autoencoder_settings,
    train_feature_autoencoder,
)
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import Outcome, Protocol
from halp_mm.registry import PROTOCOLS

_MAX_COPIED = 2**24  # numbers of the gallery in a chunk
_MAX_SIMILARITIES = 2**23  # that are held at a time


@torch.no_grad()
def knn_scores(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    num_classes: int,
    k: int = 1,
    chunk_size: int = 4096,
) -> Tensor:
    """Class scores by exact cosine similarity.

    A class scores one for each of the k nearest training clips that belongs to it. Among equals,
    and for places beyond the first, the class with the nearer clip wins. If several clips are
    exactly as near at the k-th place, any of them may take it.

    Both sides are compared chunk by chunk, and no more than a chunk of the features is copied:
    beside them and the scores, less than 0.3 GB is taken, however many clips there are.

    Args:
        train_features: ``[N, D]``.
        train_labels: ``[N]``.
        test_features: ``[Q, D]``.
        num_classes: Number of classes.
        k: Number of neighbours, at most N.
        chunk_size: Maximum number of training clips and of test clips compared at a time.

    Returns:
        float64 ``[Q, num_classes]``: float32 could not hold k votes and who is nearer.

    Raises:
        ValueError: if there are fewer than k training clips, or features are not finite.
    """
    if not 1 <= k <= len(train_features):
        raise ValueError(f'k={k} neighbours cannot be found among {len(train_features)} clips')
    inverse, query_inverse = inverse_lengths(train_features), inverse_lengths(test_features)
    chunk_size = min(chunk_size, max(1, _MAX_COPIED // train_features.shape[1]))
    num_queries = min(chunk_size, max(1, _MAX_SIMILARITIES // (chunk_size + k)))
    # Of one class after the other, so that its nearest clip is the largest of some columns.
    order = train_labels.argsort(stable=True)
    nearest = test_features.new_full((num_classes, len(test_features)), -torch.inf)
    closeness = test_features.new_empty(len(test_features), 0)  # of the k nearest so far
    neighbours = train_labels.new_empty(len(test_features), 0)  # and their classes
    room = test_features.new_empty(num_queries * chunk_size)
    for members in order.split(chunk_size):
        gallery = train_features[members].mul_(inverse[members, None]).T
        labels = train_labels[members]
        classes, counts = (part.tolist() for part in labels.unique_consecutive(return_counts=True))
        found = []
        for queries, best in zip(test_features.split(num_queries), nearest.split(num_queries, 1)):
            # As many times a cosine as the query is long.
            similarity = room[: len(queries) * len(members)].view(len(queries), -1)
            torch.mm(queries, gallery, out=similarity)
            for label, part in zip(classes, similarity.split(counts, 1)):
                best[label].clamp_(min=part.amax(1))
            if k > 1:
                found.append(similarity.topk(min(k, len(members)), 1))
        if k > 1:
            closer, positions = (torch.cat(parts) for parts in zip(*found))
            closeness = torch.cat([closeness, closer], 1)
            neighbours = torch.cat([neighbours, labels[positions]], 1)
            closeness, positions = closeness.topk(min(k, closeness.shape[1]), 1)
            neighbours = neighbours.gather(1, positions)
    if k == 1:
        neighbours = nearest.argmax(0)[:, None]
    # The nearest clip of each class counts in [0, 1): never as much as one vote.
    scores = nearest.mul_(query_inverse).clamp_(min=-1).T.double().add_(1).div_(2.01)
    return scores.scatter_add_(1, neighbours, scores.new_ones(1, 1).expand_as(neighbours))


def whitening_of(features: Tensor, added: float) -> tuple[Tensor, Tensor]:
    """The transform after which all directions of features have almost the same variance.

    Labels are not looked at.

    Args:
        features: ``[N, D]``.
        added: Share of the mean variance that is added to the variance of every direction. The
            smaller, the more directions of little variance count, and their noise.

    Returns:
        The mean ``[D]``, which is subtracted, and the symmetric matrix ``[D, D]`` by which the
        difference is multiplied.
    """
    mean = features.mean(0)
    centred = (features - mean).double()
    variance, directions = torch.linalg.eigh(centred.mT @ centred / len(features))
    variance = variance.clamp(min=0)
    # Of features that are all alike nothing is left, whatever they are multiplied with.
    scale = (variance + added * variance.mean()).clamp(min=torch.finfo().tiny).rsqrt()
    return mean, (directions * scale @ directions.mT).to(features.dtype)


@PROTOCOLS.register_module()
class KNNProtocol(Protocol):
    """kNN evaluation of the encoder's features: HaLP, Sec. 4.3.

    Args:
        k: Number of neighbours.
        chunk_size: See :func:`knn_scores`.
        whitening: If given, features are whitened before they are compared, as
            :func:`whitening_of` the training clips' says, with this share of the mean variance
            added to all directions.
        autoencoder: If given, an autoencoder of the training clips' features is trained without
            labels, with these settings of :func:`train_feature_autoencoder`, such as
            ``dict(code_dim=125)``, and codes are compared. The accuracies of the features
            themselves are then ``features/top1`` and ``features/top5``.
        **kwargs: See :class:`Protocol`.

    Raises:
        ValueError: if an argument is out of range, or both whitening and an autoencoder are given.
    """

    def __init__(
        self,
        k: int = 1,
        chunk_size: int = 4096,
        whitening: float | None = None,
        autoencoder: Mapping | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_count(k=k, chunk_size=chunk_size)
        if whitening is not None:
            check_positive(whitening=whitening)
        if autoencoder is not None:
            check_autoencoder_settings(autoencoder)
            if whitening is not None:
                raise ValueError(
                    'autoencoder and whitening are both given; expected one of them, as either '
                    'decides what is compared'
                )
        self.whitening = whitening
        self.autoencoder = autoencoder
        self.k = k
        self.chunk_size = chunk_size

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """See :func:`knn_scores`."""
        train = self.encode(model, train_dataset)
        test = self.encode(model, test_dataset)
        labels = train_dataset.labels.to(next(iter(train.values())).device)
        num_classes = len(train_dataset.metainfo['classes'])

        def scores_of(gallery: Tensor, queries: Tensor) -> Tensor:
            return knn_scores(gallery, labels, queries, num_classes, self.k, self.chunk_size)

        scores = {
            stream: scores_of(*self.compared(features, test[stream]))
            for stream, features in train.items()
        }
        if self.autoencoder is None:
            return Outcome(scores, test)
        plain = [scores_of(features, test[stream]) for stream, features in train.items()]
        fused = torch.stack(plain).mean(0)
        test_labels = test_dataset.labels.to(fused.device)
        metrics = {f'features/top{k}': top_k_accuracy(fused, test_labels, k) for k in (1, 5)}
        return Outcome(scores, test, metrics)

    def compared(self, gallery: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """Map features ``[N, D]`` and ``[Q, D]`` to what is compared."""
        if self.whitening is not None:
            mean, matrix = whitening_of(gallery, self.whitening)
            return (gallery - mean) @ matrix, (queries - mean) @ matrix
        if self.autoencoder is not None:
            network = train_feature_autoencoder(gallery, seed=self.seed, **self.autoencoder)
            return network.encoder(gallery), network.encoder(queries)
        return gallery, queries

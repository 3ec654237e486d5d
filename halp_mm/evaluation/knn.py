"""k nearest neighbours among the training clips."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.cosine import cosine_similarity, inverse_lengths
from halp_mm.evaluation.feature_autoencoder import (
    check_autoencoder_settings,
    train_feature_autoencoder,
)
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import Outcome, Protocol
from halp_mm.registry import PROTOCOLS

_MAX_CANDIDATES = 2**22  # similarities computed in one step


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

    Both sides are compared chunk by chunk, and features are not copied: beside them and the
    scores, less than 0.3 GB is taken, however many clips there are and whatever k is.

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
    inverse_lengths(test_features)  # refuses features that are not finite
    gallery_chunks = [
        part.split(chunk_size)
        for part in (train_features, inverse_lengths(train_features), train_labels)
    ]
    num_queries = min(chunk_size, max(1, _MAX_CANDIDATES // (chunk_size + k)))
    scores = test_features.new_empty(len(test_features), num_classes, dtype=torch.float64)
    for queries, result in zip(test_features.split(num_queries), scores.split(num_queries)):
        closeness = queries.new_empty(len(queries), 0)  # of the k nearest so far
        neighbours = train_labels.new_empty(len(queries), 0)  # and their classes
        nearest = queries.new_full((len(queries), num_classes), -1.0)  # of each class
        for gallery, inverse, labels in zip(*gallery_chunks):
            similarity = cosine_similarity(queries, gallery, inverse)
            nearest.scatter_reduce_(1, labels.expand(len(queries), -1), similarity, 'amax')
            similarity, positions = similarity.topk(min(k, len(gallery)), 1)
            candidates = torch.cat([neighbours, labels[positions]], 1)
            closeness = torch.cat([closeness, similarity], 1)
            closeness, positions = closeness.topk(min(k, closeness.shape[1]), 1)
            neighbours = candidates.gather(1, positions)
        # The nearest clip of each class counts in [0, 1): never as much as one vote.
        result.copy_(nearest).add_(1).div_(2.01)
        one = result.new_ones(1, 1)
        result.scatter_add_(1, neighbours, one.expand_as(neighbours))
    return scores


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
        train = extract_features(model, train_dataset, self.encoding_batch_size)
        test = extract_features(model, test_dataset, self.encoding_batch_size)
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

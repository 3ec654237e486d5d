"""k nearest neighbours among the training clips."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.protocol import Protocol
from halp_mm.registry import PROTOCOLS


def knn_scores(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    num_classes: int,
    k: int = 1,
    chunk_size: int = 1024,
) -> Tensor:
    """Class scores by exact cosine similarity.

    A class scores one for each of the k nearest training clips that belongs to it. Among equals,
    and for places beyond the first, the class with the nearer clip wins.

    Args:
        train_features: ``[N, D]``.
        train_labels: ``[N]``.
        test_features: ``[Q, D]``.
        num_classes: Number of classes.
        k: Number of neighbours, at most N.
        chunk_size: Test clips that are compared at a time, which bounds the memory.

    Returns:
        ``[Q, num_classes]``.

    Raises:
        ValueError: if there are fewer than k training clips.
    """
    if not 1 <= k <= len(train_features):
        raise ValueError(f'k={k} neighbours cannot be found among {len(train_features)} clips')
    train = F.normalize(train_features, dim=1)
    scores = []
    for chunk in F.normalize(test_features, dim=1).split(chunk_size):
        similarity = chunk @ train.T
        votes = similarity.new_zeros(len(chunk), num_classes)
        neighbours = train_labels[similarity.topk(k, 1).indices]
        votes.scatter_add_(1, neighbours, torch.ones_like(neighbours, dtype=votes.dtype))
        # The nearest clip of each class, in [0, 1): never as much as one vote.
        nearest = torch.full_like(votes, -1.0)
        by_class = train_labels.expand(len(chunk), -1)
        nearest.scatter_reduce_(1, by_class, similarity, 'amax')
        scores.append(votes + (nearest + 1) / 2.01)
    return torch.cat(scores)


@PROTOCOLS.register_module()
class KNNProtocol(Protocol):
    """kNN evaluation of the encoder's features: HaLP, Sec. 4.3.

    Args:
        k: Number of neighbours.
        chunk_size: Test clips that are compared at a time.
        **kwargs: See :class:`Protocol`.
    """

    def __init__(self, k: int = 1, chunk_size: int = 1024, **kwargs) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.chunk_size = chunk_size

    def scores(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> dict[str, Tensor]:
        """See :func:`knn_scores`."""
        train = extract_features(model, train_dataset, self.encoding_batch_size)
        test = extract_features(model, test_dataset, self.encoding_batch_size)
        num_classes = len(train_dataset.metainfo['classes'])
        return {
            stream: knn_scores(
                features,
                train_dataset.labels.to(features.device),
                test[stream],
                num_classes,
                self.k,
                self.chunk_size,
            )
            for stream, features in train.items()
        }

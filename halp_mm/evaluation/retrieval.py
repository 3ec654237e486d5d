"""Retrieval: each test clip asks for training clips of its own action."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.cosine import cosine_similarity, inverse_lengths
from halp_mm.evaluation.knn import knn_scores
from halp_mm.evaluation.protocol import Outcome, Protocol
from halp_mm.registry import PROTOCOLS

_RANKS = (1, 5)  # the k of recall@k


def retrieve(
    gallery: Mapping[str, Tensor],
    gallery_labels: Tensor,
    queries: Mapping[str, Tensor],
    query_labels: Tensor,
    max_similarities: int = 2**23,
) -> tuple[Tensor, Tensor]:
    """Rank the gallery for each query by cosine similarity, and see where its class stands.

    With several streams the mean of their cosines ranks.

    Clips that are exactly as near: before the first hit, those of other classes come first, so a
    tie is no hit. In the average precision all of them are found at once, as scikit-learn has it.
    A query of a class that the gallery lacks finds nothing: its first hit is beyond the end, and
    its average precision is 0.

    Args:
        gallery: Features ``[N, D]`` by stream.
        gallery_labels: ``[N]``.
        queries: Features ``[Q, D]`` by stream.
        query_labels: ``[Q]``.
        max_similarities: How many similarities are held at a time, which bounds the memory; as
            many queries are compared with the whole gallery as that allows, but at least one.

    Returns:
        ``misses`` ``[Q]``, how many clips of other classes come before the first of the query's
        own (N without any); and the average precision ``[Q]``, float64.

    Raises:
        ValueError: if features are not finite.
    """
    scales = {stream: inverse_lengths(features) for stream, features in gallery.items()}
    for features in queries.values():
        inverse_lengths(features)  # refuses what is not finite
    misses = torch.full_like(query_labels, len(gallery_labels))
    precision = torch.zeros(len(query_labels), dtype=torch.float64, device=query_labels.device)
    num_queries = max(1, max_similarities // len(gallery_labels))
    for label in query_labels.unique():
        wanted = (gallery_labels == label).nonzero().flatten()
        if not len(wanted):
            continue
        for rows in (query_labels == label).nonzero().flatten().split(num_queries):
            # Queries of one class have the same wanted clips, so that all is rectangular.
            similarity = sum(
                cosine_similarity(queries[stream][rows], features, scales[stream])
                for stream, features in gallery.items()
            )
            hits = similarity[:, wanted].sort().values
            # Clips, wanted ones or all, that are at least as near as each wanted one.
            found = hits.shape[1] - torch.searchsorted(hits, hits)
            similarity = similarity.sort().values
            place = similarity.shape[1] - torch.searchsorted(similarity, hits)
            misses[rows] = (place - found)[:, -1]
            precision[rows] = (found.double() / place).mean(1)
    return misses, precision


def retrieval_metrics(
    gallery: Mapping[str, Tensor],
    gallery_labels: Tensor,
    queries: Mapping[str, Tensor],
    query_labels: Tensor,
) -> dict[str, float]:
    """Metrics of a retrieval, per cent; arguments as in :func:`retrieve`.

    Returns:
        ``recall1`` and ``recall5``: how often the first k clips hold one of the query's class.
        ``map``: the mean of the average precisions.
    """
    misses, precision = retrieve(gallery, gallery_labels, queries, query_labels)
    num_clips = len(gallery_labels)  # as many misses: never found
    recalls = {
        f'recall{k}': 100 * (misses < min(k, num_clips)).double().mean().item() for k in _RANKS
    }
    return recalls | {'map': 100 * precision.mean().item()}


@PROTOCOLS.register_module()
class RetrievalProtocol(Protocol):
    """Retrieval by the encoder's features: test clips are queries, training clips the gallery.

    Metrics are ``recall1``, ``recall5`` and ``map``, see :func:`retrieval_metrics`; with several
    streams also ``STREAM/recall1`` and so on. Class scores, and so ``top1`` and ``top5``, are those
    of the nearest neighbour.

    Args:
        **kwargs: See :class:`Protocol`.
    """

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """The scores of the nearest neighbour, and the metrics of the retrieval."""
        gallery = self.encode(model, train_dataset)
        queries = self.encode(model, test_dataset)
        device = next(iter(gallery.values())).device
        gallery_labels = train_dataset.labels.to(device)
        query_labels = test_dataset.labels.to(device)
        num_classes = len(train_dataset.metainfo['classes'])
        scores = {
            stream: knn_scores(features, gallery_labels, queries[stream], num_classes)
            for stream, features in gallery.items()
        }
        metrics = retrieval_metrics(gallery, gallery_labels, queries, query_labels)
        if len(gallery) > 1:
            for stream, features in gallery.items():
                alone = {stream: features}, gallery_labels, {stream: queries[stream]}, query_labels
                for name, value in retrieval_metrics(*alone).items():
                    metrics[f'{stream}/{name}'] = value
        return Outcome(scores, queries, metrics)

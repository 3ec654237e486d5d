"""Clips to compare new clips with: their features, names and actions."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from halp_mm.apis.features import ClipFeatures
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.evaluation import knn_scores
from halp_mm.evaluation.cosine import cosine_similarity, inverse_lengths


@dataclass(frozen=True)
class Neighbour:
    """A clip of the gallery that is similar to another clip.

    Args:
        name: Its name.
        action: The name of its class; None if it has no label.
        similarity: The cosine of the clips' features; with several streams, their mean.
        source: The file or folder that it is in; None if unknown.
    """

    name: str
    action: str | None
    similarity: float
    source: str | None = None


class Gallery:
    """Clips that new clips are compared with by their features.

    Args:
        clips: Their features, and what they are.
        k: How many neighbours vote in kNN.
        device: Where features are compared.

    Raises:
        ValueError: if k does not fit the clips, or features are not finite.
    """

    def __init__(self, clips: ClipFeatures, k: int = 1, device: torch.device | str = 'cpu') -> None:
        self.clips = clips
        num_labelled = int((clips.labels != UNLABELLED).sum())
        if num_labelled and not 1 <= k <= num_labelled:
            raise ValueError(f'k is {k}; expected 1 to {num_labelled}, the labelled clips')
        self.k = k
        self._features = {key: value.to(device) for key, value in clips.features.items()}
        self._scales = {key: inverse_lengths(value) for key, value in self._features.items()}
        self._labels = clips.labels.to(device)

    def class_scores(self, features: dict[str, Tensor]) -> Tensor:
        """Scores ``[N, classes]`` by kNN; with several streams their mean, as in the protocol.

        Args:
            features: ``[N, D]`` by stream.

        Returns:
            See :func:`halp_mm.evaluation.knn_scores`; no columns if no clip has a label.
        """
        is_labelled = self._labels != UNLABELLED
        if not is_labelled.any():
            some = next(iter(features.values()))
            return some.new_empty(len(some), 0)
        labels, count = self._labels[is_labelled], len(self.clips.classes)
        by_stream = [
            knn_scores(gallery[is_labelled], labels, features[stream], count, self.k)
            for stream, gallery in self._features.items()
        ]
        return torch.stack(by_stream).mean(0)

    def nearest(self, features: dict[str, Tensor], count: int) -> tuple[Tensor, Tensor]:
        """The nearest clips of each clip, the nearest first.

        Args:
            features: ``[N, D]`` by stream.
            count: How many, or all if there are fewer.

        Returns:
            Cosines, and positions in the gallery, ``[N, count]``.
        """
        by_stream = [
            cosine_similarity(features[stream], gallery, self._scales[stream])
            for stream, gallery in self._features.items()
        ]
        similarity = torch.stack(by_stream).mean(0)
        return similarity.topk(min(count, len(self.clips.names)), 1)

    def neighbours(self, features: dict[str, Tensor], count: int) -> list[list[Neighbour]]:
        """What the nearest clips of each clip are, the nearest first; see :meth:`nearest`."""
        similarity, nearest = self.nearest(features, count)
        rows = zip(nearest.tolist(), similarity.tolist())
        return [[self._neighbour(i, cosine) for i, cosine in zip(*row)] for row in rows]

    def _neighbour(self, position: int, similarity: float) -> Neighbour:
        clips, label = self.clips, int(self.clips.labels[position])
        action = None if label == UNLABELLED else clips.classes[label]
        source = clips.sources[position] if clips.sources else None
        return Neighbour(clips.names[position], action, similarity, source)

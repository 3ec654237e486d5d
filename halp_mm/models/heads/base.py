"""What a pre-training head is, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from mmengine.model import BaseModule
from torch import Tensor

from halp_mm.models.modules import FeatureQueue
from halp_mm.training_progress import TrainingProgress


@dataclass(frozen=True)
class StreamEmbeddings:
    """What the networks of one stream make of a batch.

    Args:
        queries: Query embeddings by the name of their view: unit vectors ``[N, D]`` with gradient.
        key: Key embeddings: unit vectors ``[N, D]`` without gradient.
        queue: The stream's queue, without the keys of this batch.
        negatives: The queue's entries at this moment ``[L, D]``.
    """

    queries: Mapping[str, Tensor]
    key: Tensor
    queue: FeatureQueue
    negatives: Tensor
    _similarities: dict[str, Tensor] = field(default_factory=dict, init=False, repr=False)

    def similarities(self, view: str) -> Tensor:
        """Of a view's queries to their keys, first, and to the negatives: ``[N, 1 + L]``.

        They are computed once for all heads.
        """
        if view not in self._similarities:
            query = self.queries[view]
            positive = (query * self.key).sum(-1, keepdim=True)
            self._similarities[view] = torch.cat([positive, query @ self.negatives.T], 1)
        return self._similarities[view]


class PretrainingHead(BaseModule, ABC):
    """One term of a pre-training loss.

    A method is a list of heads. Each has its weight and the epochs in which it counts, so methods
    with stages are configs.

    Args:
        weight: Factor of the head's loss.
        start_epoch: The head is silent before this epoch.
        end_epoch: It is silent from this epoch on; never by default.
        view: Name of the query view that the head looks at.
        streams: The streams that the head is concerned with; the pre-trainer's by default.
        embedding_dim: Length D of an embedding; the pre-trainer's by default.
        init_cfg: How mmengine initialises the weights.
    """

    #: How many streams a head needs; more than one where streams learn from each other.
    min_streams: int = 1

    def __init__(
        self,
        weight: float = 1.0,
        start_epoch: int = 0,
        end_epoch: int | None = None,
        view: str = 'query',
        streams: Sequence[str] = ('joint',),
        embedding_dim: int = 128,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.weight = weight
        self.start_epoch = start_epoch
        self.end_epoch = end_epoch
        self.view = view
        self.streams = tuple(streams)
        self.embedding_dim = embedding_dim

    def is_active(self, progress: TrainingProgress) -> bool:
        """Whether the head counts in this epoch."""
        has_ended = self.end_epoch is not None and progress.epoch >= self.end_epoch
        return progress.epoch >= self.start_epoch and not has_ended

    @property
    def views(self) -> tuple[str, ...]:
        """Names of all query views that the head looks at."""
        return (self.view,)

    def check(self, streams: Collection[str], views: Collection[str], queue_size: int) -> None:
        """Raise a ValueError if the pre-trainer does not have what the head needs.

        Args:
            streams: Names of the pre-trainer's streams.
            views: Names of its query views.
            queue_size: L, keys that a queue holds.
        """
        name = type(self).__name__
        unknown = sorted(set(self.streams) - set(streams))
        if unknown:
            raise ValueError(f'{name} is for streams {unknown}; the model has {list(streams)}')
        if len(set(self.streams)) < max(self.min_streams, len(self.streams)):
            raise ValueError(
                f'{name} needs {self.min_streams} or more different streams, found '
                f"{list(self.streams)}; name them in the model's streams, or in the head's"
            )
        unknown = [view for view in self.views if view not in views]
        if unknown:
            raise ValueError(
                f'{name} looks at {unknown}, but the model has the query views {list(views)}'
            )

    @abstractmethod
    def loss(
        self, streams: Mapping[str, StreamEmbeddings], progress: TrainingProgress
    ) -> dict[str, Tensor]:
        """The head's losses and figures.

        Args:
            streams: Embeddings of the batch by stream.
            progress: Where training stands.

        Returns:
            Scalars by name. Those whose names contain ``loss`` are added up and minimised; all
            are logged. What concerns one stream is called ``STREAM/NAME``.
        """

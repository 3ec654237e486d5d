"""What a pre-training head is, and what it is given."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

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


class PretrainingHead(BaseModule, ABC):
    """One term of a pre-training loss.

    A method is a list of heads. Each has its weight and the epoch from which it counts, so
    methods with stages are configs.

    Args:
        weight: Factor of the head's loss.
        start_epoch: The head is silent before this epoch.
        init_cfg: How mmengine initialises the weights.
    """

    def __init__(
        self, weight: float = 1.0, start_epoch: int = 0, init_cfg: dict | None = None
    ) -> None:
        super().__init__(init_cfg)
        self.weight = weight
        self.start_epoch = start_epoch

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
            are logged.
        """


def stream_prefix(stream: str, streams: Mapping[str, StreamEmbeddings]) -> str:
    """What the names of a stream's losses begin with; nothing if there is only one stream."""
    return f'{stream}/' if len(streams) > 1 else ''

"""What a pre-training head is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

from mmengine.model import BaseModule
from torch import Tensor

from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.training_progress import TrainingProgress


class PretrainingHead(BaseModule, ABC):
    """One term of a pre-training loss.

    A head says what it reads, is given that, and returns its loss. Its name, its weight, the
    epochs in which it counts and its streams are the pre-trainer's to know, see
    :class:`~halp_mm.models.pretrainers.HeadTerm`.

    A head that judges each stream for itself is a :class:`StreamHead`.
    """

    #: What the head reads of each of its streams.
    reads: Reads = Reads()
    #: How many streams a head needs; more than one where streams learn from each other.
    min_streams: int = 1

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Make what depends on the networks' sizes, such as a decoder or prototypes.

        Args:
            networks: The query networks of the head's streams.
        """

    @abstractmethod
    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """The head's loss and metrics of each stream.

        Args:
            streams: What the networks of the head's streams have made of the batch.
            progress: Where training stands; ``active_iterations`` counts from the head's start.

        Returns:
            Scalars by stream and name. ``loss`` is weighted and minimised; all are logged.
        """


class StreamHead(PretrainingHead):
    """A head that judges each stream for itself."""

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """The loss and metrics of each stream; see :meth:`PretrainingHead.loss`."""
        return {stream: self.stream_loss(outputs, progress) for stream, outputs in streams.items()}

    @abstractmethod
    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """``loss`` and metrics of one stream, scalars by name."""

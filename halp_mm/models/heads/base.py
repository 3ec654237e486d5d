"""The base classes of pre-training heads."""

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

    A head declares what it reads, receives it, and returns its loss. The pre-trainer knows the
    head's name, weight, active epochs and streams, see
    :class:`~halp_mm.models.pretrainers.HeadTerm`.

    A head with a separate loss for each stream is a :class:`StreamHead`.
    """

    #: The outputs that the head reads from each of its streams.
    reads: Reads = Reads()
    #: Minimum number of streams; more than one if streams learn from each other.
    min_streams: int = 1

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the parts that depend on the networks' sizes, such as a decoder or prototypes.

        Args:
            networks: The query networks of the head's streams.
        """

    def update_copies(self, momentum: float) -> None:
        """Move the head's momentum copies of its own parts, if it has any, towards these parts.

        This is called whenever the momentum copy of the networks is updated.

        Args:
            momentum: Share of the copies that the update keeps.
        """

    @abstractmethod
    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """Compute the head's loss and metrics of each stream.

        Args:
            streams: Outputs of the networks of the head's streams, by stream.
            progress: The training progress; ``active_iterations`` counts from the head's start.

        Returns:
            Scalars by stream and name. ``loss`` is weighted and minimised; all scalars are logged.
        """


class StreamHead(PretrainingHead):
    """A head with a separate loss for each stream."""

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """Compute the loss and metrics of each stream; see :meth:`PretrainingHead.loss`."""
        return {stream: self.stream_loss(outputs, progress) for stream, outputs in streams.items()}

    @abstractmethod
    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and metrics of one stream, scalars by name."""

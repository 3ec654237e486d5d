"""What heads have in common in which a student learns a teacher's assignments to prototypes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, is_distributed
from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.models.encoders.feature_parts import entries_of
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, MomentumCopy
from halp_mm.models.modules.prototype_network import PrototypeNetwork
from halp_mm.training_progress import TrainingProgress

#: Of DINOv2, with fewer units.
_PROJECTOR = dict(type='Projector', hidden_dim=[256, 256], out_dim=64, activation='GELU')


@torch.no_grad()
def sinkhorn_knopp(logits: Tensor, num_iterations: int = 3) -> Tensor:
    """Assign rows to columns with equal column sums.

    A distributed run sums the columns over the rows of all ranks, of which there may be as many as
    each has.

    Source: SwAV (Caron et al., 2020), Eq. (3).

    Args:
        logits: ``[N, K]``; N may be 0.
        num_iterations: Number of alternating normalisations of columns and rows.

    Returns:
        ``[N, K]``; each row sums to 1.
    """
    log_assignment = logits
    for _ in range(num_iterations):
        columns = log_assignment.logsumexp(0)
        if is_distributed():
            columns = torch.stack(all_gather(columns)).logsumexp(0)
        log_assignment = log_assignment - columns
        log_assignment = log_assignment - log_assignment.logsumexp(1, keepdim=True)
    return log_assignment.exp()


def cross_entropy(assignment: Tensor, log_likelihood: Tensor) -> Tensor:
    """The cross-entropy of each row ``[N, K]`` with its assignment: ``[N]``."""
    return -(assignment * log_likelihood).sum(-1)


class PrototypeDistillation(StreamHead):
    """A student whose assignments to prototypes follow those of a teacher.

    The teacher is the momentum copy of the networks, and of the head's projector and prototypes.
    Sinkhorn-Knopp balances its assignments over the batch of all ranks, which prevents all clips
    from sharing one prototype.

    Source: DINOv2 (Oquab et al., 2023), Sec. 4, as SLiM uses it on skeletons.

    Args:
        part: Part of the features that is assigned, for encoders whose features have parts; None
            for the whole feature.
        num_prototypes: K, the number of prototypes.
        projector: Config of the projector, without ``in_dim``.
        student_temperature: Temperature of the student's distribution.
        teacher_temperature: Temperature of the teacher's assignment.
        initial_temperature: The teacher's temperature at the start; by default the same.
        warmup_epochs: Epochs in which the teacher's temperature changes, evenly.
        frozen_epochs: Epochs in which the prototypes are not trained.
    """

    def __init__(
        self,
        part: str | None = None,
        num_prototypes: int = 256,
        projector: Mapping | None = None,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.06,
        initial_temperature: float | None = None,
        warmup_epochs: int = 0,
        frozen_epochs: int = 0,
    ) -> None:
        super().__init__()
        if initial_temperature is None:
            initial_temperature = teacher_temperature
        check_count(num_prototypes=num_prototypes)
        check_count(0, warmup_epochs=warmup_epochs, frozen_epochs=frozen_epochs)
        check_positive(
            student_temperature=student_temperature,
            teacher_temperature=teacher_temperature,
            initial_temperature=initial_temperature,
        )
        self.part = part
        self.num_prototypes = num_prototypes
        self.projector = projector or _PROJECTOR
        self.student_temperature = student_temperature
        self.teacher_temperature = teacher_temperature
        self.initial_temperature = initial_temperature
        self.warmup_epochs = warmup_epochs
        self.frozen_epochs = frozen_epochs

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the projector and prototypes of each stream, and their momentum copies.

        Raises:
            ValueError: if an encoder's features have no such part.
        """
        self.entries = {
            stream: entries_of(network.encoder, self.part) for stream, network in networks.items()
        }
        self.students = ModuleDict(
            {
                stream: PrototypeNetwork(
                    entries.stop - entries.start, self.num_prototypes, self.projector
                )
                for stream, entries in self.entries.items()
            }
        )
        self.teachers = MomentumCopy(self.students)

    def update_copies(self, momentum: float) -> None:
        """Move the teachers towards the students."""
        self.teachers.update_parameters(self.students, momentum)

    def temperature_at(self, progress: TrainingProgress) -> float:
        """The teacher's temperature at a moment of training."""
        if progress.epochs >= self.warmup_epochs:
            return self.teacher_temperature
        change = self.teacher_temperature - self.initial_temperature
        return self.initial_temperature + change * progress.epochs / self.warmup_epochs

    def log_likelihoods(
        self, outputs: StreamOutputs, features: Tensor, progress: TrainingProgress
    ) -> Tensor:
        """The student's logarithms of probabilities ``[N, K]`` for parts of features ``[N, D]``."""
        is_frozen = progress.epoch < self.frozen_epochs
        similarities = outputs.run(self.students[outputs.stream], features, is_frozen)
        return F.log_softmax(similarities / self.student_temperature, -1)

    @torch.no_grad()
    def assignments(
        self, outputs: StreamOutputs, features: Tensor, progress: TrainingProgress
    ) -> Tensor:
        """The teacher's assignments ``[N, K]`` of parts of features ``[N, D]``."""
        teacher = cast('ModuleDict', self.teachers.module)[outputs.stream]
        similarities = outputs.run(teacher, features)
        return sinkhorn_knopp(similarities / self.temperature_at(progress))

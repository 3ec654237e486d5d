"""Self-distillation: a student's crops are assigned to the prototypes of the teacher's crop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_different, check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, gather_from_all_ranks, own_rows
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@torch.no_grad()
def sinkhorn_knopp(logits: Tensor, num_iterations: int = 3) -> Tensor:
    """Assign rows to columns so that all columns get as much: SwAV (Caron et al., 2020), Eq. (3).

    Args:
        logits: ``[N, K]``.
        num_iterations: How often columns and rows are normalised in turn.

    Returns:
        ``[N, K]``; every row adds up to 1.
    """
    log_assignment = logits - logits.logsumexp((0, 1))
    for _ in range(num_iterations):
        log_assignment = log_assignment - log_assignment.logsumexp(0, keepdim=True)
        log_assignment = log_assignment - log_assignment.logsumexp(1, keepdim=True)
    return log_assignment.exp()


@MODELS.register_module()
class PrototypeHead(StreamHead):
    """Student views are assigned to prototypes as the teacher's views are.

    The teacher is the momentum copy of the networks. Its assignments are balanced over the batch
    of all ranks by Sinkhorn-Knopp, which keeps all clips from sharing one prototype. Prototypes
    are unit vectors, trained through the student. A view is not its own student.

    Source: DINOv2 (Oquab et al., 2023), Sec. 4, as SLiM uses it on skeletons.

    Args:
        student_views: Names of the query views.
        teacher_views: Names of the key views.
        num_prototypes: K.
        student_temperature: Temperature of the student's distribution.
        teacher_temperature: Temperature of the teacher's assignment.

    Raises:
        ValueError: if no student view differs from a teacher view.
    """

    def __init__(
        self,
        student_views: Sequence[str] = ('long', 'short'),
        teacher_views: Sequence[str] = ('long',),
        num_prototypes: int = 256,
        student_temperature: float = 0.1,
        teacher_temperature: float = 0.06,
    ) -> None:
        super().__init__()
        check_different(student_views=student_views, teacher_views=teacher_views)
        check_count(num_prototypes=num_prototypes)
        check_positive(
            student_temperature=student_temperature, teacher_temperature=teacher_temperature
        )
        self.pairs = [
            (teacher, student)
            for teacher in teacher_views
            for student in student_views
            if student != teacher
        ]
        if not self.pairs:
            raise ValueError(
                f'student_views={list(student_views)} have nothing to learn from '
                f'teacher_views={list(teacher_views)}; expected another view among them'
            )
        self.num_prototypes = num_prototypes
        self.student_temperature = student_temperature
        self.teacher_temperature = teacher_temperature
        self.reads = Reads(
            queries=frozenset(student for _, student in self.pairs),
            keys=frozenset(teacher for teacher, _ in self.pairs),
        )

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Make the prototypes of each stream."""
        self.prototypes = ModuleDict(
            {
                stream: nn.Linear(network.embedding_dim, self.num_prototypes, bias=False)
                for stream, network in networks.items()
            }
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """``loss``, the mean cross-entropy of all pairs of teacher and student view.

        ``used_prototypes`` is the share of prototypes that are some clip's most likely one.
        """
        prototypes = F.normalize(self.prototypes[outputs.stream].weight, dim=1)
        assignments = {
            view: self.assign(keys, prototypes.detach()) for view, keys in outputs.keys.items()
        }
        log_likelihoods = {
            view: F.log_softmax(queries @ prototypes.T / self.student_temperature, 1)
            for view, queries in outputs.queries.items()
        }
        losses = [
            -(assignments[teacher] * log_likelihoods[student]).sum(1).mean()
            for teacher, student in self.pairs
        ]
        closest = F.one_hot(assignments[self.pairs[0][0]].argmax(1), self.num_prototypes)
        return {
            'loss': sum(losses) / len(losses),
            'used_prototypes': closest.any(0).float().mean(),
        }

    def assign(self, keys: Tensor, prototypes: Tensor) -> Tensor:
        """The teacher's assignment of its keys ``[N, D]`` to prototypes ``[K, D]``: ``[N, K]``."""
        logits = gather_from_all_ranks(keys) @ prototypes.T / self.teacher_temperature
        return own_rows(sinkhorn_knopp(logits))

"""Self-distillation with prototypes shared by a student and a teacher."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add

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
    """Assign rows to columns with equal column sums.

    Source: SwAV (Caron et al., 2020), Eq. (3).

    Args:
        logits: ``[N, K]``.
        num_iterations: Number of alternating normalisations of columns and rows.

    Returns:
        ``[N, K]``; each row sums to 1.
    """
    log_assignment = logits - logits.logsumexp((0, 1))
    for _ in range(num_iterations):
        log_assignment = log_assignment - log_assignment.logsumexp(0, keepdim=True)
        log_assignment = log_assignment - log_assignment.logsumexp(1, keepdim=True)
    return log_assignment.exp()


@MODELS.register_module()
class PrototypeHead(StreamHead):
    """Cross-entropy of the student's prototype assignments with the teacher's.

    The teacher is the momentum copy of the networks. Sinkhorn-Knopp balances its assignments over
    the batch of all ranks, which prevents all clips from sharing one prototype. Prototypes are unit
    vectors and are trained through the student. A view does not teach itself.

    Source: DINOv2 (Oquab et al., 2023), Sec. 4, as SLiM uses it on skeletons.

    Args:
        student_views: Names of the query views.
        teacher_views: Names of the key views.
        num_prototypes: K, the number of prototypes.
        student_temperature: Temperature of the student's distribution.
        teacher_temperature: Temperature of the teacher's assignment.

    Raises:
        ValueError: if no student view differs from a teacher view, or a number is not positive.
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
                f'student_views={list(student_views)} cannot learn from '
                f'teacher_views={list(teacher_views)}; expected at least two different views'
            )
        self.num_prototypes = num_prototypes
        self.student_temperature = student_temperature
        self.teacher_temperature = teacher_temperature
        self.reads = Reads(
            queries=frozenset(student for _, student in self.pairs),
            keys=frozenset(teacher for teacher, _ in self.pairs),
        )

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the prototypes of each stream."""
        self.prototypes = ModuleDict(
            {
                stream: nn.Linear(network.embedding_dim, self.num_prototypes, bias=False)
                for stream, network in networks.items()
            }
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, the mean cross-entropy of all pairs of teacher and student view.

        ``used_prototypes`` is the share of prototypes that are the most likely one of any clip.
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
            'loss': reduce(add, losses) / len(losses),
            'used_prototypes': closest.any(0).float().mean(),
        }

    def assign(self, keys: Tensor, prototypes: Tensor) -> Tensor:
        """Assign the teacher's keys ``[N, D]`` to prototypes ``[K, D]``: ``[N, K]``."""
        logits = gather_from_all_ranks(keys) @ prototypes.T / self.teacher_temperature
        return own_rows(sinkhorn_knopp(logits))

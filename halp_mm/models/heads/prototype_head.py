"""Self-distillation between views, with prototypes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_different
from halp_mm.models.heads.prototype_distillation import PrototypeDistillation, cross_entropy
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class PrototypeHead(PrototypeDistillation):
    """Cross-entropy of the student's prototype assignments of views with the teacher's of others.

    A view does not teach itself, nor its masked form. See
    :class:`~halp_mm.models.heads.prototype_distillation.PrototypeDistillation`.

    Source: DINOv2 (Oquab et al., 2023), Sec. 4; SLiM (arXiv 2603.10648), its global-local
    contrastive loss.

    Args:
        student_views: Names of the student's views.
        teacher_views: Names of the teacher's views, whose assignments are balanced together.
        masked_views: Of student's views that are masked forms of teacher's views, the latter's
            names.
        **kwargs: See :class:`PrototypeDistillation`.

    Raises:
        ValueError: if no student view differs from a teacher view, or a number is not positive.
    """

    def __init__(
        self,
        student_views: Sequence[str] = ('long', 'short'),
        teacher_views: Sequence[str] = ('long',),
        masked_views: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_different(student_views=student_views, teacher_views=teacher_views)
        shown = dict(masked_views or {})
        self.pairs = [
            (teacher, student)
            for teacher in teacher_views
            for student in student_views
            if teacher not in (student, shown.get(student))
        ]
        if not self.pairs:
            raise ValueError(
                f'student_views={list(student_views)} cannot learn from '
                f'teacher_views={list(teacher_views)}; expected at least two different views'
            )
        self.teacher_views = [
            view for view in teacher_views if view in {teacher for teacher, _ in self.pairs}
        ]
        self.reads = Reads(
            features=frozenset(student for _, student in self.pairs),
            key_features=frozenset(self.teacher_views),
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, the mean cross-entropy of all pairs of teacher and student view.

        ``used_prototypes`` is the share of prototypes that are the most likely one of any clip.
        """
        entries = self.entries[outputs.stream]
        taught = torch.cat([outputs.key_features[view][:, entries] for view in self.teacher_views])
        together = self.assignments(outputs, taught, progress)
        assignments = dict(zip(self.teacher_views, together.chunk(len(self.teacher_views))))
        log_likelihoods = {
            view: self.log_likelihoods(outputs, outputs.features[view][:, entries], progress)
            for view in dict.fromkeys(student for _, student in self.pairs)
        }
        losses = [
            cross_entropy(assignments[teacher], log_likelihoods[student]).mean()
            for teacher, student in self.pairs
        ]
        closest = F.one_hot(together.argmax(1), self.num_prototypes)
        return {
            'loss': reduce(add, losses) / len(losses),
            'used_prototypes': closest.any(0).float().mean(),
        }

"""CMD's mutual distillation between streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_count, check_positive
from halp_mm.models.heads.base import PretrainingHead
from halp_mm.models.heads.reads import contrast
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


class Teaching(NamedTuple):
    """What a stream teaches: its key's distribution over the entries of the queue next to it."""

    entries: Tensor | None  #: ``[N, k]``, where they are in the queue; None: all, in order
    probabilities: Tensor  #: ``[N, k]``
    negative_entropy: Tensor  #: A scalar, mean over the clips


@MODELS.register_module()
class CMDHead(PretrainingHead):
    """The neighbourhood that a key of one stream sees is learnt by the queries of the others.

    Each ordered pair of streams is a teacher and a student. The teacher's distribution is the
    softmax of its key's similarities to the k entries of its queue that are most similar; the
    student's is that of its query's similarities to the entries of its own queue at the same
    positions. The loss is their Kullback-Leibler divergence. At one position all queues hold the
    same clip, since all streams of a batch are queued together.

    Source: CMD (Mao et al., ECCV 2022), and its release.

    Args:
        teacher_temperature: Temperature of the teacher's distribution.
        student_temperature: Temperature of the student's distribution.
        top_k: k; the whole queue, if that is smaller.
        view: Name of the students' query view.
        key_view: Name of the teachers' key view.

    Raises:
        ValueError: if there is nothing to teach, or a temperature is not positive.
    """

    min_streams = 2

    def __init__(
        self,
        teacher_temperature: float = 0.05,
        student_temperature: float = 0.1,
        top_k: int = 8192,
        view: str = 'query',
        key_view: str = 'key',
    ) -> None:
        super().__init__()
        check_count(top_k=top_k)
        check_positive(
            teacher_temperature=teacher_temperature, student_temperature=student_temperature
        )
        self.teacher_temperature = teacher_temperature
        self.student_temperature = student_temperature
        self.top_k = top_k
        self.view = view
        self.key_view = key_view
        self.reads = contrast([view], key_view)

    def loss(
        self, streams: Mapping[str, StreamOutputs], progress: TrainingProgress
    ) -> dict[str, dict[str, Tensor]]:
        """``loss`` of each student: the sum over its teachers."""
        teachings = {name: self.teach(outputs) for name, outputs in streams.items()}
        results = {}
        for student, outputs in streams.items():
            similarities = outputs.similarities(self.view, self.key_view)
            logits = similarities[:, 1:] / self.student_temperature
            divergences = [
                self.divergence(teaching, logits)
                for teacher, teaching in teachings.items()
                if teacher != student
            ]
            results[student] = {'loss': sum(divergences)}
        return results

    @torch.no_grad()
    def teach(self, outputs: StreamOutputs) -> Teaching:
        """What a stream teaches all others; without gradient."""
        similarities = outputs.keys[self.key_view] @ outputs.negatives[self.key_view].T
        entries = None
        if self.top_k < similarities.shape[1]:
            # The order among the k makes no difference.
            similarities, entries = similarities.topk(self.top_k, 1, sorted=False)
        log_probabilities = F.log_softmax(similarities / self.teacher_temperature, 1)
        probabilities = log_probabilities.exp()
        negative_entropy = (probabilities * log_probabilities).sum(1).mean()
        return Teaching(entries, probabilities, negative_entropy)

    @staticmethod
    def divergence(teaching: Teaching, logits: Tensor) -> Tensor:
        """The divergence of a student's distribution from its teacher's, mean over the clips.

        Args:
            teaching: What the teacher teaches.
            logits: The student's logits ``[N, L]`` of its queue.

        Returns:
            A scalar.
        """
        if teaching.entries is not None:
            logits = logits.gather(1, teaching.entries)
        cross_entropy = -(teaching.probabilities * F.log_softmax(logits, 1)).sum(1).mean()
        return cross_entropy + teaching.negative_entropy

"""CMD's mutual distillation between streams."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
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
    """The distribution of a stream's key over the nearest entries of its queue."""

    entries: Tensor | None  #: ``[N, k]``, positions in the queue; None: all, in order
    probabilities: Tensor  #: ``[N, k]``
    negative_entropy: Tensor  #: Scalar, mean over the clips


@MODELS.register_module()
class CMDHead(PretrainingHead):
    """Distil the neighbourhood of each stream's keys into the queries of the other streams.

    Each ordered pair of streams is a teacher and a student. The teacher's distribution is the
    softmax of its key's similarities to the k most similar entries of its queue. The student's
    distribution is the softmax of its query's similarities to the entries of its own queue at the
    same positions. The loss is their Kullback-Leibler divergence. All streams of a batch are queued
    together, so all queues hold the same clip at the same position.

    Source: CMD (Mao et al., ECCV 2022), and its release.

    Args:
        teacher_temperature: Temperature of the teacher's distribution.
        student_temperature: Temperature of the student's distribution.
        top_k: k, the number of neighbours; at most the whole queue is used.
        view: Name of the students' query view.
        key_view: Name of the teachers' key view.

    Raises:
        ValueError: if ``top_k`` or a temperature is not positive, or both views are the same.
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
        """Compute each student's ``loss``, the sum over its teachers."""
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
            results[student] = {'loss': reduce(add, divergences)}
        return results

    @torch.no_grad()
    def teach(self, outputs: StreamOutputs) -> Teaching:
        """Compute what a stream teaches the others, without gradient."""
        similarities = outputs.keys[self.key_view] @ outputs.negatives[self.key_view].T
        entries = None
        if self.top_k < similarities.shape[1]:
            # The order of the k entries does not matter.
            similarities, entries = similarities.topk(self.top_k, 1, sorted=False)
        log_probabilities = F.log_softmax(similarities / self.teacher_temperature, 1)
        probabilities = log_probabilities.exp()
        negative_entropy = (probabilities * log_probabilities).sum(1).mean()
        return Teaching(entries, probabilities, negative_entropy)

    @staticmethod
    def divergence(teaching: Teaching, logits: Tensor) -> Tensor:
        """Compute the divergence of a student's distribution from its teacher's, mean over clips.

        Args:
            teaching: The teacher's distribution.
            logits: The student's logits ``[N, L]`` over its queue.

        Returns:
            A scalar.
        """
        if teaching.entries is not None:
            logits = logits.gather(1, teaching.entries)
        cross_entropy = -(teaching.probabilities * F.log_softmax(logits, 1)).sum(1).mean()
        return cross_entropy + teaching.negative_entropy

"""The supervised contrast of Khosla et al.: clips of a class are each other's positives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_different, check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import gather_from_all_ranks, gather_with_gradient
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class SupervisedContrastHead(StreamHead):
    """Contrast clips with those of other classes, in the batch.

    The one head that reads labels: of clips, or of what clips show, such as the improvised pieces
    of :mod:`halp_mm.synthetic`. Batches need several clips of a class, as ``ClassPairSampler``
    draws them, or several views. A clip without a label is of a class of its own, and one that is
    alone in its class is only a negative. A distributed run contrasts the batches of all ranks.

    Source: Supervised Contrastive Learning (Khosla et al., NeurIPS 2020), Eq. (2).

    Args:
        views: Names of the query views.
        temperature: tau.

    Raises:
        ValueError: if the temperature is not positive, or there are no views or one twice.
    """

    def __init__(self, views: Sequence[str] = ('query',), temperature: float = 0.1) -> None:
        super().__init__()
        check_positive(temperature=temperature)
        check_different(views=views)
        self.views = tuple(views)
        self.temperature = temperature
        self.reads = Reads(queries=frozenset(views))

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``accuracy``, the share of clips most similar to one of their class.

        Raises:
            ValueError: if the pre-trainer was given no labels.
        """
        if outputs.labels is None:
            raise ValueError('SupervisedContrastHead needs the labels of the batch, got None')
        embeddings = [gather_with_gradient(outputs.queries[view]) for view in self.views]
        labels = gather_from_all_ranks(outputs.labels)
        alone = -1 - torch.arange(len(labels), device=labels.device)
        classes = torch.where(labels < 0, alone, labels).repeat(len(self.views))
        return contrast_classes(torch.cat(embeddings), classes, self.temperature)


def contrast_classes(embeddings: Tensor, classes: Tensor, temperature: float) -> dict[str, Tensor]:
    """The mean negative log-probability of a row's positives among all other rows.

    Args:
        embeddings: ``[N, D]``; cosines are compared.
        classes: ``[N]``.
        temperature: Divides the cosines.

    Returns:
        ``loss``, zero if no row has a positive, and ``accuracy``.
    """
    rows = F.normalize(embeddings, dim=1)
    itself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    logits = (rows @ rows.T / temperature).masked_fill(itself, -torch.inf)
    positive = (classes[:, None] == classes) & ~itself
    count = positive.sum(1)
    log_probability = logits.log_softmax(1).masked_fill(~positive, 0).sum(1)
    has_positive = count > 0
    num_rows = has_positive.sum().clamp(min=1)
    loss = -(log_probability / count.clamp(min=1)).sum() / num_rows
    nearest = logits.detach().argmax(1, keepdim=True)
    hits = positive.gather(1, nearest).sum()
    return {'loss': loss, 'accuracy': hits / num_rows}

"""The contrast of MS2L: each view of a clip with the mean of its views."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.argument_checks import check_positive
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import gather_with_gradient
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class MeanContrastHead(StreamHead):
    """Contrast each view of a clip with the mean of the clip's views.

    The embeddings of a view and the means are the two views of SimCLR: each has its counterpart as
    the positive, and all others of the batch, of both kinds, as negatives. There are no keys and no
    queue. Embeddings should not have unit length, or the mean is one of directions; so the
    projector needs ``normalize=False``. A distributed run contrasts the batches of all ranks.

    Source: MS2L (Lin et al., ACM MM 2020), Sec. 3.4, and its release; SimCLR (Chen et al., ICML
    2020), Eq. (1).

    Args:
        views: Names of the query views.
        temperature: The temperature.

    Raises:
        ValueError: if there are fewer than two views, or one twice.
    """

    def __init__(
        self, views: Sequence[str] = ('clean', 'cut', 'shuffled'), temperature: float = 0.9
    ) -> None:
        super().__init__()
        check_positive(temperature=temperature)
        if len(set(views)) < max(2, len(views)):
            raise ValueError(f'views={list(views)}; expected two or more different views')
        self.views = tuple(views)
        self.temperature = temperature
        self.reads = Reads(queries=frozenset(views))

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``, the mean over views."""
        embeddings = [gather_with_gradient(outputs.queries[view]) for view in self.views]
        mean = torch.stack(embeddings).mean(0)
        losses = [contrast_pairs(one, mean, self.temperature) for one in embeddings]
        return {'loss': torch.stack(losses).mean()}


def contrast_pairs(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """The cross-entropy of finding a row's counterpart among the other rows of both sides.

    As in the release of MS2L, a row's similarity to itself is -1, the least there is, instead of
    being left out.

    Args:
        first: Embeddings ``[N, D]``.
        second: Their counterparts, ``[N, D]``.
        temperature: Divides the cosines.
    """
    count = len(first)
    rows = F.normalize(torch.cat([first, second]), dim=-1)
    itself = torch.eye(2 * count, dtype=torch.bool, device=rows.device)
    similarity = (rows @ rows.T).masked_fill(itself, -1) / temperature
    counterpart = torch.arange(2 * count, device=rows.device).roll(count)
    return F.cross_entropy(similarity, counterpart)

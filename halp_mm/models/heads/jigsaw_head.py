"""Recognition of the order in which a clip's segments were put together."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch.nn.functional as F
from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.argument_checks import check_count
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, Projector
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class JigsawHead(StreamHead):
    """Classify the order of a clip's segments from its feature.

    The classifier has one hidden layer with batch norm.

    Source: MS2L (Lin et al., ACM MM 2020), Sec. 3.3, and its release.

    Args:
        view: Name of the view, whose transforms must end with
            :class:`~halp_mm.transforms.Jigsaw`.
        num_segments: S, as in the transform; there are S! orders.
        hidden_dim: Units of the hidden layer.
    """

    def __init__(
        self, view: str = 'shuffled', num_segments: int = 3, hidden_dim: int = 2048
    ) -> None:
        super().__init__()
        check_count(2, num_segments=num_segments)
        check_count(hidden_dim=hidden_dim)
        self.view = view
        self.num_orders = math.factorial(num_segments)
        self.hidden_dim = hidden_dim
        self.reads = Reads(features=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the classifier of each stream."""
        self.classifiers = ModuleDict(
            {
                stream: Projector(
                    network.encoder.feature_dim,
                    self.hidden_dim,
                    self.num_orders,
                    normalize=False,
                    batch_norm=True,
                )
                for stream, network in networks.items()
            }
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``accuracy``, the share of clips whose order is recognised.

        Raises:
            ValueError: if the view's transforms draw no order.
        """
        draws = outputs.draws.get(self.view, {})
        if 'permutation' not in draws:
            raise ValueError(
                f'view {self.view!r} has no order to recognise; add the transform Jigsaw to its '
                'transforms'
            )
        order = draws['permutation']
        scores = outputs.run(self.classifiers[outputs.stream], outputs.features[self.view])
        is_right = scores.detach().argmax(1) == order
        return {'loss': F.cross_entropy(scores, order), 'accuracy': is_right.float().mean()}

"""Reconstruction of masked joints."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.dist import get_world_size
from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, MapDecoder, mean_over_ranks
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class MaskedReconstructionHead(StreamHead):
    """Decode the masked joints of a clip from the feature map of a masked view.

    The head owns a decoder for each stream. The masked view must be derived from the target view,
    so that both show the same piece of a clip, and its transforms must record a ``mask``. The loss
    is the mean squared error of the masked joints. Absent people are ignored.

    Source: masked autoencoders (He et al., CVPR 2022), adapted to any skeleton encoder.

    Args:
        view: Name of the masked view.
        target_view: Name of the view to predict.
    """

    def __init__(self, view: str = 'masked', target_view: str = 'clean') -> None:
        super().__init__()
        self.view = view
        self.target_view = target_view
        self.reads = Reads(clips=frozenset([target_view]), maps=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder of each stream."""
        self.decoders = ModuleDict(
            {stream: MapDecoder(network.encoder) for stream, network in networks.items()}
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss`` and ``hidden``, the share of joints that the mask hides.

        Raises:
            ValueError: if the view's transforms record no mask.
        """
        draws = outputs.draws.get(self.view, {})
        if 'mask' not in draws:
            raise ValueError(
                f'view {self.view!r} has no mask to predict from; add a transform that draws one, '
                'such as SpatioTemporalMask, to its transforms'
            )
        target = outputs.clips[self.target_view]
        is_present = target.flatten(3).any(-1)
        hidden = draws['mask'] & is_present[..., None]
        decoder = self.decoders[outputs.stream]
        predicted = decoder(outputs.maps[self.view].to(target.dtype), target.shape[2])
        error = (predicted - target).square().mean(-1)
        # Of all ranks' batches together, once DDP has averaged the gradients.
        num_hidden = mean_over_ranks(hidden.sum().to(error.dtype))
        return {
            'loss': (error * hidden).sum() / num_hidden.clamp(min=1 / get_world_size()),
            'hidden': draws['mask'].float().mean(),
        }

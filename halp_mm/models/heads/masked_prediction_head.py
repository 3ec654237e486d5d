"""Prediction of what a mask hides."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.dist import get_world_size
from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.argument_checks import check_choice, check_count
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, mean_over_ranks
from halp_mm.registry import MODELS
from halp_mm.skeletons import cells_of, clips_of
from halp_mm.training_progress import TrainingProgress

#: Added to the variance of a cell, as in the releases of MAE and MAMP.
_EPS = 1e-6


@MODELS.register_module()
class MaskedPredictionHead(StreamHead):
    """Decode the hidden joints of a clip, or their motion, from the feature map of a masked view.

    The head owns a decoder for each stream. The masked view must be derived from the target view,
    so that both show the same piece of a clip, and its transforms must record a ``mask``. The loss
    is the mean squared error of the hidden joints.

    Source: masked autoencoders (He et al., CVPR 2022), adapted to any skeleton encoder; MAMP (Mao
    et al., ICCV 2023), Sec. 3.3, for motion.

    Args:
        view: Name of the masked view.
        target_view: Name of the view to predict.
        target: ``'coordinates'``, or ``'motion'``: each frame's successor minus the frame, zero at
            the last frame.
        cell_frames: Number of frames of the cells, of one joint, whose targets are normalised to
            mean 0 and variance 1; None for no normalisation.
        decoder: Config of the decoder, without ``encoder``.
        absent_people: ``'omitted'`` from the loss, or ``'counted'`` as zeros, as in MAMP's release.
    """

    def __init__(
        self,
        view: str = 'masked',
        target_view: str = 'clean',
        target: str = 'coordinates',
        cell_frames: int | None = None,
        decoder: Mapping | None = None,
        absent_people: str = 'omitted',
    ) -> None:
        super().__init__()
        check_choice(['coordinates', 'motion'], target=target)
        check_choice(['omitted', 'counted'], absent_people=absent_people)
        if cell_frames is not None:
            check_count(cell_frames=cell_frames)
        self.view = view
        self.target_view = target_view
        self.target = target
        self.cell_frames = cell_frames
        self.decoder = dict(decoder or {'type': 'MapDecoder'})
        self.counts_absent_people = absent_people == 'counted'
        self.reads = Reads(clips=frozenset([target_view]), maps=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder of each stream."""
        self.decoders = ModuleDict(
            {
                stream: MODELS.build({**self.decoder, 'encoder': network.encoder})
                for stream, network in networks.items()
            }
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
        clips, mask = outputs.clips[self.target_view], draws['mask']
        target = self.targets(clips)
        is_counted = mask
        if not self.counts_absent_people:
            is_counted = mask & clips.flatten(3).any(-1)[..., None]
        predicted = outputs.run(self.decoders[outputs.stream], outputs.maps[self.view], mask)
        error = (predicted - target).square().mean(-1)
        # Of all ranks' batches together, once DDP has averaged the gradients.
        num_hidden = mean_over_ranks(is_counted.sum().to(error.dtype))
        return {
            'loss': (error * is_counted).sum() / num_hidden.clamp(min=1 / get_world_size()),
            'hidden': mask.float().mean(),
        }

    def targets(self, clips: Tensor) -> Tensor:
        """The values to predict, ``[N, M, T, V, C]``, from clips of that shape."""
        target = clips
        if self.target == 'motion':
            target = clips.roll(-1, dims=2) - clips
            target[:, :, -1] = 0
        if self.cell_frames is None:
            return target
        cells = cells_of(target, self.cell_frames)
        deviation = (cells.var(-1, keepdim=True) + _EPS).sqrt()
        return clips_of((cells - cells.mean(-1, keepdim=True)) / deviation, self.cell_frames)

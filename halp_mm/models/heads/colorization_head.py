"""Colouring of a clip as a cloud of points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import ModuleDict
from torch import Tensor

from halp_mm.argument_checks import check_at_least, check_choice, check_count
from halp_mm.models.heads.base import StreamHead
from halp_mm.models.heads.reads import Reads
from halp_mm.models.heads.stream_outputs import StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork, FoldingDecoder, chamfer_distance
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress

#: What a point's colour tells, and the axis of ``[M, T, V]`` along which it changes.
COLORED_AXES = {'person': 0, 'frame': 1, 'joint': 2}


@MODELS.register_module()
class ColorizationHead(StreamHead):
    """Repaint the cloud of a clip's points from its feature alone.

    The encoder sees the points without colours. A decoder folds the feature into points with
    coordinates and colours. The loss is their Chamfer distance to the coloured clip, so only a
    feature that knows where a point stands in time, on the body or among the people can have a
    small loss. A person who is all zero in a frame has no points there.

    Source: Skeleton Cloud Colorization (Yang et al., ICCV 2021), Sec. 3. There is no release; the
    README of the configs says which choices are this library's.

    Args:
        color_by: ``'frame'``, ``'joint'`` or ``'person'``: what the colour tells.
        view: Name of the view that is encoded and repainted.
        color_weight: Factor of the colours, which are within [0, 1], relative to coordinates.
        grid_size: Points along each side of the decoder's sheet.
        grid_extent: The sheet reaches from minus this to this.
        hidden_dim: Units of the decoder's hidden layers.
        chunk_size: Points that are compared at a time.
    """

    def __init__(
        self,
        color_by: str = 'frame',
        view: str = 'clean',
        color_weight: float = 1.0,
        grid_size: int = 45,
        grid_extent: float = 0.3,
        hidden_dim: int = 512,
        chunk_size: int = 512,
    ) -> None:
        super().__init__()
        check_choice(list(COLORED_AXES), color_by=color_by)
        check_at_least(0, color_weight=color_weight)
        check_count(chunk_size=chunk_size)
        self.color_by = color_by
        self.view = view
        self.color_weight = color_weight
        self.decoder: dict[str, Any] = dict(
            grid_size=grid_size, grid_extent=grid_extent, hidden_dim=hidden_dim
        )
        self.chunk_size = chunk_size
        self.reads = Reads(clips=frozenset([view]), features=frozenset([view]))

    def connect(self, networks: Mapping[str, EmbeddingNetwork]) -> None:
        """Create the decoder of each stream."""
        self.decoders = ModuleDict(
            {
                stream: FoldingDecoder(
                    network.encoder.feature_dim, network.encoder.num_channels + 3, **self.decoder
                )
                for stream, network in networks.items()
            }
        )

    def stream_loss(self, outputs: StreamOutputs, progress: TrainingProgress) -> dict[str, Tensor]:
        """Compute ``loss``."""
        clips = outputs.clips[self.view]
        colors = colors_of(clips.shape[1:4], COLORED_AXES[self.color_by], clips)
        colors = (self.color_weight * colors).expand(*clips.shape[:4], 3)
        target = torch.cat([clips, colors], -1).flatten(1, 3)
        is_point = clips.flatten(3).any(-1)[..., None].expand(clips.shape[:4]).flatten(1)
        painted = outputs.run(self.decoders[outputs.stream], outputs.features[self.view])
        return {'loss': chamfer_distance(painted, target, is_point, self.chunk_size).mean()}


def colors_of(shape: torch.Size, axis: int, like: Tensor) -> Tensor:
    """The colours ``[M, T, V, 3]`` of the points of a clip of this shape, ``[M, T, V]``.

    Along the axis they go from red over green to blue; the last place is blue.

    Args:
        shape: People, frames and joints.
        axis: The axis along which colours change.
        like: A tensor of the type and on the device that the colours are to have.
    """
    count = shape[axis]
    share = torch.arange(1, count + 1, dtype=like.dtype, device=like.device) / count
    ramp = color_ramp(share)
    places = [1, 1, 1, 3]
    places[axis] = count
    return ramp.view(places).expand(*shape, 3)


def color_ramp(share: Tensor) -> Tensor:
    """From red at 0 over green at 1/2 to blue at 1: ``[S]`` to ``[S, 3]``."""
    red, blue = (1 - 2 * share).clamp(min=0), (2 * share - 1).clamp(min=0)
    return torch.stack([red, 1 - red - blue, blue], -1)

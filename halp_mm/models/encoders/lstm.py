"""The LSTM of AS-CAL and VA-LSTM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import (
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_positive,
)
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout


@MODELS.register_module()
class LSTM(SequenceEncoder):
    """A stack of unidirectional LSTM layers, pooled over the frames in which somebody is seen.

    A frame whose coordinates are all zero shows nobody, such as one that fills a clip up to a
    fixed length. The map is zero there, and such frames at the end do not change the feature. The
    release of AS-CAL pools them like all others: ``pools_all_frames=True``.

    Source: AS-CAL (Rao et al., Information Sciences 2021), Sec. 3, and its release; VA-LSTM (Zhang
    et al., ICCV 2017), Sec. 3.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        hidden_size: Number of units of a layer, the length D of a feature.
        num_layers: Number of layers.
        dropout: Probability of dropping an entry of each layer's output.
        pooling: ``'mean'`` over the frames, their ``'sum'``, or the ``'last'`` one.
        pools_all_frames: Whether to pool frames that show nobody as well.
        orthogonal_gain: Factor of orthogonal recurrent weights at the start, 0.001 in the release
            of VA-LSTM; by default, PyTorch's initialisation.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        hidden_size: int = 256,
        num_layers: int = 1,
        dropout: float = 0.0,
        pooling: str = 'mean',
        pools_all_frames: bool = False,
        orthogonal_gain: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(hidden_size=hidden_size, num_layers=num_layers)
        check_fraction(dropout=dropout)
        check_choice(['mean', 'sum', 'last'], pooling=pooling)
        check_flag(pools_all_frames=pools_all_frames)
        self.feature_dim = self.map_dim = hidden_size
        self.pooling = pooling
        self.pools_all_frames = pools_all_frames
        sizes = [self.frame_size] + [hidden_size] * (num_layers - 1)
        self.cells = nn.ModuleList(nn.LSTM(size, hidden_size, batch_first=True) for size in sizes)
        self.dropout = nn.Dropout(dropout)
        if orthogonal_gain is not None:
            check_positive(orthogonal_gain=orthogonal_gain)
            for cell in self.cells:
                for gate in cast('Tensor', cell.weight_hh_l0).chunk(4):
                    nn.init.orthogonal_(gate, orthogonal_gain)

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T, 1]``.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates.
        """
        self.check_clips(clips)
        # A frame is one vector, ordered by coordinate, then joint, then person, as in the release.
        frames = clips.permute(0, 2, 4, 3, 1).flatten(2)
        sequence = frames
        for cell in self.cells:
            sequence = self.dropout(cell(sequence)[0])
        if not self.pools_all_frames:
            sequence = sequence * frames.any(-1, keepdim=True)
        return sequence.mT[:, None, :, :, None]

    def readout(self, feature_map: Tensor) -> Tensor:
        """Pool over the frames that are not zero: ``[N, 1, D, T, 1]`` to ``[N, D]``."""
        sequence = feature_map[:, 0, :, :, 0]
        if self.pooling == 'sum':
            return sequence.sum(-1)
        if self.pools_all_frames:
            return sequence.mean(-1) if self.pooling == 'mean' else sequence[..., -1]
        seen = sequence.any(1)
        if self.pooling == 'mean':
            return sequence.sum(-1) / seen.sum(-1, keepdim=True).clamp(min=1)
        frames = torch.arange(seen.shape[1], device=seen.device)
        last = (seen * frames).amax(1)
        return sequence.take_along_dim(last[:, None, None], 2)[..., 0]

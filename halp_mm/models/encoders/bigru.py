"""The bidirectional GRU of P&C, ISC, CMD and HaLP."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_count, check_flag
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout


@MODELS.register_module()
class BiGRU(SequenceEncoder):
    """A stack of layers that concatenate the outputs of forward and backward cells.

    The published results come from an encoder that is fed one frame at a time. Its backward cells
    therefore also run forward in time: a layer is two independent forward GRUs. This is the default
    here, computed with whole-sequence kernels. With ``bidirectional=True``, the backward cells run
    backward. The parameters are the same in both cases.

    Source: HaLP (Shah et al., CVPR 2023), Sec. 4.2, and its release.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        hidden_size: Number of units per direction; a feature has twice as many entries.
        num_layers: Number of layers.
        bidirectional: Whether backward cells run backward in time.
        shared_norm: Whether the batch norm of the input has one mean and variance for an axis, the
            same for all joints and people, instead of one for every coordinate, as in the release.
            With its own variance a joint that hardly moves, and then tells people apart rather
            than actions, counts as much as a hand.
        pooling: ``'last'`` takes the feature of the last frame, ``'mean'`` the mean over frames.
        num_segments: S, the pieces of time whose means are concatenated, so that a feature tells
            what comes first; for ``'mean'``. A feature then has S times as many entries.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        hidden_size: int = 1024,
        num_layers: int = 3,
        bidirectional: bool = False,
        shared_norm: bool = False,
        pooling: str = 'last',
        num_segments: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(hidden_size=hidden_size, num_layers=num_layers, num_segments=num_segments)
        check_choice(['last', 'mean'], pooling=pooling)
        check_flag(shared_norm=shared_norm)
        self.bidirectional = bidirectional
        self.shared_norm = shared_norm
        self.pooling = pooling
        if pooling == 'last' and num_segments > 1:
            raise ValueError(
                f"num_segments={num_segments} needs pooling='mean'; the last frame has no segments"
            )
        self.num_segments = num_segments
        self.map_dim = 2 * hidden_size
        self.feature_dim = num_segments * self.map_dim
        sizes = [self.frame_size] + [self.map_dim] * (num_layers - 1)
        self.input_norm = nn.BatchNorm1d(num_channels if shared_norm else self.frame_size)
        self.forward_cells = nn.ModuleList(
            nn.GRU(size, hidden_size, batch_first=True) for size in sizes
        )
        self.backward_cells = nn.ModuleList(
            nn.GRU(size, hidden_size, batch_first=True) for size in sizes
        )

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T, 1]``.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates.
        """
        self.check_clips(clips)
        if self.shared_norm:
            by_axis = clips.movedim(-1, 1)
            clips = self.input_norm(by_axis.flatten(2)).view(by_axis.shape).movedim(1, -1)
        # A frame is one vector, ordered by joint, then coordinate, then person, as in the release.
        sequence = clips.permute(0, 2, 3, 4, 1).flatten(2)
        if not self.shared_norm:
            sequence = self.input_norm(sequence.flatten(0, 1)).view(sequence.shape)
        for forward_cell, backward_cell in zip(self.forward_cells, self.backward_cells):
            if self.bidirectional:
                backward = backward_cell(sequence.flip(1))[0].flip(1)
            else:
                backward = backward_cell(sequence)[0]
            sequence = torch.cat([forward_cell(sequence)[0], backward], -1)
        return sequence.mT[:, None, :, :, None]

    def readout(self, feature_map: Tensor) -> Tensor:
        """Take the last frame or the segments' means: ``[N, 1, D, T, 1]`` to ``[N, S D]``.

        Of fewer frames than segments, neighbouring segments share some.
        """
        sequence = feature_map[:, 0, :, :, 0]
        if self.pooling == 'last':
            return sequence[..., -1]
        if self.num_segments == 1:
            return sequence.mean(-1)
        return F.adaptive_avg_pool1d(sequence, self.num_segments).mT.flatten(1)

"""What the encoders have in common that convolve over a skeleton's graph and over time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.bit_dropout import BitDropout
from halp_mm.models.modules.segment_pooling import segment_means
from halp_mm.models.modules.temporal_convolution import TemporalConvolution
from halp_mm.skeletons import SkeletonLayout, get_layout

# Internal maps are [B, C, V, T] with B people of clips, in torch.channels_last: the memory order is
# B, V, T, C. Mixing the joints of a person is one matrix product of all frames and channels, and
# every convolution is one call of a fast kernel.


class BlockShape(NamedTuple):
    """What distinguishes one block of an encoder from the others.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        stride: Stride of the temporal convolution, in frames.
        is_first: Whether it is the encoder's first block.
    """

    in_channels: int
    out_channels: int
    stride: int
    is_first: bool


class GraphBlock(nn.Module):
    """A graph convolution and a temporal convolution, with a residual connection around both.

    The first block of an encoder has no residual connection and no dropout.

    Args:
        graph_convolution: Maps ``[B, C, V, T]`` and the graph ``[K, V, V]`` to ``[B, C', V, T]``.
        shape: Channels and stride of the block.
        temporal_kernel: Kernel size of the temporal convolution, in frames.
        dropout: Probability of dropping an entry.
    """

    def __init__(
        self,
        graph_convolution: nn.Module,
        shape: BlockShape,
        temporal_kernel: int,
        dropout: float,
    ) -> None:
        super().__init__()
        in_channels, out_channels, self.stride, is_first = shape
        self.graph_convolution = graph_convolution
        self.spatial_norm = nn.BatchNorm2d(out_channels)
        self.temporal_convolution = TemporalConvolution(
            out_channels, out_channels, temporal_kernel, self.stride
        )
        self.temporal_norm = nn.BatchNorm2d(out_channels)
        self.dropout = BitDropout(0 if is_first else dropout)
        self.residual: nn.Module | None
        if is_first:
            self.residual = None
        elif in_channels == out_channels and self.stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = pointwise_convolution(in_channels, out_channels)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Map ``[B, C, V, T]`` to ``[B, C', V, T']`` on the graph ``[K, V, V]``."""
        y = F.relu(self.convolve_graph(x, adjacency), inplace=True)
        y = self.temporal_convolution(y.mT).mT
        y = self.dropout(self.temporal_norm(y))
        if self.residual is not None:
            # Frames are skipped here instead of by the convolution's stride. On CPUs, the backward
            # pass of PyTorch 2.13 for a strided 1 x 1 convolution with few channels writes past its
            # memory.
            y += self.residual(x[..., :: self.stride])
        return F.relu(y, inplace=True)

    def convolve_graph(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The normalised graph convolution of ``[B, C, V, T]``, before the activation."""
        return self.spatial_norm(self.graph_convolution(x, adjacency))


def pointwise_convolution(in_channels: int, out_channels: int) -> nn.Sequential:
    """A 1 x 1 convolution with batch norm, for shortcuts that change the number of channels."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels))


class GraphEncoder(Encoder):
    """Blocks of graph convolutions over joints and temporal convolutions, per person.

    People share the blocks and are averaged at the end. The average includes absent people, all
    zeros, as in the releases.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        base_channels: Number of channels in the first stage.
        stages: Number of blocks of each stage. The first block of every later stage doubles the
            channels and halves the frames.
        feature_dim: Number of channels of the last block, D.
        temporal_kernel: Kernel size of temporal convolutions, in frames; odd.
        input_norm: Batch norm of the input. ``'coordinate'`` has one mean and variance for every
            coordinate of a joint, as in the releases. ``'axis'`` has one for an axis, the same for
            all joints: with its own variance a joint that hardly moves, and then tells people apart
            rather than actions, counts as much as a hand.
        num_segments: S, the pieces of time whose means are concatenated, so that a feature tells
            what comes first. A feature has S D entries.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if the kernel is even, a stage has no blocks or the norm is unknown.
    """

    keeps_people = True
    keeps_joints = True
    adjacency: Tensor
    blocks: nn.ModuleList
    input_norm: nn.BatchNorm1d

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout,
        num_channels: int,
        base_channels: int,
        stages: Sequence[int],
        feature_dim: int,
        temporal_kernel: int,
        input_norm: str,
        num_segments: int,
        init_cfg: dict | None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(num_channels=num_channels, base_channels=base_channels)
        check_count(feature_dim=feature_dim, temporal_kernel=temporal_kernel)
        check_count(num_segments=num_segments)
        check_choice(['coordinate', 'axis'], input_norm=input_norm)
        if temporal_kernel % 2 == 0:
            raise ValueError(f'temporal_kernel must be odd, got {temporal_kernel}')
        if not stages or min(stages) < 1:
            raise ValueError(f'stages must have at least one block each, got {list(stages)}')
        self.layout = get_layout(layout)
        self.num_channels = num_channels
        self.normalizes_axes = input_norm == 'axis'
        self.num_segments = num_segments
        self.map_dim = feature_dim
        self.feature_dim = num_segments * feature_dim

    def make_input_norm(self, num_coordinates: int) -> nn.BatchNorm1d:
        """The batch norm of the input, for so many coordinates or one for each axis."""
        return nn.BatchNorm1d(self.num_channels if self.normalizes_axes else num_coordinates)

    def normalize_input(self, clips: Tensor) -> Tensor:
        """Normalise clips ``[N, M, T, V, C]`` by the input's batch statistics."""
        if self.normalizes_axes:
            return self.input_norm(clips.flatten(0, 3)).view(clips.shape)
        return self.normalize_coordinates(clips)

    @abstractmethod
    def normalize_coordinates(self, clips: Tensor) -> Tensor:
        """Normalise every coordinate of clips ``[N, M, T, V, C]`` by itself."""

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, M, D, T', V]``.

        Raises:
            ValueError: if the clips differ from the encoder in joints or coordinates.
        """
        self.check_joints(clips)
        x = self.normalize_input(clips).flatten(0, 1).permute(0, 3, 2, 1)
        for block in self.blocks:
            x = block(x, self.adjacency)
        return x.mT.unflatten(0, clips.shape[:2])

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over people, joints and segments: ``[N, M, D, T', V]`` to ``[N, S D]``.

        Of fewer frames than segments, neighbouring segments share some.
        """
        # Unlike a mean's, a sum's gradient takes no memory.
        sequence = feature_map.permute(0, 1, 4, 3, 2).sum((1, 2)).mT
        count = feature_map.shape[1] * feature_map.shape[4]
        return segment_means(sequence, self.num_segments) / count


def block_shapes(
    num_channels: int, base_channels: int, stages: Sequence[int], feature_dim: int
) -> list[BlockShape]:
    """The shapes of an encoder's blocks; see :class:`GraphEncoder`."""
    places = [(stage, i) for stage, count in enumerate(stages) for i in range(count)]
    widths = [base_channels * 2**stage for stage, _ in places]
    widths[-1] = feature_dim
    return [
        BlockShape(in_channels, out_channels, 2 if stage and not i else 1, not (stage or i))
        for (stage, i), in_channels, out_channels in zip(places, [num_channels, *widths], widths)
    ]

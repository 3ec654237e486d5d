"""The spatio-temporal graph convolutional network (ST-GCN) of SkeletonCLR, CrosSCLR and AimCLR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.bit_dropout import BitDropout
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, get_layout, partition_adjacency

# Internal maps are [B, C, T, V] with B people of clips, in torch.channels_last: the memory order is
# B, T, V, C. Clips need no copy, and every convolution is one call of a fast kernel.


class GraphConvolution(nn.Module):
    """A graph convolution: each joint sums its neighbours, with separate weights per partition.

    Source: ST-GCN (Yan et al., AAAI 2018), Sec. 3.6, with learnable edge importance.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        num_partitions: K.
        num_joints: V.
    """

    def __init__(
        self, in_channels: int, out_channels: int, num_partitions: int, num_joints: int
    ) -> None:
        super().__init__()
        self.partitions = nn.Conv2d(in_channels, num_partitions * out_channels, 1)
        self.edge_importance = nn.Parameter(torch.ones(num_partitions, num_joints, num_joints))

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Map ``[B, C, T, V]`` to ``[B, C', T, V]`` along the edges ``[K, V, V]``."""
        edges = adjacency * self.edge_importance
        people, _, frames, joints = x.shape
        sent = x.permute(0, 2, 3, 1).reshape(people * frames, joints, -1)
        # Summing along the edges first is cheaper when the number of channels grows. On a CPU, a
        # convolution with joints as channels is faster than a matrix product.
        summed = mix_joints(edges.permute(2, 0, 1).flatten(0, 1), sent)
        summed = summed.view(people, frames, joints, -1).permute(0, 3, 1, 2)
        weight = self.partitions.weight.unflatten(0, (len(edges), -1)).transpose(0, 1)
        assert self.partitions.bias is not None, 'it is made with one'
        bias = edges.sum(1).T @ self.partitions.bias.view(len(edges), -1)
        return F.conv2d(summed, weight.flatten(1)[..., None, None]) + bias.T[:, None]


def mix_joints(weights: Tensor, x: Tensor) -> Tensor:
    """Multiply ``[V', V]`` with each of ``[B, V, C]``, with the faster kernel of the device."""
    return weights @ x if x.is_cuda else F.conv1d(x, weights[..., None])


class STGCNBlock(nn.Module):
    """A graph convolution and a temporal convolution, with a residual connection around both.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        num_partitions: K.
        num_joints: V.
        temporal_kernel: Kernel size of the temporal convolution, in frames.
        stride: Stride of the temporal convolution, in frames.
        dropout: Probability of dropping an entry.
        residual: Whether there is a residual connection.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_partitions: int,
        num_joints: int,
        temporal_kernel: int,
        stride: int,
        dropout: float,
        residual: bool,
    ) -> None:
        super().__init__()
        self.graph_convolution = GraphConvolution(
            in_channels, out_channels, num_partitions, num_joints
        )
        self.spatial_norm = nn.BatchNorm2d(out_channels)
        self.temporal_convolution = nn.Conv2d(
            out_channels,
            out_channels,
            kernel_size=(temporal_kernel, 1),
            stride=(stride, 1),
            padding=(temporal_kernel // 2, 0),
        )
        self.stride = stride
        self.temporal_norm = nn.BatchNorm2d(out_channels)
        self.dropout = BitDropout(dropout)
        self.residual: nn.Module | None
        if not residual:
            self.residual = None
        elif in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Map ``[B, C, T, V]`` to ``[B, C', T', V]`` on the graph ``[K, V, V]``."""
        y = F.relu(self.spatial_norm(self.graph_convolution(x, adjacency)), inplace=True)
        y = self.dropout(self.temporal_norm(self.temporal_convolution(y)))
        if self.residual is not None:
            # Frames are skipped here instead of by the convolution's stride. On CPUs, the backward
            # pass of PyTorch 2.13 for a strided 1 x 1 convolution with few channels writes past its
            # memory.
            y = y + self.residual(x[:, :, :: self.stride])
        return F.relu(y, inplace=True)


@MODELS.register_module()
class STGCN(Encoder):
    """Blocks of graph convolutions over joints and temporal convolutions, per person.

    The defaults are those of SkeletonCLR, CrosSCLR and AimCLR: a quarter of ST-GCN's channels, and
    256 in the last block. ``base_channels=64`` is the full width of supervised training.

    People share the network and are averaged at the end. The average includes absent people, all
    zeros, as in the releases.

    Source: ST-GCN (Yan et al., AAAI 2018), Sec. 3; AimCLR (Guo et al., AAAI 2022), Sec. 4.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        base_channels: Number of channels in the first stage.
        stages: Number of blocks of each stage. The first block of every later stage doubles the
            channels and halves the frames.
        feature_dim: Number of channels of the last block, the length D of a feature.
        temporal_kernel: Kernel size of temporal convolutions, in frames; odd.
        dropout: Probability of dropping an entry, in all blocks but the first.
        graph_strategy: Partition of the neighbours, see
            :func:`~halp_mm.skeletons.partition_adjacency`.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if the kernel is even, a stage has no blocks, or the strategy is unknown.
    """

    keeps_people = True
    keeps_joints = True
    adjacency: Tensor

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        base_channels: int = 16,
        stages: Sequence[int] = (4, 3, 3),
        feature_dim: int = 256,
        temporal_kernel: int = 9,
        dropout: float = 0.5,
        graph_strategy: str = 'spatial',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(num_channels=num_channels, base_channels=base_channels)
        check_count(feature_dim=feature_dim, temporal_kernel=temporal_kernel)
        check_fraction(dropout=dropout)
        if temporal_kernel % 2 == 0:
            raise ValueError(f'temporal_kernel must be odd, got {temporal_kernel}')
        if not stages or min(stages) < 1:
            raise ValueError(f'stages must have at least one block each, got {list(stages)}')
        self.layout = get_layout(layout)
        adjacency = torch.from_numpy(partition_adjacency(self.layout, graph_strategy))
        num_joints = self.layout.num_joints
        self.joint_shape = (num_joints, num_channels)
        self.num_channels = num_channels
        self.feature_dim = self.map_dim = feature_dim
        self.register_buffer('adjacency', adjacency)
        self.input_norm = nn.BatchNorm1d(num_joints * num_channels)
        places = [(stage, i) for stage, count in enumerate(stages) for i in range(count)]
        widths = [base_channels * 2**stage for stage, _ in places]
        widths[-1] = feature_dim
        self.blocks = nn.ModuleList(
            STGCNBlock(
                in_channels,
                out_channels,
                len(adjacency),
                num_joints,
                temporal_kernel,
                stride=2 if stage and not i else 1,
                dropout=dropout if stage or i else 0,
                residual=bool(stage or i),
            )
            for (stage, i), in_channels, out_channels in zip(
                places, [num_channels, *widths], widths
            )
        )

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, M, D, T', V]``.

        Raises:
            ValueError: if the clips differ from the encoder in joints or coordinates.
        """
        if clips.shape[3:] != self.joint_shape:
            raise ValueError(
                f'STGCN was built for clips of (joints, coordinates) = {self.joint_shape}, found '
                f'{tuple(clips.shape[3:])}; set layout and num_channels of model.encoder to agree '
                'with the data'
            )
        x = self.input_norm(clips.flatten(3).flatten(0, 2)).view(-1, *clips.shape[2:])
        x = x.permute(0, 3, 1, 2)
        for block in self.blocks:
            x = block(x, self.adjacency)
        return x.unflatten(0, clips.shape[:2])

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over people, frames and joints: ``[N, M, D, T', V]`` to ``[N, D]``."""
        return feature_map.mean((1, 3, 4))

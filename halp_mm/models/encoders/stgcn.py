"""The spatio-temporal graph convolutional network (ST-GCN) of SkeletonCLR, CrosSCLR and AimCLR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_fraction
from halp_mm.models.encoders.graph_encoder import GraphBlock, GraphEncoder, block_shapes
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, partition_adjacency


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
        """Map ``[B, C, V, T]`` to ``[B, C', V, T]`` along the edges ``[K, V, V]``."""
        edges = adjacency * self.edge_importance
        people, channels, joints, frames = x.shape
        sent = x.permute(0, 2, 3, 1).reshape(people, joints, -1)
        # Summing along the edges first is cheaper when the number of channels grows.
        receivers = edges.permute(2, 0, 1).flatten(0, 1)
        summed = torch.bmm(receivers.expand(people, -1, -1), sent)
        # The convolution sums over partitions, which are one of the two dimensions of its image.
        images = summed.view(people * joints, len(edges), frames, channels).permute(0, 3, 1, 2)
        weight = self.partitions.weight.view(len(edges), -1, channels).permute(1, 2, 0)
        received = F.conv2d(images, weight[..., None]).squeeze(2)
        assert self.partitions.bias is not None, 'it is made with one'
        bias = edges.sum(1).T @ self.partitions.bias.view(len(edges), -1)
        # Its gradient is summed over frames, and then over people, which is faster than at once.
        received = received + bias.repeat(people, 1)[..., None]
        return received.unflatten(0, (people, joints)).transpose(1, 2)


@MODELS.register_module()
class STGCN(GraphEncoder):
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
        feature_dim: Number of channels of the last block, D.
        temporal_kernel: Kernel size of temporal convolutions, in frames; odd.
        dropout: Probability of dropping an entry, in all blocks but the first.
        graph_strategy: Partition of the neighbours, see
            :func:`~halp_mm.skeletons.partition_adjacency`.
        input_norm: ``'coordinate'`` or ``'axis'``, see :class:`GraphEncoder`.
        num_segments: S, the pieces of time of which a feature has a mean each, ``[N, S D]``.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if the kernel is even, a stage has no blocks, or the strategy is unknown.
    """

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
        input_norm: str = 'coordinate',
        num_segments: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            layout,
            num_channels,
            base_channels,
            stages,
            feature_dim,
            temporal_kernel,
            input_norm,
            num_segments,
            init_cfg,
        )
        check_fraction(dropout=dropout)
        adjacency = torch.from_numpy(partition_adjacency(self.layout, graph_strategy))
        self.register_buffer('adjacency', adjacency)
        self.input_norm = self.make_input_norm(self.layout.num_joints * num_channels)
        self.blocks = nn.ModuleList(
            GraphBlock(
                GraphConvolution(shape.in_channels, shape.out_channels, *adjacency.shape[:2]),
                shape,
                temporal_kernel,
                dropout,
            )
            for shape in block_shapes(num_channels, base_channels, stages, feature_dim)
        )

    def normalize_coordinates(self, clips: Tensor) -> Tensor:
        """Normalise clips ``[N, M, T, V, C]`` over clips, people and frames."""
        return self.input_norm(clips.flatten(3).flatten(0, 2)).view(clips.shape)

"""The adaptive graph convolutional network (AGCN) of 2s-AGCN and ISC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.models.encoders.graph_encoder import (
    BlockShape,
    GraphBlock,
    GraphEncoder,
    block_shapes,
    pointwise_convolution,
)
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, parent_child_adjacency

#: Initial value of learnable edges and of the graph convolution's batch norm, as in the release.
SMALL = 1e-6


class AdaptiveGraphConvolution(nn.Module):
    """A graph convolution whose edges are given, learnt, and found in each clip.

    Partition k sums the joints along A_k + B_k + S_k. A_k is the skeleton's graph and B_k is
    learnt. S_k is the softmax over sending joints of the products of two embeddings of the joints,
    over channels and frames, divided by their number.

    Source: 2s-AGCN (Shi et al., CVPR 2019), Eq. (3) and (4), and its release.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels; an embedding has a quarter.
        num_partitions: K.
        num_joints: V.
    """

    def __init__(
        self, in_channels: int, out_channels: int, num_partitions: int, num_joints: int
    ) -> None:
        super().__init__()
        self.num_partitions = num_partitions
        self.learnt_edges = nn.Parameter(
            torch.full((num_partitions, num_joints, num_joints), SMALL)
        )
        embedded = num_partitions * (out_channels // 4)
        self.senders = nn.Conv2d(in_channels, embedded, 1)
        self.receivers = nn.Conv2d(in_channels, embedded, 1)
        self.partitions = nn.Conv2d(num_partitions * in_channels, out_channels, 1)

    def forward(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """Map ``[B, C, V, T]`` to ``[B, C', V, T]`` along the edges ``[K, V, V]`` and its own."""
        edges = adjacency + self.learnt_edges + self.similarities(x)
        summed = torch.einsum('bcvt,bkvw->bkcwt', x, edges)
        return self.partitions(summed.flatten(1, 2))

    def similarities(self, x: Tensor) -> Tensor:
        """The edges S that are found in people ``[B, C, V, T]``: ``[B, K, V, V]``."""
        senders, receivers = (
            embed(x).unflatten(1, (self.num_partitions, -1)).transpose(2, 3).flatten(3)
            for embed in (self.senders, self.receivers)
        )
        # Divided before the product, which could overflow in half precision.
        return ((senders / senders.shape[3]) @ receivers.mT).softmax(2)


class AdaptiveGraphBlock(GraphBlock):
    """A block of AGCN: its graph convolution has a residual connection of its own.

    Args:
        shape: Channels and stride of the block.
        num_partitions: K.
        num_joints: V.
        temporal_kernel: Kernel size of the temporal convolution, in frames.
        dropout: Probability of dropping an entry.
    """

    def __init__(
        self,
        shape: BlockShape,
        num_partitions: int,
        num_joints: int,
        temporal_kernel: int,
        dropout: float,
    ) -> None:
        in_channels, out_channels = shape.in_channels, shape.out_channels
        convolution = AdaptiveGraphConvolution(
            in_channels, out_channels, num_partitions, num_joints
        )
        super().__init__(convolution, shape, temporal_kernel, dropout)
        nn.init.constant_(self.spatial_norm.weight, SMALL)
        self.graph_shortcut = (
            nn.Identity()
            if in_channels == out_channels
            else pointwise_convolution(in_channels, out_channels)
        )

    def convolve_graph(self, x: Tensor, adjacency: Tensor) -> Tensor:
        """The normalised graph convolution of ``[B, C, V, T]`` and the shortcut around it."""
        return super().convolve_graph(x, adjacency) + self.graph_shortcut(x)


@MODELS.register_module()
class AGCN(GraphEncoder):
    """Blocks of adaptive graph convolutions over joints and temporal convolutions, per person.

    The graph has three partitions: a joint itself, its parent, its children, see
    :func:`~halp_mm.skeletons.parent_child_adjacency`. The input is normalised for each person
    separately, so the number of people is fixed; otherwise people share the network and are
    averaged at the end. The average includes absent people, all zeros, as in the releases.

    Source: 2s-AGCN (Shi et al., CVPR 2019), Sec. 4, and its release; ISC (Thoker et al., ACM MM
    2021) has it as the encoder of graphs.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        base_channels: Number of channels in the first stage; at least 4.
        stages: Number of blocks of each stage. The first block of every later stage doubles the
            channels and halves the frames.
        feature_dim: Number of channels of the last block, D; at least 4.
        temporal_kernel: Kernel size of temporal convolutions, in frames; odd.
        dropout: Probability of dropping an entry, in all blocks but the first; none in the release.
        input_norm: ``'coordinate'`` or ``'axis'``, see :class:`GraphEncoder`.
        num_segments: S, the pieces of time of which a feature has a mean each, ``[N, S D]``.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default, with edges and
            norms that start small as in the release.

    Raises:
        ValueError: if the kernel is even, a stage has no blocks, or there are too few channels.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        base_channels: int = 64,
        stages: Sequence[int] = (4, 3, 3),
        feature_dim: int = 256,
        temporal_kernel: int = 9,
        dropout: float = 0.0,
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
        check_count(num_people=num_people)
        check_count(4, base_channels=base_channels, feature_dim=feature_dim)
        check_fraction(dropout=dropout)
        self.num_people = num_people
        adjacency = torch.from_numpy(parent_child_adjacency(self.layout))
        self.register_buffer('adjacency', adjacency)
        self.input_norm = self.make_input_norm(num_people * self.layout.num_joints * num_channels)
        num_partitions, num_joints, _ = adjacency.shape
        self.blocks = nn.ModuleList(
            AdaptiveGraphBlock(shape, num_partitions, num_joints, temporal_kernel, dropout)
            for shape in block_shapes(num_channels, base_channels, stages, feature_dim)
        )

    def normalize_coordinates(self, clips: Tensor) -> Tensor:
        """Normalise clips ``[N, M, T, V, C]`` over clips and frames, each person separately.

        Raises:
            ValueError: if the clips are of more or fewer people than the encoder is built for.
        """
        if clips.shape[1] != self.num_people:
            raise ValueError(
                f'AGCN was built for clips of {self.num_people} people, found {clips.shape[1]}; '
                'set num_people of model.encoder, and num_people of the dataset, to agree'
            )
        frames = clips.transpose(1, 2)
        normalized = self.input_norm(frames.flatten(2).flatten(0, 1)).view(frames.shape)
        return normalized.transpose(1, 2)

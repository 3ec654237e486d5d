"""DSTE, the encoder of USDRL: a transformer over frames and one over joints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_count, check_fraction
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.models.modules.transformer import TransformerBlock, check_heads, perceptron
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout


class DenseLayer(nn.Module):
    """The mean of convolutional attention and dense shift attention, which share the attention.

    Convolutional attention attends to tokens that are changed one by one. Dense shift attention is
    a transformer block, applied to the tokens and to mixtures of all of them, and averaged.

    Source: USDRL (Weng et al., AAAI 2025), the dense spatio-temporal encoder, and its release.

    Args:
        num_tokens: L, the number of tokens.
        dim: Length D of a token.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D.
        kept_interval: Every so many tokens one is not mixed.
        drop_path: Probability of dropping a residual branch of the transformer block.
    """

    is_kept: Tensor

    def __init__(
        self,
        num_tokens: int,
        dim: int,
        num_heads: int,
        mlp_ratio: float,
        kept_interval: int,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.block = TransformerBlock(dim, num_heads, mlp_ratio, drop_path)
        self.change = nn.Linear(dim, dim)
        self.changed_norm = nn.LayerNorm(dim)
        self.attended_norm = nn.LayerNorm(dim)
        self.mlp = perceptron(dim, mlp_ratio)
        self.mixing = nn.Sequential(
            nn.Linear(num_tokens, num_tokens), nn.ReLU(), nn.Linear(num_tokens, num_tokens)
        )
        self.register_buffer(
            'is_kept', (torch.arange(num_tokens) % kept_interval == 0)[:, None], persistent=False
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens ``[N, L, D]`` to ``[N, L, D]``."""
        changed = self.changed_norm(tokens + self.change(tokens).relu())
        attended = self.block.attention(changed) + tokens
        convolutional = self.mlp(self.attended_norm(attended))
        mixed = torch.where(self.is_kept, tokens, tokens + self.mixing(tokens.mT).mT)
        dense = (self.block(mixed) + self.block(tokens)) / 2
        return (convolutional + dense) / 2


class DenseBranch(nn.Module):
    """An embedding of tokens, and layers before each of which the positions are added.

    Args:
        token_size: Number of coordinates of a token.
        position: The positions ``[L, D]``; a parameter if they are learned.
        depth: Number of layers.
        **layer: See :class:`DenseLayer`.
    """

    def __init__(self, token_size: int, position: Tensor, depth: int, **layer: Any) -> None:
        super().__init__()
        num_tokens, dim = position.shape
        self.embedding = nn.Sequential(
            nn.Linear(token_size, dim), nn.LayerNorm(dim), nn.ReLU(), nn.Linear(dim, dim)
        )
        if isinstance(position, nn.Parameter):
            self.position = position
        else:
            self.register_buffer('position', position, persistent=False)
        self.layers = nn.ModuleList(DenseLayer(num_tokens, dim, **layer) for _ in range(depth))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens ``[N, L, token_size]`` to ``[N, L, D]``."""
        tokens = self.embedding(tokens)
        for layer in self.layers:
            tokens = layer(tokens + self.position)
        return tokens


@MODELS.register_module()
class DSTE(SequenceEncoder):
    """Two transformers: over frames, each a vector of all joints, and over joints, each a path.

    Joints of absent people are tokens like others, as in the release. In the map, the tokens of the
    frames stand before those of the joints, person by person. The feature is the maximum over the
    frames, and then that over the joints: its parts ``temporal`` and ``spatial``.

    Source: USDRL (Weng et al., AAAI 2025), the dense spatio-temporal encoder, and its release.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        num_frames: T, the number of frames of all clips.
        embed_dim: Length D of a token, half of that of a feature; even.
        depth: Number of layers of each transformer.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D.
        kept_interval: Every so many tokens one is not mixed with all others.
        drop_path: Probability of dropping a residual branch.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        num_frames: int = 64,
        embed_dim: int = 1024,
        depth: int = 2,
        num_heads: int = 1,
        mlp_ratio: float = 2.0,
        kept_interval: int = 4,
        drop_path: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(num_frames=num_frames, depth=depth, kept_interval=kept_interval)
        check_at_least(0, mlp_ratio=mlp_ratio)
        check_fraction(below_one=True, drop_path=drop_path)
        check_heads(embed_dim, num_heads)
        if embed_dim % 2:
            raise ValueError(f'embed_dim is {embed_dim}; sines and cosines need an even number')
        self.num_frames = num_frames
        self.map_dim = embed_dim
        self.feature_dim = 2 * embed_dim
        self.feature_parts = {'temporal': embed_dim, 'spatial': embed_dim}
        layer: dict[str, Any] = dict(
            depth=depth,
            num_heads=num_heads,
            mlp_ratio=mlp_ratio,
            kept_interval=kept_interval,
            drop_path=drop_path,
        )
        num_joints = num_people * self.layout.num_joints
        self.frames = DenseBranch(self.frame_size, sinusoids(num_frames, embed_dim), **layer)
        joint_position = nn.Parameter(torch.zeros(num_joints, embed_dim))
        nn.init.trunc_normal_(joint_position, std=0.02)
        self.joints = DenseBranch(num_frames * num_channels, joint_position, **layer)

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T + M V, 1]``.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints, coordinates or
                frames.
        """
        self.check_clips(clips)
        if clips.shape[2] != self.num_frames:
            raise ValueError(
                f'DSTE takes clips of num_frames={self.num_frames} frames; found '
                f'{clips.shape[2]}. Resize the views to that length'
            )
        frames = self.frames(clips.transpose(1, 2).flatten(2))
        joints = self.joints(clips.transpose(2, 3).flatten(3).flatten(1, 2))
        return torch.cat([frames, joints], 1).mT[:, None, :, :, None]

    def readout(self, feature_map: Tensor) -> Tensor:
        """The maxima over frames and over joints: ``[N, 1, D, T + M V, 1]`` to ``[N, 2 D]``."""
        tokens = feature_map[:, 0, :, :, 0]
        parts = tokens[..., : self.num_frames], tokens[..., self.num_frames :]
        return torch.cat([part.amax(-1) for part in parts], 1)


def sinusoids(length: int, dim: int) -> Tensor:
    """Sines and cosines of positions in turn, ``[length, dim]``.

    Source: Vaswani et al., NeurIPS 2017, Sec. 3.5.

    Args:
        length: Number of positions.
        dim: Number of sines and cosines; even.
    """
    frequencies = 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    angles = torch.arange(length, dtype=torch.float64)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()

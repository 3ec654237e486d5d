"""The transformer of H-Transformer, whose heads stand for body parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_count, check_fraction
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.models.modules.transformer import SelfAttention
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout
from halp_mm.skeletons.body_parts import body_parts

#: The parts in the order of their embeddings.
PARTS = ('trunk', 'right_arm', 'right_leg', 'left_leg', 'left_arm')
#: Attention heads of the four groups of blocks: parts, quarters, halves, the whole body.
NUM_HEADS = (5, 4, 2, 1)
_EPS = 1e-12


class PostNormBlock(nn.Module):
    """Self-attention and a perceptron, each beside a residual connection and before a layer norm.

    Source: BERT (Devlin et al., NAACL 2019).

    Args:
        dim: Length D of a token.
        num_heads: Number of attention heads; divides D.
        hidden_dim: Units of the perceptron's hidden layer.
        dropout: Probability of dropping an entry.
    """

    def __init__(self, dim: int, num_heads: int, hidden_dim: int, dropout: float) -> None:
        super().__init__()
        self.attention = SelfAttention(dim, num_heads, dropout)
        self.attention_norm = nn.LayerNorm(dim, _EPS)
        self.mlp = nn.Sequential(
            nn.Linear(dim, hidden_dim),
            nn.GELU('tanh'),
            nn.Linear(hidden_dim, dim),
            nn.Dropout(dropout),
        )
        self.mlp_norm = nn.LayerNorm(dim, _EPS)

    def forward(self, tokens: Tensor, is_seen: Tensor) -> Tensor:
        """Map tokens ``[N, T, D]`` to ``[N, T, D]``; ``is_seen``, ``[N, T]``, are attended to."""
        tokens = self.attention_norm(tokens + self.attention(tokens, is_seen))
        return self.mlp_norm(tokens + self.mlp(tokens))


@MODELS.register_module()
class HierarchicalTransformer(SequenceEncoder):
    """A transformer over frames with an attention head for each part of the body.

    A frame's token is made of the embeddings of trunk, arms and legs. The first of four groups of
    blocks has a head for each of the five; before the second, the trunk is put beside each limb.
    There follow four heads for quarters of the body, two for halves, and one. Linear layers mix
    all parts, so heads are no more than inclined to their part.

    Frames that show nobody are not attended to; the map is zero there, and the feature is the mean
    over the others. Frames that a view's mask hides are attended to.

    Source: H-Transformer (Cheng et al., ICME 2021), and its release.

    Args:
        layout: Joint layout of the clips. It must have a trunk, two arms and two legs.
        num_people: Number of people in a clip. Of several, a part's embedding is of all people.
        num_channels: Number of coordinates of a joint.
        num_frames: Maximum number of frames.
        hidden_size: Length D of a token and of a feature; a multiple of 8. In the first group of
            blocks, a token has five eighths of this length.
        num_layers: Number of blocks; a multiple of 4.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D.
        dropout: Probability of dropping an entry.
        init_cfg: mmengine's initialisation of the weights; by default PyTorch's, and BERT's for
            positions and segments.

    Raises:
        ValueError: if an argument is out of range, or the layout lacks a part.
    """

    reads_mask = True

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 1,
        num_channels: int = 3,
        num_frames: int = 150,
        hidden_size: int = 2048,
        num_layers: int = 4,
        mlp_ratio: float = 4.0,
        dropout: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(num_frames=num_frames, hidden_size=hidden_size, num_layers=num_layers)
        check_at_least(0, mlp_ratio=mlp_ratio)
        check_fraction(below_one=True, dropout=dropout)
        for name, value, unit in (('hidden_size', hidden_size, 8), ('num_layers', num_layers, 4)):
            if value % unit:
                raise ValueError(f'{name}={value}; expected a multiple of {unit}')
        parts = body_parts(self.layout)
        if missing := [part for part in PARTS if part not in parts]:
            raise ValueError(
                f'HierarchicalTransformer needs a trunk, two arms and two legs; layout '
                f'{self.layout.name!r} has no {" and no ".join(missing)}. Name joints as in '
                'left_elbow or right_knee'
            )
        self.num_frames = num_frames
        self.feature_dim = self.map_dim = hidden_size
        part_dim = hidden_size // 8
        width = len(PARTS) * part_dim
        self.part_sizes = [len(parts[part]) for part in PARTS]
        self.register_buffer(
            'joint_order',
            torch.tensor([joint for part in PARTS for joint in parts[part]]),
            persistent=False,
        )
        self.embeddings = nn.ModuleList(
            nn.Linear(num_people * size * num_channels, part_dim, bias=False)
            for size in self.part_sizes
        )
        self.segment = nn.Parameter(torch.empty(2, width))
        self.position = nn.Parameter(torch.empty(num_frames, width))
        for table in (self.segment, self.position):
            nn.init.trunc_normal_(table, std=0.02)
        self.norm = nn.LayerNorm(width, _EPS)
        self.dropout = nn.Dropout(dropout)
        self.groups = nn.ModuleList(
            nn.ModuleList(
                PostNormBlock(dim, num_heads, round(mlp_ratio * hidden_size), dropout)
                for _ in range(num_layers // len(NUM_HEADS))
            )
            for dim, num_heads in zip((width, *[hidden_size] * 3), NUM_HEADS)
        )

    def embed(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to tokens ``[N, T, 5 D / 8]``."""
        joints = clips.transpose(1, 2).index_select(3, self.joint_order)
        parts = joints.split(self.part_sizes, 3)
        tokens = torch.cat(
            [embedding(part.flatten(2)) for embedding, part in zip(self.embeddings, parts)], -1
        )
        num_frames = clips.shape[2]
        frames = torch.arange(num_frames, device=clips.device)[:, None]
        segment = torch.where(2 * frames < num_frames, self.segment[0], self.segment[1])
        return self.dropout(self.norm(tokens + segment + self.position[:num_frames]))

    def forward_map(self, clips: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T, 1]``.

        Args:
            clips: The clips, zero where a mask hides.
            mask: Boolean ``[N, M, T, V]``: what is hidden; None for nothing.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates, or
                have more than ``num_frames`` frames.
        """
        self.check_clips(clips)
        if clips.shape[2] > self.num_frames:
            raise ValueError(
                f'HierarchicalTransformer takes clips of up to num_frames={self.num_frames} '
                f'frames; found {clips.shape[2]}. Cut or resize the views'
            )
        is_seen = clips.flatten(3).any(-1).any(1)
        if mask is not None:
            is_seen = is_seen | mask.any(-1).any(1)
        # With nobody at all, something must be attended to; the map is zero all the same.
        attended = is_seen | ~is_seen.any(1, keepdim=True)
        tokens = self.embed(clips)
        for number, blocks in enumerate(self.groups):
            if number == 1:
                tokens = beside_trunk(tokens)
            for block in cast('nn.ModuleList', blocks):
                tokens = block(tokens, attended)
        return (tokens * is_seen[..., None]).mT[:, None, :, :, None]

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over the frames that show somebody: ``[N, 1, D, T, 1]`` to ``[N, D]``."""
        sequence = feature_map[:, 0, :, :, 0]
        count = sequence.any(1).sum(-1, keepdim=True)
        return sequence.sum(-1) / count.clamp(min=1)


def beside_trunk(tokens: Tensor) -> Tensor:
    """Put the trunk before each of the four limbs: ``[N, T, 5 D]`` to ``[N, T, 8 D]``."""
    trunk, *limbs = tokens.chunk(len(PARTS), -1)
    return torch.cat([part for limb in limbs for part in (trunk, limb)], -1)

"""SLiM's vision transformer of skeletons."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_at_least, check_count, check_positive
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.rotary_positions import rotary_angles
from halp_mm.models.modules.transformer import (
    GatedPerceptron,
    TransformerBlock,
    check_heads,
    initialize_transformer,
)
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, cells_of, get_layout

_NORM_EPS = 1e-6  # as in the release


@MODELS.register_module()
class SLiMTransformer(Encoder):
    """A vision transformer over the tokens of each person: one joint over a few frames.

    Beside these there are a class token and registers. Joints have learned positions; those in time
    are rotations of queries and keys, so clips may have any length. Tokens that a view's mask hides
    are replaced by a learned one.

    Each place of the map holds the person's class token and then its own token; absent people are
    zero. The feature is the mean over the places, the parts ``class`` and ``tokens``, of all people
    together.

    Source: SLiM (arXiv 2603.10648), its release.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        cell_frames: Number of frames of a token.
        embed_dim: Length D of a token.
        depth: Number of blocks.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D, before a third is taken
            off for its gate.
        num_registers: Number of registers.
        rotary_base: Base of the rotations' periods.
        class_blocks: Number of last blocks whose class tokens are part of the feature.
        concatenated_people: Number of people whose features are concatenated, as for kNN in the
            release; None for the sum of any number, as for its linear classifiers.
        init_cfg: mmengine's initialisation of the weights; that of the transformers by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    keeps_people = True
    keeps_joints = True
    reads_mask = True
    replaces_hidden = True

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        cell_frames: int = 8,
        embed_dim: int = 256,
        depth: int = 8,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        num_registers: int = 4,
        rotary_base: float = 10000.0,
        class_blocks: int = 1,
        concatenated_people: int | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(num_channels=num_channels, cell_frames=cell_frames, embed_dim=embed_dim)
        check_count(depth=depth, class_blocks=class_blocks)
        check_count(0, num_registers=num_registers)
        check_at_least(0, mlp_ratio=mlp_ratio)
        check_positive(rotary_base=rotary_base)
        check_heads(embed_dim, num_heads)
        if class_blocks > depth:
            raise ValueError(f'class_blocks is {class_blocks}; there are depth={depth} blocks')
        if embed_dim // num_heads % 2:
            raise ValueError(
                f'heads have embed_dim / num_heads = {embed_dim // num_heads} entries; rotations '
                'need an even number'
            )
        if concatenated_people is not None:
            check_count(concatenated_people=concatenated_people)
        self.layout = get_layout(layout)
        self.num_channels = num_channels
        self.cell_frames = cell_frames
        self.rotary_base = rotary_base
        self.class_blocks = class_blocks
        self.head_dim = embed_dim // num_heads
        self.num_people = concatenated_people
        self.map_dim = (class_blocks + 1) * embed_dim
        self.feature_dim = self.map_dim * (concatenated_people or 1)
        earlier = range(depth - class_blocks + 1, depth)
        names = [*(f'class_{block}' for block in earlier), 'class', 'tokens']
        self.feature_parts = dict.fromkeys(names, embed_dim * (concatenated_people or 1))
        self.token_embedding = nn.Linear(cell_frames * num_channels, embed_dim)
        self.joint_embedding = nn.Parameter(torch.empty(self.layout.num_joints, embed_dim))
        self.class_token = nn.Parameter(torch.empty(1, embed_dim))
        self.registers = nn.Parameter(torch.empty(num_registers, embed_dim))
        self.mask_token = nn.Parameter(torch.zeros(embed_dim))
        self.blocks = nn.ModuleList(
            TransformerBlock(
                embed_dim,
                num_heads,
                mlp=GatedPerceptron(embed_dim, mlp_ratio),
                norm_eps=_NORM_EPS,
            )
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(embed_dim, _NORM_EPS)
        initialize_transformer(self)
        for parameter in (self.joint_embedding, self.class_token, self.registers):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward_map(self, clips: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, M, D', T', V]``.

        Args:
            clips: The clips.
            mask: Boolean ``[N, M, T, V]``: which joints are hidden; None for none.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates, or
                their length is not one of whole tokens.
        """
        self._check(clips)
        tokens = self.token_embedding(cells_of(clips, self.cell_frames))  # [N, M, T', V, D]
        # Without a mask as well, so that the mask token has a gradient, of zero.
        is_hidden = torch.zeros_like(tokens[..., 0], dtype=torch.bool)
        if mask is not None:
            is_hidden = mask[:, :, :: self.cell_frames]
        tokens = torch.where(is_hidden[..., None], self.mask_token.to(tokens.dtype), tokens)
        tokens = tokens + self.joint_embedding
        shape = tokens.shape
        tokens = tokens.flatten(2, 3).flatten(0, 1)
        special = torch.cat([self.class_token, self.registers]).to(tokens.dtype)
        tokens = torch.cat([special.expand(tokens.shape[0], -1, -1), tokens], 1)
        angles = rotary_angles(shape[2], self.head_dim, self.rotary_base, clips.device)
        angles = angles.repeat_interleave(shape[3], 0)
        angles = torch.cat([angles.new_zeros(len(special), angles.shape[1]), angles])
        rotation = (angles.cos().to(tokens.dtype), angles.sin().to(tokens.dtype))
        classes = []
        for number, block in enumerate(self.blocks):
            tokens = block(tokens, rotation)
            if number >= len(self.blocks) - self.class_blocks:
                classes.append(self.norm(tokens[:, 0]))
        own = self.norm(tokens[:, len(special) :])
        of_person = torch.cat(classes, -1)[:, None].expand(-1, own.shape[1], -1)
        places = torch.cat([of_person, own], -1).view(*shape[:4], -1)
        is_present = clips.flatten(2).any(-1)[:, :, None, None, None]
        return (places * is_present).permute(0, 1, 4, 2, 3)

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over time and joints and sum or concatenate people: to ``[N, D]``."""
        of_people = feature_map.mean((3, 4))
        if self.num_people is None:
            return of_people.sum(1)
        # Part by part, as in the release.
        return of_people.unflatten(2, (self.class_blocks + 1, -1)).transpose(1, 2).flatten(1)

    def _check(self, clips: Tensor) -> None:
        people, frames = clips.shape[1:3]
        self.check_joints(clips)
        if frames % self.cell_frames:
            raise ValueError(
                f'SLiMTransformer takes clips of whole cells of cell_frames={self.cell_frames} '
                f'frames; found {frames} frames. Resize the views to such a length'
            )
        if self.num_people not in (None, people):
            raise ValueError(
                f'SLiMTransformer concatenates {self.num_people} people; found {people}. Set '
                'concatenated_people of model.encoder to num_people of the dataset, or to None'
            )

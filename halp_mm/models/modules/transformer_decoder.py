"""The transformer decoder of masked autoencoders."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.transformer import initialize_transformer, transformer_blocks
from halp_mm.registry import MODELS
from halp_mm.skeletons import clips_of


@MODELS.register_module()
class TransformerDecoder(nn.Module):
    """A transformer from the feature map of the visible tokens to the values at all joints.

    Hidden tokens enter as a learned mask token with their place.

    Source: MAMP (Mao et al., ICCV 2023), Sec. 3.2, and its release.

    Args:
        encoder: The encoder that computes the maps; a transformer over cells.
        embed_dim: Length of the decoder's tokens; the encoder's by default.
        depth: Number of blocks.
        num_heads: Number of attention heads; divides the length of a token.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of the length of a token.

    Raises:
        ValueError: if the encoder has no cells, or an argument is out of range.
    """

    def __init__(
        self,
        encoder: Encoder,
        embed_dim: int | None = None,
        depth: int = 5,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
    ) -> None:
        super().__init__()
        if not encoder.omits_hidden:
            raise ValueError(
                f'TransformerDecoder decodes the tokens of a transformer; {type(encoder).__name__} '
                'has none. Use MapDecoder, or SpatioTemporalTransformer as the encoder'
            )
        embed_dim = encoder.map_dim if embed_dim is None else embed_dim
        check_count(embed_dim=embed_dim)
        self.cell_frames = encoder.cell_frames
        num_cells, num_joints = encoder.num_frames // self.cell_frames, encoder.layout.num_joints
        self.token_embedding = nn.Linear(encoder.map_dim, embed_dim)
        self.mask_token = nn.Parameter(torch.empty(embed_dim))
        self.joint_embedding = nn.Parameter(torch.empty(num_joints, embed_dim))
        self.time_embedding = nn.Parameter(torch.empty(num_cells, embed_dim))
        self.blocks = transformer_blocks(depth, embed_dim, num_heads, mlp_ratio)
        self.output = nn.Linear(embed_dim, self.cell_frames * encoder.num_channels)
        initialize_transformer(self)
        for parameter in (self.mask_token, self.joint_embedding, self.time_embedding):
            nn.init.trunc_normal_(parameter, std=0.02)

    def forward(self, feature_map: Tensor, mask: Tensor) -> Tensor:
        """Decode a feature map to values ``[N, M, T, V, C]``.

        Args:
            feature_map: ``[N, M, D, T', V]``.
            mask: Boolean ``[N, M, T, V]``: True where hidden.
        """
        tokens = self.token_embedding(feature_map.permute(0, 1, 3, 4, 2))
        is_hidden = mask[:, :, :: self.cell_frames, :, None]
        tokens = torch.where(is_hidden, self.mask_token.to(tokens.dtype), tokens)
        tokens = tokens + self.time_embedding[: tokens.shape[2], None] + self.joint_embedding
        decoded = self.output(self.blocks(tokens.flatten(2, 3).flatten(0, 1)))
        return clips_of(decoded.view(*tokens.shape[:4], -1), self.cell_frames)

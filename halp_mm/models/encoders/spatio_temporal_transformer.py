"""The transformer over joints and time of MAMP and its MAE baseline."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_count
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.modules.segment_pooling import segment_means
from halp_mm.models.modules.transformer import initialize_transformer, transformer_blocks
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, cells_of, get_layout


@MODELS.register_module()
class SpatioTemporalTransformer(Encoder):
    """A transformer over the tokens of each person: one joint over a few frames.

    People share the network and are averaged at the end. Tokens that a view's mask hides are
    omitted: the cost shrinks with the number of visible tokens. In the map, the places of hidden
    tokens and of absent people hold the mean of the others, so that a mean over the map, such as
    the feature, is the mean over what is there.

    Source: MAMP (Mao et al., ICCV 2023), Sec. 3.2, and its release.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        num_frames: Maximum number of frames; that of the learned time embedding.
        cell_frames: Number of frames of a token.
        embed_dim: Length D of a token.
        depth: Number of blocks.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of D.
        drop_path: Probability of dropping a residual branch of the last block.
        num_segments: S, the pieces of time whose means are concatenated, so that a feature tells
            what comes first. A feature has S D entries.
        absent_people: ``'omitted'``, or ``'counted'`` in the mean like the others, as in the
            release.
        init_cfg: mmengine's initialisation of the weights; the release's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    keeps_people = True
    keeps_joints = True
    omits_hidden = True

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        num_frames: int = 120,
        cell_frames: int = 4,
        embed_dim: int = 256,
        depth: int = 8,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path: float = 0.0,
        num_segments: int = 1,
        absent_people: str = 'omitted',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_count(num_channels=num_channels, num_frames=num_frames, embed_dim=embed_dim)
        check_count(cell_frames=cell_frames, num_segments=num_segments)
        check_choice(['omitted', 'counted'], absent_people=absent_people)
        self.layout = get_layout(layout)
        self.num_channels = num_channels
        self.num_frames = num_frames
        self.cell_frames = cell_frames
        self.num_segments = num_segments
        self.map_dim = embed_dim
        self.feature_dim = num_segments * embed_dim
        self.counts_absent_people = absent_people == 'counted'
        self.token_embedding = nn.Linear(cell_frames * num_channels, embed_dim)
        self.joint_embedding = nn.Parameter(torch.empty(self.layout.num_joints, embed_dim))
        self.time_embedding = nn.Parameter(torch.empty(num_frames // cell_frames, embed_dim))
        self.blocks = transformer_blocks(depth, embed_dim, num_heads, mlp_ratio, drop_path)
        initialize_transformer(self)
        nn.init.trunc_normal_(self.joint_embedding, std=0.02)
        nn.init.trunc_normal_(self.time_embedding, std=0.02)

    def forward_map(self, clips: Tensor, visible: Tensor | None = None) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, M, D, T', V]``.

        Args:
            clips: The clips.
            visible: Tokens to encode, ``[N, M, L]``: indices of the person's tokens, time by time
                and joint by joint; None for all.

        Raises:
            ValueError: if the clips differ from the encoder in joints or coordinates, or their
                length is not one of whole tokens up to ``num_frames``.
        """
        self._check(clips)
        tokens = self.token_embedding(cells_of(clips, self.cell_frames))  # [N, M, T', V, D]
        tokens = tokens + self.time_embedding[: tokens.shape[2], None] + self.joint_embedding
        shape = tokens.shape
        tokens = tokens.flatten(2, 3)
        if visible is None:
            encoded = self.blocks(tokens.flatten(0, 1)).view(shape)
            is_encoded = None
        else:
            index = visible[..., None].expand(-1, -1, -1, shape[-1])
            shown = self.blocks(tokens.gather(2, index).flatten(0, 1)).unflatten(0, shape[:2])
            encoded = torch.zeros_like(tokens, dtype=shown.dtype).scatter(2, index, shown)
            encoded = encoded.view(shape)
            is_encoded = torch.zeros(tokens.shape[:3], dtype=torch.bool, device=clips.device)
            is_encoded = is_encoded.scatter(2, visible, True).view(shape[:-1])
        if not self.counts_absent_people:
            is_present = clips.flatten(2).any(-1)[:, :, None, None]
            is_encoded = is_present if is_encoded is None else is_encoded & is_present
        if is_encoded is not None:
            encoded = with_mean_elsewhere(encoded, is_encoded[..., None].expand_as(encoded))
        return encoded.permute(0, 1, 4, 2, 3)

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over people, joints and segments: ``[N, M, D, T', V]`` to ``[N, S D]``."""
        return segment_means(feature_map.mean((1, 4)), self.num_segments)

    def _check(self, clips: Tensor) -> None:
        frames = clips.shape[2]
        self.check_joints(clips)
        if frames % self.cell_frames or frames > self.num_frames:
            raise ValueError(
                f'SpatioTemporalTransformer takes clips of up to num_frames={self.num_frames} '
                f'frames, in whole cells of cell_frames={self.cell_frames}; found {frames} frames. '
                'Resize the views to such a length'
            )


def with_mean_elsewhere(encoded: Tensor, where: Tensor) -> Tensor:
    """Replace the entries of some places by the mean of the clip's other places.

    Args:
        encoded: ``[N, M, T', V, D]``.
        where: Boolean ``[N, M, T', V, D]``: which places stay.
    """
    count = where.sum((1, 2, 3), keepdim=True).clamp(min=1)
    mean = (encoded * where).sum((1, 2, 3), keepdim=True) / count
    return torch.where(where, encoded, mean)

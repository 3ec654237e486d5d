"""The GL-Transformer: attention within frames, then among frames."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.models.encoders.sequence_encoder import SequenceEncoder
from halp_mm.models.modules.transformer import DropPath, SelfAttention, check_heads, drop_path_rates
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout


class GLTransformerBlock(nn.Module):
    """Attention among the joints of a frame, then among frames, and a perceptron.

    Each is applied after a layer norm and beside a residual connection. Before both attentions, a
    learned position is added.

    Args:
        num_frames: Maximum number of frames.
        num_tokens: U, the tokens of a frame.
        dim: Length D of a token; a frame has length U D.
        num_heads: Number of attention heads, within and among frames; divides D.
        mlp_ratio: Units of the perceptron's hidden layer, as a multiple of U D.
        dropout: Probability of dropping an entry.
        drop_path: Probability of dropping a residual branch.
    """

    def __init__(
        self,
        num_frames: int,
        num_tokens: int,
        dim: int,
        num_heads: int,
        mlp_ratio: float,
        dropout: float,
        drop_path: float,
    ) -> None:
        super().__init__()
        frame_dim = num_tokens * dim
        hidden_dim = int(frame_dim * mlp_ratio)
        self.position = nn.Parameter(torch.zeros(num_frames, num_tokens, dim))
        self.joint_norm = nn.LayerNorm(dim)
        self.joint_attention = SelfAttention(dim, num_heads, dropout)
        self.frame_norm = nn.LayerNorm(frame_dim)
        self.frame_attention = SelfAttention(frame_dim, num_heads, dropout)
        self.mlp_norm = nn.LayerNorm(frame_dim)
        self.mlp = nn.Sequential(
            nn.Linear(frame_dim, hidden_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, frame_dim),
            nn.Dropout(dropout),
        )
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens: Tensor, is_seen: Tensor) -> Tensor:
        """Map tokens ``[N, T, U, D]`` to the same shape.

        Args:
            tokens: The tokens of all frames.
            is_seen: Boolean ``[N, T]``: in which frames somebody is seen.
        """
        num_clips, num_frames = tokens.shape[:2]
        position = self.position[:num_frames]
        joints = (tokens + position).flatten(0, 1)
        joints = joints + self.drop_path(self.joint_attention(self.joint_norm(joints)))
        frames = (joints.unflatten(0, (num_clips, num_frames)) + position).flatten(2)
        attended = self.frame_attention(self.frame_norm(frames), is_seen)
        frames = frames + self.drop_path(attended)
        frames = frames + self.drop_path(self.mlp(self.mlp_norm(frames)))
        return frames.view(tokens.shape)


@MODELS.register_module()
class GLTransformer(SequenceEncoder):
    """A transformer over the joints of all people, within each frame and then among frames.

    The tokens of a frame are the joints of all people. The centre joint's token holds that person's
    path through the clip (see :class:`~halp_mm.transforms.CenterTrajectory`) and has an embedding
    of its own. Frames that show nobody are not attended to; the map is zero there, and the feature
    is the mean over the others.

    Source: GL-Transformer (Kim et al., ECCV 2022), Sec. 3.1 and 3.2, and its release.

    Args:
        layout: Joint layout of the clips.
        num_people: Number of people in a clip.
        num_channels: Number of coordinates of a joint.
        num_frames: Maximum number of frames.
        embed_dim: Length D of a token. A feature has D entries for each joint of each person.
        depth: Number of blocks.
        num_heads: Number of attention heads; divides D.
        mlp_ratio: Units of a perceptron's hidden layer, as a multiple of a feature's length.
        dropout: Probability of dropping an entry.
        drop_path: Probability of dropping a residual branch of the last block.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_people: int = 2,
        num_channels: int = 3,
        num_frames: int = 300,
        embed_dim: int = 48,
        depth: int = 4,
        num_heads: int = 8,
        mlp_ratio: float = 2.0,
        dropout: float = 0.1,
        drop_path: float = 0.1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(layout, num_people, num_channels, init_cfg)
        check_count(num_frames=num_frames, embed_dim=embed_dim, depth=depth)
        check_fraction(below_one=True, dropout=dropout, drop_path=drop_path)
        check_heads(embed_dim, num_heads)
        num_joints = self.layout.num_joints
        self.num_frames = num_frames
        self.feature_dim = self.map_dim = num_joints * num_people * embed_dim
        self.embedding = nn.Linear(num_channels, embed_dim)
        self.trajectory_embedding = nn.Linear(num_channels, embed_dim)
        self.register_buffer(
            'is_trajectory',
            torch.arange(num_joints) == self.layout.index(self.layout.center),
            persistent=False,
        )
        self.blocks = nn.ModuleList(
            GLTransformerBlock(
                num_frames, num_joints * num_people, embed_dim, num_heads, mlp_ratio, dropout, rate
            )
            for rate in drop_path_rates(depth, drop_path)
        )
        self.norm = nn.LayerNorm(self.feature_dim)
        self.mlp = nn.Sequential(
            *(
                layer
                for _ in range(2)
                for layer in (
                    nn.Linear(self.feature_dim, self.feature_dim),
                    nn.GELU(),
                    nn.LayerNorm(self.feature_dim),
                )
            )
        )

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, 1, D, T, 1]``.

        Raises:
            ValueError: if the clips differ from the encoder in people, joints or coordinates, or
                have more than ``num_frames`` frames.
        """
        self.check_clips(clips)
        if clips.shape[2] > self.num_frames:
            raise ValueError(
                f'GLTransformer takes clips of up to num_frames={self.num_frames} frames; found '
                f'{clips.shape[2]}. Cut or resize the views'
            )
        is_seen = clips.flatten(3).any(-1).any(1)
        joints = clips.permute(0, 2, 3, 1, 4)  # [N, T, V, M, C]
        tokens = torch.where(
            self.is_trajectory[:, None, None],
            self.trajectory_embedding(joints),
            self.embedding(joints),
        ).flatten(2, 3)
        # With nobody at all, something must be attended to; the map is zero all the same.
        attended = is_seen | ~is_seen.any(1, keepdim=True)
        for block in self.blocks:
            tokens = block(tokens, attended)
        frames = self.mlp(self.norm(tokens.flatten(2))) * is_seen[..., None]
        return frames.mT[:, None, :, :, None]

    def readout(self, feature_map: Tensor) -> Tensor:
        """Average over the frames that show somebody: ``[N, 1, D, T, 1]`` to ``[N, D]``."""
        sequence = feature_map[:, 0, :, :, 0]
        count = sequence.any(1).sum(-1, keepdim=True)
        return sequence.sum(-1) / count.clamp(min=1)

"""A decoder from feature maps to clips."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.models.encoders.base import Encoder
from halp_mm.registry import MODELS


@MODELS.register_module()
class MapDecoder(nn.Module):
    """A perceptron from each position of a feature map to the coordinates at that position.

    If an encoder mixes people or joints, a position represents all of them. Over time, the result
    is resized linearly to the clip's frames.

    Args:
        encoder: The encoder that computes the maps.

    Example:
        >>> decoder = MapDecoder(encoder)
        >>> decoder(encoder.forward_map(clips), mask).shape  # that of clips
        torch.Size([8, 2, 64, 25, 3])
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        people = 1 if encoder.keeps_people else encoder.num_people
        if people is None:
            raise ValueError(
                f'{type(encoder).__name__} mixes people and takes any number of them; a decoder '
                'needs to know how many: set its num_people'
            )
        self.joints_are_mixed = not encoder.keeps_joints
        self.place_shape = (
            people,
            1 if encoder.keeps_joints else encoder.layout.num_joints,
            encoder.num_channels,
        )
        people, joints, channels = self.place_shape
        self.layers = nn.Sequential(
            nn.Linear(encoder.map_dim, encoder.feature_dim),
            nn.GELU(),
            nn.Linear(encoder.feature_dim, people * joints * channels),
        )

    def forward(self, feature_map: Tensor, mask: Tensor) -> Tensor:
        """Decode a feature map to values ``[N, M, T, V, C]``.

        Args:
            feature_map: ``[N, M', D, T', V']``.
            mask: Boolean ``[N, M, T, V]``: True where hidden. Only its length T is used.
        """
        if self.joints_are_mixed:
            feature_map = feature_map.mean(-1, keepdim=True)
        places = self.layers(feature_map.permute(0, 3, 1, 4, 2))
        places = places.unflatten(-1, self.place_shape)  # [N, T', M', V', people, joints, C]
        decoded = places.permute(0, 2, 4, 3, 5, 6, 1).flatten(3, 4).flatten(1, 2)
        shape = decoded.shape[1:4]  # M, V, C
        resized = F.interpolate(decoded.flatten(1, 3), mask.shape[2], mode='linear')
        return resized.unflatten(1, shape).permute(0, 1, 4, 2, 3)

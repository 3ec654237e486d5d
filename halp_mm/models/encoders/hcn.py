"""The co-occurrence network (HCN), ISC's encoder of skeletons as images."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.models.encoders.base import Encoder
from halp_mm.registry import MODELS
from halp_mm.skeletons import SkeletonLayout, get_layout

#: Factor by which four poolings reduce the frames and the width of the image.
REDUCTION = 16


class CoOccurrenceBranch(nn.Module):
    """Convolutions over each joint's path, then over images with joints as channels.

    Source: HCN (Li et al., IJCAI 2018), Sec. 3.

    Args:
        num_joints: V.
        num_channels: C.
        base_channels: Number of features of a joint in a frame, and of channels of the output.
        image_width: W, the number of features of a joint's path and the width of the images.
        dropout: Probability of dropping a channel of the map.
    """

    def __init__(
        self,
        num_joints: int,
        num_channels: int,
        base_channels: int,
        image_width: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.points = nn.Sequential(
            nn.Conv2d(num_channels, base_channels, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(base_channels, image_width, (3, 1), padding=(1, 0)),
        )
        self.joints = nn.Sequential(
            nn.Conv2d(num_joints, base_channels // 2, 3, padding=1),
            nn.MaxPool2d(2),
            nn.Conv2d(base_channels // 2, base_channels, 3, padding=1),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map people ``[B, C, T, V]`` to maps ``[B, C', T/4, W/4]``."""
        return self.joints(self.points(x).permute(0, 3, 2, 1))


@MODELS.register_module()
class HCN(Encoder):
    """Convolutions over images of frames and features with joints as channels.

    One branch sees positions, another sees their differences between frames. The defaults are
    ISC's. HCN itself has an ``image_width`` of 32 and fully connected layers, which a pre-trainer's
    projector replaces. People share the network. The feature is the element-wise maximum of their
    maps. Absent people, all zeros, are included, as in the releases.

    Source: HCN (Li et al., IJCAI 2018), Sec. 3; ISC (Thoker et al., ACM MM 2021), its release.

    Args:
        layout: Joint layout of the clips.
        num_channels: Number of coordinates of a joint.
        num_frames: T, the number of frames of a clip; at least 16.
        base_channels: Number of channels of the first layer; even. The last layer has four times as
            many.
        image_width: W, the width of the images; at least 16.
        dropout: Probability of dropping a channel of a map.
        init_cfg: mmengine's initialisation of the weights; by default uniform as in the release
            (Glorot and Bengio, AISTATS 2010).

    Raises:
        ValueError: if clips or images are too small for the poolings, or ``base_channels`` is odd.
    """

    keeps_people = True
    keeps_joints = False

    def __init__(
        self,
        layout: str | Mapping | SkeletonLayout = 'kinect_v2',
        num_channels: int = 3,
        num_frames: int = 64,
        base_channels: int = 64,
        image_width: int = 64,
        dropout: float = 0.5,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        # Four poolings halve frames and width.
        check_count(REDUCTION, num_frames=num_frames, image_width=image_width)
        check_count(num_channels=num_channels)
        check_count(2, base_channels=base_channels)
        check_fraction(dropout=dropout)
        if base_channels % 2:
            raise ValueError(f'base_channels must be even, got {base_channels}')
        self.layout = get_layout(layout)
        num_joints = self.layout.num_joints
        self.clip_shape = (num_frames, num_joints, num_channels)
        self.num_channels = num_channels
        self.map_dim = 4 * base_channels
        self.feature_dim = (
            4 * base_channels * (num_frames // REDUCTION) * (image_width // REDUCTION)
        )
        branch = (num_joints, num_channels, base_channels, image_width, dropout)
        self.position = CoOccurrenceBranch(*branch)
        self.motion = CoOccurrenceBranch(*branch)
        self.layers = nn.Sequential(
            nn.Conv2d(2 * base_channels, 2 * base_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
            nn.Conv2d(2 * base_channels, 4 * base_channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Dropout2d(dropout),
            nn.MaxPool2d(2),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.xavier_uniform_(module.weight)
                assert module.bias is not None, 'all of them have one'
                nn.init.zeros_(module.bias)

    def forward_map(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the feature map ``[N, M, D', T/16, W/16]``.

        Raises:
            ValueError: if the clips differ from the encoder in frames, joints or coordinates.
        """
        if clips.shape[2:] != self.clip_shape:
            raise ValueError(
                'HCN was built for clips of (frames, joints, coordinates) = '
                f'{self.clip_shape}, found {tuple(clips.shape[2:])}; set layout, num_frames and '
                "num_channels of model.encoder to agree with the data and the views' num_frames"
            )
        people = clips.flatten(0, 1).permute(0, 3, 1, 2)
        both = torch.cat([self.position(people), self.motion(differences(people))], 1)
        return self.layers(both).unflatten(0, clips.shape[:2])

    def readout(self, feature_map: Tensor) -> Tensor:
        """Take the maximum over people: ``[N, M, D', T/16, W/16]`` to ``[N, D]``."""
        return feature_map.amax(1).flatten(1)


def differences(x: Tensor) -> Tensor:
    """Differences between successive frames, resized linearly to T frames: ``[B, C, T, V]``."""
    return F.interpolate(x.diff(dim=2), size=x.shape[2:], mode='bilinear', align_corners=False)

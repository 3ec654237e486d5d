"""Checks for heads that predict each frame from one feature of all its people and joints."""

from __future__ import annotations

from torch import Tensor

from halp_mm.models.encoders import Encoder
from halp_mm.models.heads.base import PretrainingHead


def check_mixes_joints(head: PretrainingHead, encoder: Encoder) -> None:
    """Raise a ValueError if an encoder's map separates people or joints."""
    if encoder.keeps_people or encoder.keeps_joints or encoder.num_people is None:
        raise ValueError(
            f'{type(head).__name__} needs one feature a frame, of all people and joints; '
            f'{type(encoder).__name__} separates them. Use a transformer over frames or a '
            'recurrent encoder'
        )


def check_three_coordinates(head: PretrainingHead, encoder: Encoder) -> None:
    """Raise a ValueError if an encoder's clips are not three-dimensional."""
    if encoder.num_channels != 3:
        raise ValueError(
            f'{type(head).__name__} needs 3 coordinates a joint; {type(encoder).__name__} has '
            f'num_channels={encoder.num_channels}'
        )


def check_keeps_frames(head: PretrainingHead, feature_map: Tensor, clips: Tensor) -> None:
    """Raise a ValueError if a feature map has other frames than the clips."""
    if feature_map.shape[3] != clips.shape[2]:
        raise ValueError(
            f'{type(head).__name__} needs a feature for each of {clips.shape[2]} frames; the map '
            f'has {feature_map.shape[3]}. Use an encoder that keeps frames'
        )

"""The streams of a skeleton clip: joint, bone and motion."""

from __future__ import annotations

import torch
from torch import Tensor

from halp_mm.skeletons.clips import Clips
from halp_mm.skeletons.joint_positions import parent_index


def joint_stream(clips: Clips) -> Tensor:
    """The joint coordinates, ``[N, M, T, V, C]``."""
    return clips.coordinates


def bone_stream(clips: Clips) -> Tensor:
    """Each joint minus its parent, ``[N, M, T, V, C]``; zero at the centre joint."""
    parents = parent_index(clips.layout, clips.device)
    return clips.coordinates - clips.coordinates.index_select(-2, parents)


def motion_stream(clips: Clips) -> Tensor:
    """Each frame's successor minus the frame, ``[N, M, T, V, C]``; zero at a clip's last frame."""
    motion = clips.coordinates.roll(-1, dims=2) - clips.coordinates
    frames = torch.arange(motion.shape[2], device=clips.device)
    has_successor = frames < clips.num_frames[:, None] - 1
    return motion * has_successor[:, None, :, None, None]


#: The streams by name.
STREAMS = {'joint': joint_stream, 'bone': bone_stream, 'motion': motion_stream}


def check_stream(stream: str, key: str | None = None) -> None:
    """Raise a ValueError that lists the streams if the name is unknown.

    Args:
        stream: The name.
        key: Name of the setting with this value, for the message.
    """
    if stream not in STREAMS:
        where = f'{key}: ' if key else ''
        raise ValueError(f'{where}unknown stream {stream!r}; there are {sorted(STREAMS)}')


def derive_stream(clips: Clips, stream: str) -> Tensor:
    """Compute a stream of a batch of clips.

    Args:
        clips: A padded batch.
        stream: ``'joint'``, ``'bone'`` or ``'motion'``.

    Returns:
        ``[N, M, T, V, C]``.
    """
    check_stream(stream)
    return STREAMS[stream](clips)

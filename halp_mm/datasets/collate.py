"""Samples of different lengths to one padded batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from halp_mm.registry import FUNCTIONS


@FUNCTIONS.register_module()
def pad_clips(samples: Sequence[dict]) -> dict:
    """Collate samples of a SkeletonDataset, padding frames with zeros.

    Args:
        samples: What ``SkeletonDataset[i]`` returns; all of one layout.

    Returns:
        ``clips`` ``[N, M, T, V, C]`` with T the longest clip's, ``num_frames`` ``[N]``,
        ``labels`` ``[N]``, ``indices`` ``[N]``, ``layout`` and ``normalized``.
    """
    clips = [sample['clip'] for sample in samples]
    num_frames = torch.tensor([clip.shape[1] for clip in clips])
    people, _, joints, channels = clips[0].shape
    padded = clips[0].new_zeros(len(clips), people, int(num_frames.max()), joints, channels)
    for row, clip in zip(padded, clips):
        row[:, : clip.shape[1]] = clip
    return {
        'clips': padded,
        'num_frames': num_frames,
        'labels': torch.tensor([sample['label'] for sample in samples]),
        'indices': torch.tensor([sample['index'] for sample in samples]),
        'layout': samples[0]['layout'],
        'normalized': samples[0]['normalized'],
    }

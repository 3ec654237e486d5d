"""Samples of different lengths to one padded batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from halp_mm.datasets.batches import length_groups
from halp_mm.datasets.indexed_samples import IndexedSamples
from halp_mm.registry import FUNCTIONS
from halp_mm.skeletons import Clips, joined_clips


@FUNCTIONS.register_module()
def pad_clips(samples: Sequence[dict]) -> dict:
    """Collate samples of a SkeletonDataset, padding frames with zeros.

    Args:
        samples: What ``SkeletonDataset[i]`` returns; all of one layout.

    Returns:
        ``clips`` ``[N, M, T, V, C]`` with T the longest clip's, ``num_frames`` ``[N]``,
        ``labels`` ``[N]``, ``indices`` ``[N]``, ``layout`` and ``normalized``. Where one long clip
        would pad many others, ``clips`` is a list: clips of similar lengths are padded together,
        and ``groups`` says which of the batch they are.
    """
    if isinstance(samples, IndexedSamples):
        return samples.batch()
    clips = [sample['clip'] for sample in samples]
    num_frames = torch.tensor([clip.shape[1] for clip in clips])
    return {
        **padded_in_groups(num_frames, lambda rows: pad([clips[row] for row in rows.tolist()])),
        'labels': torch.tensor([sample['label'] for sample in samples]),
        'indices': torch.tensor([sample['index'] for sample in samples]),
        'layout': samples[0]['layout'],
        'normalized': samples[0]['normalized'],
    }


def clips_padded_together(batch: Mapping) -> list[Clips]:
    """The clips of a batch of :func:`pad_clips`: all of them, or a part for each of its groups."""
    if 'groups' not in batch:
        return [Clips(batch['clips'], batch['num_frames'], batch['layout'])]
    return [
        Clips(clips, batch['num_frames'][rows], batch['layout'])
        for clips, rows in zip(batch['clips'], batch['groups'])
    ]


def padded_clips(batch: Mapping) -> Clips:
    """All clips of a batch of :func:`pad_clips`, padded to the longest."""
    parts = clips_padded_together(batch)
    return parts[0] if len(parts) == 1 else joined_clips(parts, batch['groups'])


def pad(clips: Sequence[Tensor]) -> Tensor:
    """Pad clips ``[M, T, V, C]`` with zeros to the longest: ``[N, M, T, V, C]``."""
    people, _, joints, channels = clips[0].shape
    longest = max(clip.shape[1] for clip in clips)
    padded = clips[0].new_zeros(len(clips), people, longest, joints, channels)
    for row, clip in zip(padded, clips):
        row[:, : clip.shape[1]] = clip
    return padded


def padded_in_groups(num_frames: Tensor, padded: Callable[[Tensor], Tensor]) -> dict:
    """The clips of a batch, padded together or in groups; see :func:`pad_clips`.

    Args:
        num_frames: int64 ``[N]``: the clips' lengths.
        padded: Gives the padded clips of some rows of the batch.
    """
    groups = length_groups(num_frames)
    if groups is None:
        return {'clips': padded(torch.arange(len(num_frames))), 'num_frames': num_frames}
    clips = [padded(rows) for rows in groups]
    return {'clips': clips, 'num_frames': num_frames, 'groups': groups}

"""Which clips to pad together, so that a long one does not pad hundreds of others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset

MAX_MEAN_FRAMES = 300  # of a batch when it is padded; NTU's longest clip


def batch_positions(num_frames: Tensor, batch_size: int) -> list[list[int]]:
    """Divide clips into batches, in their order as long as that wastes no memory.

    Clips that follow each other make a batch. Only where the longest of them would pad it to more
    than ``batch_size * MAX_MEAN_FRAMES`` frames is it taken apart: clips of similar lengths, at
    most twice as long as another, stay together within that limit. A longer clip is alone.

    Args:
        num_frames: int ``[N]``, the clips' lengths.
        batch_size: Maximum number of clips in a batch.

    Returns:
        The positions of each batch's clips.
    """
    lengths, limit = num_frames.tolist(), batch_size * MAX_MEAN_FRAMES
    batches = []
    for start in range(0, len(lengths), batch_size):
        positions = list(range(start, min(start + batch_size, len(lengths))))
        if len(positions) * max(lengths[start : start + batch_size]) <= limit:
            batches.append(positions)
            continue
        similar: list[int] = []
        for position in sorted(positions, key=lengths.__getitem__):
            length = lengths[position]
            if similar and (
                length.bit_length() > lengths[similar[0]].bit_length()
                or (len(similar) + 1) * length > limit
            ):
                batches.append(similar)
                similar = []
            similar.append(position)
        batches.append(similar)
    return batches


def length_groups(num_frames: Tensor) -> list[Tensor] | None:
    """Divide the clips of a batch into groups to pad apart, where a long one would waste memory.

    Args:
        num_frames: int ``[N]``, the clips' lengths.

    Returns:
        The positions of each group's clips in the batch, int64; None if all can be padded to the
        longest: to a mean of :data:`MAX_MEAN_FRAMES`, or to twice of what they have.
    """
    padded = len(num_frames) * int(num_frames.max())
    if padded <= max(len(num_frames) * MAX_MEAN_FRAMES, 2 * int(num_frames.sum())):
        return None
    return [torch.tensor(group) for group in batch_positions(num_frames, len(num_frames))]


def clip_lengths(clips: Dataset | Sequence[dict]) -> Tensor:
    """The number of frames of each clip, int64 ``[N]``.

    Args:
        clips: A SkeletonDataset, some of its clips, or samples as it gives them.
    """
    if isinstance(clips, Subset):
        return clip_lengths(clips.dataset)[torch.as_tensor(clips.indices, dtype=torch.long)]
    if isinstance(clips, Dataset):
        return clips.num_frames
    return torch.tensor([sample['clip'].shape[1] for sample in clips])

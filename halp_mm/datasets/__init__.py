"""Clips on disk to padded batches."""

from halp_mm.datasets.batches import batch_positions, clip_lengths
from halp_mm.datasets.class_pair_sampler import ClassPairSampler
from halp_mm.datasets.clip_block import ClipBlock
from halp_mm.datasets.collate import clips_padded_together, pad_clips, padded_clips
from halp_mm.datasets.opening import check_data_file
from halp_mm.datasets.people import seen_people, with_people
from halp_mm.datasets.skeleton_dataset import SkeletonDataset
from halp_mm.datasets.storage import ClipStorage, ClipWriter

__all__ = [
    'ClassPairSampler',
    'ClipBlock',
    'ClipStorage',
    'ClipWriter',
    'SkeletonDataset',
    'batch_positions',
    'check_data_file',
    'clip_lengths',
    'clips_padded_together',
    'pad_clips',
    'padded_clips',
    'seen_people',
    'with_people',
]

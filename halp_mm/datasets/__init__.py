"""Clips on disk to padded batches."""

from halp_mm.datasets.collate import pad_clips
from halp_mm.datasets.people import seen_people, with_people
from halp_mm.datasets.skeleton_dataset import SkeletonDataset, check_data_file
from halp_mm.datasets.storage import ClipBlock, ClipStorage, ClipWriter

__all__ = [
    'ClipBlock',
    'ClipStorage',
    'ClipWriter',
    'SkeletonDataset',
    'check_data_file',
    'pad_clips',
    'seen_people',
    'with_people',
]

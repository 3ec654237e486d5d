"""Clips on disk to padded batches."""

from halp_mm.datasets.collate import pad_clips
from halp_mm.datasets.skeleton_dataset import SkeletonDataset, check_data_file
from halp_mm.datasets.storage import ClipBlock, ClipStorage, ClipWriter
from halp_mm.datasets.synthetic import SyntheticClip, generate_synthetic, write_synthetic
from halp_mm.datasets.synthetic_raw import write_raw_ntu, write_raw_pku

__all__ = [
    'ClipBlock',
    'ClipStorage',
    'ClipWriter',
    'SkeletonDataset',
    'SyntheticClip',
    'check_data_file',
    'generate_synthetic',
    'pad_clips',
    'write_raw_ntu',
    'write_raw_pku',
    'write_synthetic',
]

"""Synthetic clips from a kinematic model, as a data file or as raw files of public data sets."""

from halp_mm.synthetic.clips import SyntheticClip, generate_synthetic, write_synthetic
from halp_mm.synthetic.improvisation import write_improvised
from halp_mm.synthetic.raw_files import write_clip_folder, write_raw_ntu, write_raw_pku

__all__ = [
    'SyntheticClip',
    'generate_synthetic',
    'write_clip_folder',
    'write_improvised',
    'write_raw_ntu',
    'write_raw_pku',
    'write_synthetic',
]

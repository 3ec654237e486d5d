"""Export of models to files that run without this library."""

from halp_mm.export.clip_network import ClipNetwork
from halp_mm.export.comparison import Difference, largest_difference, sample_clips
from halp_mm.export.formats import FORMATS, export_file

__all__ = [
    'FORMATS',
    'ClipNetwork',
    'Difference',
    'export_file',
    'largest_difference',
    'sample_clips',
]

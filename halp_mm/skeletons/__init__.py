"""What a skeleton is: joint layouts, clips and streams."""

from halp_mm.skeletons.clips import Clips
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import LAYOUTS, get_layout
from halp_mm.skeletons.streams import STREAMS, check_stream, derive_stream

__all__ = [
    'LAYOUTS',
    'STREAMS',
    'Clips',
    'SkeletonLayout',
    'check_stream',
    'derive_stream',
    'get_layout',
]

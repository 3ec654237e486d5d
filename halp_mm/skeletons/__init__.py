"""What a skeleton is: joint layouts, clips and streams."""

from halp_mm.skeletons.clips import Clips
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import LAYOUTS, get_layout
from halp_mm.skeletons.streams import STREAMS, derive_stream

__all__ = [
    'LAYOUTS',
    'STREAMS',
    'Clips',
    'SkeletonLayout',
    'derive_stream',
    'get_layout',
]

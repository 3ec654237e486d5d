"""What a skeleton is: joint layouts, their graphs, clips and streams."""

from halp_mm.skeletons.clips import Clips
from halp_mm.skeletons.graph import PARTITION_STRATEGIES, partition_adjacency
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import LAYOUTS, get_layout
from halp_mm.skeletons.streams import STREAMS, check_stream, derive_stream

__all__ = [
    'LAYOUTS',
    'PARTITION_STRATEGIES',
    'STREAMS',
    'Clips',
    'SkeletonLayout',
    'check_stream',
    'derive_stream',
    'get_layout',
    'partition_adjacency',
]

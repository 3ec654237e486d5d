"""Skeletons: joint layouts, their graphs, clips and streams."""

from halp_mm.skeletons.body_length import describe_units, median_body_length
from halp_mm.skeletons.cells import cells_of, clips_of
from halp_mm.skeletons.clips import Clips, joined_clips
from halp_mm.skeletons.distances import joint_distances, pair_matrix
from halp_mm.skeletons.graph import (
    PARTITION_STRATEGIES,
    parent_child_adjacency,
    partition_adjacency,
)
from halp_mm.skeletons.joint_conversion import (
    conversion_matrix,
    conversion_recipe,
    convert_joints,
    describe_conversion,
)
from halp_mm.skeletons.joint_positions import bone_index, parent_index
from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layout_file import read_layout
from halp_mm.skeletons.layouts import LAYOUTS, get_layout
from halp_mm.skeletons.streams import STREAMS, check_stream, derive_stream

__all__ = [
    'LAYOUTS',
    'PARTITION_STRATEGIES',
    'STREAMS',
    'Clips',
    'SkeletonLayout',
    'bone_index',
    'cells_of',
    'check_stream',
    'clips_of',
    'conversion_matrix',
    'conversion_recipe',
    'convert_joints',
    'derive_stream',
    'describe_conversion',
    'describe_units',
    'get_layout',
    'joined_clips',
    'joint_distances',
    'median_body_length',
    'pair_matrix',
    'parent_child_adjacency',
    'parent_index',
    'partition_adjacency',
    'read_layout',
]

"""Heads: embeddings to named losses."""

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.models.heads.cmd_head import CMDHead
from halp_mm.models.heads.cross_stream_head import CrossStreamHead
from halp_mm.models.heads.d3m_head import D3MHead, distributional_divergence
from halp_mm.models.heads.halp_head import HaLPHead, hardest_step, slerp_coefficients
from halp_mm.models.heads.inter_skeleton_head import InterSkeletonHead
from halp_mm.models.heads.moco_head import MoCoHead
from halp_mm.models.heads.nnm_head import NNMHead, nearest_neighbors

__all__ = [
    'CMDHead',
    'CrossStreamHead',
    'D3MHead',
    'HaLPHead',
    'InterSkeletonHead',
    'MoCoHead',
    'NNMHead',
    'PretrainingHead',
    'StreamEmbeddings',
    'distributional_divergence',
    'hardest_step',
    'nearest_neighbors',
    'slerp_coefficients',
]

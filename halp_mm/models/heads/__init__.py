"""Heads: embeddings to named losses."""

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.models.heads.d3m_head import D3MHead, distributional_divergence
from halp_mm.models.heads.halp_head import HaLPHead, hardest_step, slerp_coefficients
from halp_mm.models.heads.moco_head import MoCoHead
from halp_mm.models.heads.nnm_head import NNMHead, nearest_neighbors

__all__ = [
    'D3MHead',
    'HaLPHead',
    'MoCoHead',
    'NNMHead',
    'PretrainingHead',
    'StreamEmbeddings',
    'distributional_divergence',
    'hardest_step',
    'nearest_neighbors',
    'slerp_coefficients',
]

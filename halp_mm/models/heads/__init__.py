"""Heads: embeddings to named losses."""

from halp_mm.models.heads.base import PretrainingHead, StreamEmbeddings
from halp_mm.models.heads.halp_head import HaLPHead, hardest_step, slerp_coefficients
from halp_mm.models.heads.moco_head import MoCoHead, contrast_logits

__all__ = [
    'HaLPHead',
    'MoCoHead',
    'PretrainingHead',
    'StreamEmbeddings',
    'contrast_logits',
    'hardest_step',
    'slerp_coefficients',
]

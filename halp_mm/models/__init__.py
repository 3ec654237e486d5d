"""Networks: encoders, modules, heads, pre-trainers and data preprocessors."""

from halp_mm.models.data_preprocessors import SkeletonPreprocessor
from halp_mm.models.encoders import BiGRU, Encoder
from halp_mm.models.heads import HaLPHead, MoCoHead, PretrainingHead, StreamEmbeddings
from halp_mm.models.modules import FeatureQueue, MomentumCopy, Projector
from halp_mm.models.pretrainers import MomentumContrast

__all__ = [
    'BiGRU',
    'Encoder',
    'FeatureQueue',
    'HaLPHead',
    'MoCoHead',
    'MomentumContrast',
    'MomentumCopy',
    'PretrainingHead',
    'Projector',
    'SkeletonPreprocessor',
    'StreamEmbeddings',
]

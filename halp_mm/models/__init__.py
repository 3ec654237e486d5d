"""Networks: encoders, modules, heads, pre-trainers, classifiers and data preprocessors."""

from halp_mm.models.classifiers import SkeletonClassifier
from halp_mm.models.data_preprocessors import SkeletonPreprocessor, build_preprocessor
from halp_mm.models.encoders import STGCN, BiGRU, Encoder
from halp_mm.models.heads import (
    D3MHead,
    HaLPHead,
    MoCoHead,
    NNMHead,
    PretrainingHead,
    StreamEmbeddings,
)
from halp_mm.models.modules import EnergyAttentionDrop, FeatureQueue, MomentumCopy, Projector
from halp_mm.models.pretrainers import MomentumContrast

__all__ = [
    'STGCN',
    'BiGRU',
    'D3MHead',
    'Encoder',
    'EnergyAttentionDrop',
    'FeatureQueue',
    'HaLPHead',
    'MoCoHead',
    'MomentumContrast',
    'MomentumCopy',
    'NNMHead',
    'PretrainingHead',
    'Projector',
    'SkeletonClassifier',
    'SkeletonPreprocessor',
    'StreamEmbeddings',
    'build_preprocessor',
]

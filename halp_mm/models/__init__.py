"""Networks: encoders, modules, heads, pre-trainers, classifiers and data preprocessors."""

from halp_mm.models.classifiers import SkeletonClassifier
from halp_mm.models.data_preprocessors import SkeletonPreprocessor, build_preprocessor
from halp_mm.models.encoders import HCN, STGCN, BiGRU, Encoder
from halp_mm.models.heads import (
    CMDHead,
    CrossStreamHead,
    D3MHead,
    HaLPHead,
    InterSkeletonHead,
    MoCoHead,
    NNMHead,
    PretrainingHead,
    StreamEmbeddings,
)
from halp_mm.models.modules import EnergyAttentionDrop, FeatureQueue, MomentumCopy, Projector
from halp_mm.models.pretrainers import MomentumContrast

__all__ = [
    'HCN',
    'STGCN',
    'BiGRU',
    'CMDHead',
    'CrossStreamHead',
    'D3MHead',
    'Encoder',
    'EnergyAttentionDrop',
    'FeatureQueue',
    'HaLPHead',
    'InterSkeletonHead',
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

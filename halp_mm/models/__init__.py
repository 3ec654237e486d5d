"""Networks: encoders, modules, heads, pre-trainers, classifiers and data preprocessors."""

from halp_mm.models.classifiers import SkeletonClassifier
from halp_mm.models.data_preprocessors import SkeletonPreprocessor, build_preprocessor
from halp_mm.models.encoders import AGCN, HCN, LSTM, STGCN, BiGRU, Encoder, ViewAdaptedEncoder
from halp_mm.models.heads import (
    CMDHead,
    CrossCorrelationHead,
    CrossStreamHead,
    D3MHead,
    HaLPHead,
    InterSkeletonHead,
    MaskedReconstructionHead,
    MoCoHead,
    NNMHead,
    PretrainingHead,
    PrototypeHead,
    Reads,
    StreamHead,
    StreamOutputs,
)
from halp_mm.models.modules import (
    EmbeddingNetwork,
    EnergyAttentionDrop,
    FeatureAsEmbedding,
    FeatureQueue,
    MapDecoder,
    MomentumCopy,
    Projector,
)
from halp_mm.models.pretrainers import HeadTerm, Pretrainer

__all__ = [
    'AGCN',
    'HCN',
    'LSTM',
    'STGCN',
    'BiGRU',
    'CMDHead',
    'CrossCorrelationHead',
    'CrossStreamHead',
    'D3MHead',
    'EmbeddingNetwork',
    'Encoder',
    'EnergyAttentionDrop',
    'FeatureAsEmbedding',
    'FeatureQueue',
    'HaLPHead',
    'HeadTerm',
    'InterSkeletonHead',
    'MapDecoder',
    'MaskedReconstructionHead',
    'MoCoHead',
    'MomentumCopy',
    'NNMHead',
    'Pretrainer',
    'PretrainingHead',
    'Projector',
    'PrototypeHead',
    'Reads',
    'SkeletonClassifier',
    'SkeletonPreprocessor',
    'StreamHead',
    'StreamOutputs',
    'ViewAdaptedEncoder',
    'build_preprocessor',
]

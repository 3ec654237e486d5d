"""Networks: encoders, modules, heads, pre-trainers, classifiers and data preprocessors."""

from halp_mm.models.classifiers import SkeletonClassifier
from halp_mm.models.data_preprocessors import SkeletonPreprocessor, build_preprocessor
from halp_mm.models.encoders import HCN, STGCN, BiGRU, Encoder
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
from halp_mm.models.inference_model import InferenceModel
from halp_mm.models.modules import (
    EmbeddingNetwork,
    EnergyAttentionDrop,
    FeatureQueue,
    MapDecoder,
    MomentumCopy,
    Projector,
)
from halp_mm.models.pretrainers import HeadTerm, Pretrainer

__all__ = [
    'HCN',
    'STGCN',
    'BiGRU',
    'CMDHead',
    'CrossCorrelationHead',
    'CrossStreamHead',
    'D3MHead',
    'EmbeddingNetwork',
    'Encoder',
    'EnergyAttentionDrop',
    'FeatureQueue',
    'HaLPHead',
    'HeadTerm',
    'InferenceModel',
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
    'build_preprocessor',
]

"""Building blocks of pre-trainers, usable on their own."""

from halp_mm.models.modules.bidirectional_recursive_network import BidirectionalRecursiveNetwork
from halp_mm.models.modules.bit_dropout import BitDropout
from halp_mm.models.modules.chamfer_distance import chamfer_distance
from halp_mm.models.modules.cuda_graphs import CudaGraphs
from halp_mm.models.modules.embedding_network import EmbeddingNetwork
from halp_mm.models.modules.energy_attention_drop import EnergyAttentionDrop
from halp_mm.models.modules.feature_queue import FeatureQueue
from halp_mm.models.modules.folding_decoder import FoldingDecoder
from halp_mm.models.modules.gathering import (
    gather_from_all_ranks,
    gather_with_gradient,
    mean_over_ranks,
    own_rows,
)
from halp_mm.models.modules.map_decoder import MapDecoder
from halp_mm.models.modules.momentum_copy import MomentumCopy
from halp_mm.models.modules.projector import FeatureAsEmbedding, Projector
from halp_mm.models.modules.spherical_kmeans import frechet_mean, spherical_kmeans
from halp_mm.models.modules.synchronized_batch_norm import (
    SynchronizedBatchNorm,
    synchronize_batch_norm,
)
from halp_mm.models.modules.temporal_convolution import TemporalConvolution
from halp_mm.models.modules.transformer_decoder import TransformerDecoder

__all__ = [
    'BidirectionalRecursiveNetwork',
    'BitDropout',
    'CudaGraphs',
    'EmbeddingNetwork',
    'EnergyAttentionDrop',
    'FeatureAsEmbedding',
    'FeatureQueue',
    'FoldingDecoder',
    'MapDecoder',
    'MomentumCopy',
    'Projector',
    'SynchronizedBatchNorm',
    'TemporalConvolution',
    'TransformerDecoder',
    'chamfer_distance',
    'frechet_mean',
    'gather_from_all_ranks',
    'gather_with_gradient',
    'mean_over_ranks',
    'own_rows',
    'spherical_kmeans',
    'synchronize_batch_norm',
]

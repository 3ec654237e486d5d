"""Encoders: clips to features."""

from halp_mm.models.encoders.agcn import AGCN
from halp_mm.models.encoders.base import Encoder
from halp_mm.models.encoders.bigru import BiGRU
from halp_mm.models.encoders.dgcnn import DGCNN
from halp_mm.models.encoders.dste import DSTE
from halp_mm.models.encoders.gl_transformer import GLTransformer
from halp_mm.models.encoders.hcn import HCN
from halp_mm.models.encoders.hierarchical_transformer import HierarchicalTransformer
from halp_mm.models.encoders.lstm import LSTM
from halp_mm.models.encoders.sebirenet import SeBiReNet
from halp_mm.models.encoders.slim_transformer import SLiMTransformer
from halp_mm.models.encoders.spatio_temporal_transformer import SpatioTemporalTransformer
from halp_mm.models.encoders.stgcn import STGCN
from halp_mm.models.encoders.view_adapted_encoder import ViewAdaptedEncoder

__all__ = [
    'AGCN',
    'DGCNN',
    'DSTE',
    'HCN',
    'LSTM',
    'STGCN',
    'BiGRU',
    'Encoder',
    'GLTransformer',
    'HierarchicalTransformer',
    'SLiMTransformer',
    'SeBiReNet',
    'SpatioTemporalTransformer',
    'ViewAdaptedEncoder',
]

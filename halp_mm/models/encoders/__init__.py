"""Encoders: clips to features."""

from halp_mm.models.encoders.base import Encoder
from halp_mm.models.encoders.bigru import BiGRU
from halp_mm.models.encoders.hcn import HCN
from halp_mm.models.encoders.spatio_temporal_transformer import SpatioTemporalTransformer
from halp_mm.models.encoders.stgcn import STGCN

__all__ = ['HCN', 'STGCN', 'BiGRU', 'Encoder', 'SpatioTemporalTransformer']

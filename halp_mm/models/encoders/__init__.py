"""Encoders: clips to features."""

from halp_mm.models.encoders.base import Encoder
from halp_mm.models.encoders.bigru import BiGRU
from halp_mm.models.encoders.stgcn import STGCN

__all__ = ['STGCN', 'BiGRU', 'Encoder']

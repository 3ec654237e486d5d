"""Encoders: clips to features."""

from halp_mm.models.encoders.base import Encoder
from halp_mm.models.encoders.bigru import BiGRU

__all__ = ['BiGRU', 'Encoder']

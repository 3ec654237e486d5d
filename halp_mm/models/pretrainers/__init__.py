"""Pre-trainers."""

from halp_mm.models.pretrainers.momentum_contrast import EmbeddingNetwork, MomentumContrast

__all__ = ['EmbeddingNetwork', 'MomentumContrast']

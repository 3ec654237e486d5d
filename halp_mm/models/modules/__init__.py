"""Parts of pre-trainers that can also be used alone."""

from halp_mm.models.modules.feature_queue import FeatureQueue
from halp_mm.models.modules.momentum_copy import MomentumCopy
from halp_mm.models.modules.projector import Projector
from halp_mm.models.modules.spherical_kmeans import frechet_mean, spherical_kmeans

__all__ = ['FeatureQueue', 'MomentumCopy', 'Projector', 'frechet_mean', 'spherical_kmeans']

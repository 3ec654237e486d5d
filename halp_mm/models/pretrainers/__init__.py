"""Pre-trainers."""

from halp_mm.models.pretrainers.head_term import HeadTerm
from halp_mm.models.pretrainers.pretrainer import Pretrainer

__all__ = ['HeadTerm', 'Pretrainer']

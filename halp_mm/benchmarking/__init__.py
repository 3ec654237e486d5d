"""How fast trainings are, part by part, and how far from what the machine could do."""

from halp_mm.benchmarking.comparison import compare_trainings
from halp_mm.benchmarking.comparison_text import comparison_text

__all__ = ['compare_trainings', 'comparison_text']

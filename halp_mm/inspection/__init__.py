"""What is in a data file, and which of its clips are suspicious."""

from halp_mm.inspection.inspection import Inspection, Suspicion, inspect_clips
from halp_mm.inspection.text import report

__all__ = ['Inspection', 'Suspicion', 'inspect_clips', 'report']

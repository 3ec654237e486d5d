"""Raw recordings of public data sets to data files."""

from halp_mm.datasets.sources.msr_action3d import Summary, fill_gaps, prepare_msr_action3d

__all__ = ['Summary', 'fill_gaps', 'prepare_msr_action3d']

"""Pictures."""

from halp_mm.visualization.curves import plot_curves

__all__ = ['plot_curves']

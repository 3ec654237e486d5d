"""Pictures of clips, features, training curves and data files."""

from halp_mm.visualization.clip_files import contact_sheet, save_clip
from halp_mm.visualization.curves import plot_curves
from halp_mm.visualization.feature_picture import plot_features
from halp_mm.visualization.inspection_picture import plot_inspection
from halp_mm.visualization.skeleton_drawing import draw_clip

__all__ = [
    'contact_sheet',
    'draw_clip',
    'plot_curves',
    'plot_features',
    'plot_inspection',
    'save_clip',
]

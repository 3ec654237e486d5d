"""Pictures of clips, features, training curves and data files.

Plotting is slow to import, so the names are imported when they are asked for.
"""

from halp_mm.lazy_names import lazy_names

_MODULES = {
    'contact_sheet': 'halp_mm.visualization.clip_files',
    'draw_clip': 'halp_mm.visualization.skeleton_drawing',
    'plot_curves': 'halp_mm.visualization.curves',
    'plot_features': 'halp_mm.visualization.feature_picture',
    'plot_inspection': 'halp_mm.visualization.inspection_picture',
    'save_clip': 'halp_mm.visualization.clip_files',
    'save_clip_over_video': 'halp_mm.visualization.video_overlay',
}
__all__ = list(_MODULES)
__getattr__ = lazy_names(__name__, _MODULES)

"""mmengine's visualizer, which writes scalars, without the figure that it makes to draw on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from mmengine.visualization import Visualizer

from halp_mm.registry import VISUALIZERS


@VISUALIZERS.register_module()
class LogVisualizer(Visualizer):
    """Write scalars and configs to the backends.

    A figure is made when an image is set, not before: until then a training does not import
    matplotlib.
    """

    def set_image(self, image: np.ndarray) -> None:
        """Set the image to draw on."""
        if self.fig_save_canvas is None:
            figure = super()._initialize_fig(self.fig_save_cfg)
            self.fig_save_canvas, self.fig_save, self.ax_save = figure
            self.dpi = self.fig_save.get_dpi()
        super().set_image(image)

    def _initialize_fig(self, fig_cfg: dict) -> tuple:
        return None, SimpleNamespace(get_dpi=lambda: None), None

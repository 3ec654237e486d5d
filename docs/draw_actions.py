"""Draw the animation at the top of the README: four synthetic clips side by side.

Run after a change of the drawings: ``python docs/draw_actions.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from halp_mm.synthetic.actions import ACTIONS
from halp_mm.synthetic.clips import generate_clip
from halp_mm.visualization import draw_clip
from halp_mm.visualization.clip_files import write_pictures

PICTURE = Path(__file__).parent / 'images' / 'actions.gif'
SHOWN = ('wave', 'kick', 'stand up', 'handshake')
NUM_FRAMES, FPS, SIZE = 36, 15, 180


def draw() -> None:
    """Draw a clip of each action, by one subject and seen by one camera."""
    columns = []
    for action in SHOWN:
        label = list(ACTIONS).index(action)
        clip = generate_clip(seed=0, subject=1, label=label, camera=1, repetition=1).coordinates
        frames = np.linspace(0, clip.shape[1] - 1, NUM_FRAMES).round().astype(int)
        columns.append(draw_clip(clip[:, frames], 'kinect_v2', SIZE, action))
    write_pictures(PICTURE, np.concatenate(columns, axis=2), FPS)


if __name__ == '__main__':
    draw()

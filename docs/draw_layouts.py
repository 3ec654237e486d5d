"""Draw the pictures of docs/layouts.md: python docs/draw_layouts.py."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np

from halp_mm.skeletons import LAYOUTS, SkeletonLayout
from halp_mm.visualization import draw_clip

IMAGES = Path(__file__).parent / 'images'

# How far outwards, up and forward a part of somebody who stands is, metres.
PLACES = {
    **dict.fromkeys(['spine_base', 'hip_center', 'mid_hip', 'pelvis'], (0, 0.98, 0)),
    **dict.fromkeys(['spine_mid', 'spine', 'spine_navel', 'spine1'], (0, 1.16, 0)),
    'spine2': (0, 1.26, 0),
    **dict.fromkeys(['spine_chest', 'spine3'], (0, 1.34, 0)),
    **dict.fromkeys(['spine_shoulder', 'shoulder_center', 'thorax'], (0, 1.44, 0)),
    'neck': (0, 1.53, 0),
    'head': (0, 1.7, 0),
    'nose': (0, 1.64, 0.12),
    'eye': (0.04, 1.68, 0.1),
    'eye_inner': (0.025, 1.68, 0.1),
    'eye_outer': (0.055, 1.68, 0.09),
    'ear': (0.085, 1.66, 0),
    'mouth': (0.03, 1.58, 0.1),
    **dict.fromkeys(['clavicle', 'collar'], (0.07, 1.42, 0)),
    'shoulder': (0.19, 1.41, 0),
    'elbow': (0.36, 1.18, 0),
    'wrist': (0.5, 0.98, 0.05),
    'hand': (0.545, 0.92, 0.06),
    'hand_root': (0.51, 0.965, 0.05),
    **dict.fromkeys(['hand_tip', 'index'], (0.6, 0.85, 0.07)),
    'pinky': (0.63, 0.9, 0.05),
    'thumb': (0.52, 0.86, 0.1),
    'hip': (0.1, 0.95, 0),
    'knee': (0.13, 0.53, 0.03),
    'ankle': (0.15, 0.09, 0),
    'heel': (0.15, 0.03, -0.06),
    'foot': (0.19, 0.03, 0.12),
    **dict.fromkeys(['big_toe', 'foot_index'], (0.18, 0.02, 0.16)),
    'small_toe': (0.24, 0.02, 0.13),
    'chin': (0, 1.52, 0.08),
    'nose_base': (0, 1.62, 0.1),
    'upper_lip': (0, 1.595, 0.1),
    'upper_inner_lip': (0, 1.588, 0.1),
    'lower_inner_lip': (0, 1.578, 0.1),
    'lower_lip': (0, 1.57, 0.1),
    **{f'nose_bridge_{i}': (0, 1.7 - 0.018 * i, 0.1) for i in range(1, 5)},
    **{f'nostril_{i}': (0.028 - 0.01 * i, 1.622, 0.1) for i in (1, 2)},
    **{f'brow_{i}': (0.075 - 0.012 * i, 1.7 + 0.01 * math.sin(i * 0.6), 0.1) for i in range(1, 6)},
    **{
        f'jaw_{i}': (0.09 * math.cos(0.18 * i), 1.66 - 0.14 * math.sin(0.18 * i), 0.05)
        for i in range(1, 9)
    },
    **{
        f'eye_{i}': (0.04 + 0.016 * math.cos(angle), 1.68 + 0.008 * math.sin(angle), 0.1)
        for i, angle in enumerate(np.deg2rad([0, 60, 120, 180, 240, 300]), 1)
    },
    **{
        f'lip_{i}': (0.034 * math.cos(angle), 1.582 + 0.016 * math.sin(angle), 0.1)
        for i, angle in enumerate(np.deg2rad([0, 35, 65, -35, -65]), 1)
    },
    **{
        f'inner_lip_{i}': (0.024 * math.cos(angle), 1.582 + 0.007 * math.sin(angle), 0.1)
        for i, angle in enumerate(np.deg2rad([0, 50, -50]), 1)
    },
}
# Each finger: the angle from straight on, and how far its joints are from the wrist, metres.
FINGERS = {
    'thumb': (-55, (0.04, 0.07, 0.1, 0.125)),
    'forefinger': (-18, (0.09, 0.13, 0.155, 0.175)),
    'middle_finger': (0, (0.09, 0.135, 0.165, 0.185)),
    'ring_finger': (16, (0.087, 0.128, 0.153, 0.173)),
    'pinky_finger': (32, (0.082, 0.11, 0.13, 0.147)),
}


def place_of(joint: str, layout: SkeletonLayout) -> tuple[float, float, float]:
    """Where a joint is: to the person's right, up and forward."""
    side, _, part = joint.partition('_')
    outward = {'left': -1, 'right': 1}.get(side, 0)
    part = part if outward else joint
    finger, _, number = part.rpartition('_')
    if finger in FINGERS:
        angle, distances = FINGERS[finger]
        distance = distances[int(number) - 1]
        if not outward:  # a hand of its own points up
            turn = math.radians(angle)
            return distance * math.sin(turn), distance * math.cos(turn), 0.0
        turn = math.radians(215 + angle)  # down and outwards, from the end of the arm
        across, up, forward = PLACES['hand_root']
        across -= 0.9 * distance * math.sin(turn)
        return outward * across, up + 0.9 * distance * math.cos(turn), forward
    if layout.name == 'hand21':
        return 0.0, 0.0, 0.0
    joined = {frozenset(bone) for bone in layout.bones}
    if part == 'neck' and frozenset({'neck', 'left_shoulder'}) in joined:
        part = 'spine_shoulder'
    across, up, forward = PLACES[part]
    return outward * across, up, forward


def standing(layout: SkeletonLayout) -> np.ndarray:
    """A clip of one frame, ``[1, 1, V, D]``."""
    places = np.array([place_of(joint, layout) for joint in layout.joints])
    right, up, forward = places.T
    if layout.dimensions == 2:
        pose = np.stack([1 - right, 2 - up], -1)
    else:
        pose = np.stack([right + 1e-6, up + 1e-6, 2.5 - forward], -1)
    return pose[None, None].astype(np.float32)


def main() -> None:
    """Draw all layouts."""
    for name, layout in LAYOUTS.items():
        size = 420 if layout.num_joints > 40 else 280
        picture = draw_clip(standing(layout), layout, size, f'{name}: {layout.num_joints} joints')
        cv2.imwrite(str(IMAGES / f'layout_{name}.png'), picture[0, ..., ::-1])


if __name__ == '__main__':
    main()

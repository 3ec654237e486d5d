"""Shorthand for writing a layout down: limbs as chains of joints, and both sides at once."""

from __future__ import annotations

from itertools import pairwise

from halp_mm.skeletons.layout import Pair


def limbs(*chains: str) -> tuple[Pair, ...]:
    """Bones along chains of joints, each written as ``'a b c'``; ``*`` stands for both sides."""
    bones = []
    for chain in chains:
        for side in ('left', 'right') if '*' in chain else ('',):
            bones += pairwise(chain.replace('*', side).split())
    return tuple(bones)


def both_sides(*parts: str) -> tuple[str, ...]:
    """All parts of the left, then all of the right."""
    return tuple(f'{side}_{part}' for side in ('left', 'right') for part in parts)


def side_by_side(*parts: str) -> tuple[str, ...]:
    """Each part of the left and of the right, one part after another."""
    return tuple(f'{side}_{part}' for part in parts for side in ('left', 'right'))


ARM = ('shoulder', 'elbow', 'wrist', 'hand')
LEG = ('hip', 'knee', 'ankle', 'foot')
SHOULDERS = ('right_shoulder', 'left_shoulder')

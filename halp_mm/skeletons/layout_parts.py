"""Shorthand to define layouts: limbs as chains of joints, and both sides at once."""

from __future__ import annotations

from itertools import pairwise

from halp_mm.skeletons.layout import Pair


def limbs(*chains: str) -> tuple[Pair, ...]:
    """List the bones along chains of joints such as ``'a b c'``; ``*`` stands for both sides."""
    bones: list[Pair] = []
    for chain in chains:
        for side in ('left', 'right') if '*' in chain else ('',):
            bones += pairwise(chain.replace('*', side).split())
    return tuple(bones)


def both_sides(*parts: str) -> tuple[str, ...]:
    """List all parts of the left side, then all of the right."""
    return tuple(f'{side}_{part}' for side in ('left', 'right') for part in parts)


def side_by_side(*parts: str) -> tuple[str, ...]:
    """List each part with its left side, then its right side."""
    return tuple(f'{side}_{part}' for part in parts for side in ('left', 'right'))


ARM = ('shoulder', 'elbow', 'wrist', 'hand')
LEG = ('hip', 'knee', 'ankle', 'foot')
SHOULDERS = ('right_shoulder', 'left_shoulder')

"""SLiM's masks, which hide parts of the body for some time."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from halp_mm import clip_draws
from halp_mm.argument_checks import check_count, check_fraction, check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.skeletons.body_parts import body_parts
from halp_mm.transforms.base import RandomTransform

#: So many tubes in a row that do not fit end a mask, and so many are tried in all.
_MAX_FAILURES = 10
_MAX_TRIES = 64


class Tubes(NamedTuple):
    """A tube of each of N masks: neighbouring joints of a part of the body, over some cells."""

    part: np.ndarray  #: Number of the part ``[N]``
    run: np.ndarray  #: Number of joints ``[N]``
    first: np.ndarray  #: Position of the first joint in the part ``[N]``
    height: np.ndarray  #: Number of cells of time ``[N]``
    top: np.ndarray  #: The first of them ``[N]``


@TRANSFORMS.register_module()
class SemanticTubeMask(RandomTransform):
    """Hide tubes, each of neighbouring joints of the trunk or a limb over some successive cells.

    Tubes of random shapes are hidden until as many cells of a person are hidden as wanted. One
    that hides nothing new, or too much, is dropped; ten of these in a row end the mask early.

    Coordinates stay unchanged. The mask travels with the clips: SLiM's transformer replaces the
    hidden cells, other encoders see zeros there. No transform after it may move frames.

    What is hidden depends on draws alone, and is decided on the host.

    Source: SLiM (arXiv 2603.10648), its release.

    Args:
        ratio: Range of the share of a person's cells that is hidden.
        cell_frames: Number of frames of a cell; the last cell of a clip may have fewer.
        probability: Probability that a clip is masked at all.
        min_area: The least area from which a tube's height is drawn, in cells; by default the
            number of cells along time.
    """

    def __init__(
        self,
        ratio: tuple[float, float] = (0.5, 0.9),
        cell_frames: int = 8,
        probability: float = 1.0,
        min_area: int | None = None,
    ) -> None:
        check_range(ratio=ratio)
        check_fraction(low=ratio[0], high=ratio[1], probability=probability)
        check_count(cell_frames=cell_frames)
        if min_area is not None:
            check_count(min_area=min_area)
        self.ratio = ratio
        self.cell_frames = cell_frames
        self.probability = probability
        self.min_area = min_area

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``hidden_cells``, on the host: boolean ``[N, M, T', V]``."""
        count, people, frames, joints = clips.coordinates.shape[:4]
        num_cells = -(-frames // self.cell_frames)
        size = (count, people, 2 + 5 * _MAX_TRIES)
        source = clip_draws.on_host(generator)
        uniform = clip_draws.rand(*size, generator=source, device='cpu', dtype=torch.float64)
        draws = uniform.flatten(0, 1).numpy()
        low, high = self.ratio
        wanted = ((low + (high - low) * draws[:, 0]) * (num_cells * joints)).astype(int)
        wanted[draws[:, 1] >= self.probability] = 0
        tries = draws[:, 2:].reshape(len(draws), _MAX_TRIES, 5)
        min_area = num_cells if self.min_area is None else self.min_area
        hidden = tube_masks(wanted, tries, clips.layout, num_cells, min_area)
        return {'hidden_cells': torch.from_numpy(hidden).unflatten(0, (count, people))}

    def apply(self, clips: Clips, hidden_cells: Tensor) -> Clips:
        """Record ``mask``, boolean ``[N, M, T, V]``, and ``hidden``, the hidden cells' positions.

        ``hidden`` has an entry for each hidden cell of the batch: its position in ``[N, M, T', V]``
        when flattened.
        """
        frames = clips.coordinates.shape[2]
        mask = hidden_cells.repeat_interleave(self.cell_frames, 2)[:, :, :frames]
        hidden = torch.from_numpy(np.flatnonzero(hidden_cells.numpy()))
        moved = (one.to(clips.device, non_blocking=True) for one in (mask, hidden))
        return clips.with_draws(**dict(zip(('mask', 'hidden'), moved)))


def tube_masks(
    wanted: np.ndarray,
    draws: np.ndarray,
    layout: SkeletonLayout,
    num_cells: int,
    min_area: int,
) -> np.ndarray:
    """Hide tubes until as many cells are hidden as wanted.

    Args:
        wanted: Number of cells to hide, ``[N]``.
        draws: Uniform draws, ``[N, tries, 5]``.
        layout: The layout.
        num_cells: T', the number of cells along time.
        min_area: The least area from which a tube's height is drawn.

    Returns:
        Boolean ``[N, T', V]``.
    """
    lengths = np.array([len(joints) for joints in body_parts(layout).values()])
    hidden = np.zeros((len(wanted), num_cells, layout.num_joints), dtype=bool)
    left, failures = wanted.copy(), np.zeros(len(wanted), dtype=int)
    for of_try in draws.transpose(1, 2, 0):
        left[failures == _MAX_FAILURES] = 0
        if not left.any():
            break
        part = whole(of_try[0], len(lengths))
        run = 1 + whole(of_try[1], lengths[part])
        first = whole(of_try[2], lengths[part] - run + 1)
        area = min_area + of_try[3] * (left - min_area)
        height = np.rint(area / run).clip(1, num_cells).astype(int)
        top = whole(of_try[4], num_cells - height + 1)
        new = hide_tubes(hidden, Tubes(part, run, first, height, top), left, layout)
        left -= new
        failures = np.where(new > 0, 0, failures + 1)
    return hidden


def hide_tubes(
    hidden: np.ndarray, tubes: Tubes, left: np.ndarray, layout: SkeletonLayout
) -> np.ndarray:
    """Hide a tube in each mask, in place, if it hides at least one more cell and not too many.

    Args:
        hidden: The masks, boolean ``[N, T', V]``.
        tubes: The tubes.
        left: Maximum number of cells to hide, ``[N]``.
        layout: The layout.

    Returns:
        Number of cells that each tube hides, ``[N]``; 0 if it does not fit.
    """
    part_of, position_of = places_in_parts(layout)
    part, run, first, height, top = (values[:, None] for values in tubes)
    position = position_of - first
    is_joint = (part_of == part) & (position >= 0) & (position < run)
    cell = np.arange(hidden.shape[1]) - top
    tube = ((cell >= 0) & (cell < height))[..., None] & is_joint[:, None]
    new = (tube > hidden).sum((1, 2))
    new[new > left] = 0
    hidden |= tube & (new > 0)[:, None, None]
    return new


@lru_cache
def places_in_parts(layout: SkeletonLayout) -> np.ndarray:
    """The number of each joint's part of the body, and its position there, ``[2, V]``."""
    places = np.empty((2, layout.num_joints), dtype=int)
    for number, joints in enumerate(body_parts(layout).values()):
        places[0, list(joints)] = number
        places[1, list(joints)] = range(len(joints))
    return places


def whole(uniform: np.ndarray, count: np.ndarray | int) -> np.ndarray:
    """Whole numbers from 0 to ``count`` - 1 from uniform draws in [0, 1)."""
    return (uniform * count).astype(int)

"""Transforms made of transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Generator, Tensor

from halp_mm import clip_draws, waiting
from halp_mm.argument_checks import check_at_least
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms.base import BatchTransform, RandomTransform
from halp_mm.transforms.spatial import JointMap, map_joints, with_geometry


def build_transform(config: dict | Sequence | BatchTransform) -> BatchTransform:
    """Build a transform from its config; a list of configs becomes a :class:`Compose`."""
    if isinstance(config, BatchTransform):
        return config
    if isinstance(config, dict):
        return TRANSFORMS.build(config)
    return Compose(config)


@TRANSFORMS.register_module()
class Compose(BatchTransform):
    """One transform after another.

    Args:
        transforms: Configs of the transforms; with none of them clips stay as they are.
    """

    def __init__(self, transforms: Sequence[dict | Sequence | BatchTransform]) -> None:
        self.transforms = [build_transform(config) for config in transforms]
        self.is_random = any(transform.is_random for transform in self.transforms)
        self.keeps_absent_people = all(
            transform.keeps_absent_people for transform in self.transforms
        )

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Apply the transforms in order, all drawing from one generator."""
        for transform in self.transforms:
            clips = transform(clips, generator)
        return clips


@TRANSFORMS.register_module()
class SameDraws(Compose):
    """Several transforms with the same draws for all clips of a batch.

    The releases of SkeletonBT and PSTL draw in this way; drawing for each clip varies a batch more.

    Args:
        transforms: Configs of the transforms.
    """

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Apply the transforms in order, with one draw for all clips."""
        return super().__call__(clips, clip_draws.BatchGenerator(clips.device, generator))


@TRANSFORMS.register_module()
class RandomChoice(BatchTransform):
    """For each clip, one of several transforms.

    On a GPU every transform runs on the whole batch and each clip takes one's result, which is
    cheaper than asking the device which clips chose what. On a CPU a transform runs on the clips
    that chose it, with the same draws, or the matrices that the clips chose are multiplied at once.
    The transforms must keep the batch's shape.

    Args:
        transforms: Configs of the transforms to choose from.
        probabilities: Their probabilities, equal by default. What is missing to 1 is the
            probability that a clip stays as it is.

    Raises:
        ValueError: if the probabilities do not fit the transforms.
    """

    is_random = True

    def __init__(
        self,
        transforms: Sequence[dict | Sequence | BatchTransform],
        probabilities: Sequence[float] | None = None,
    ) -> None:
        self.transforms = [build_transform(config) for config in transforms]
        count = len(self.transforms)
        self.probabilities = (
            [1 / max(count, 1)] * count if probabilities is None else list(probabilities)
        )
        if len(self.probabilities) != count:
            raise ValueError(
                f'probabilities must be {count}, one a transform, got {self.probabilities}'
            )
        for probability in self.probabilities:
            check_at_least(0, probabilities=probability)
        if sum(self.probabilities) > 1 + 1e-6:
            raise ValueError(f'probabilities {self.probabilities} add up to more than 1')

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Draw a choice a clip, and apply."""
        uniform = clip_draws.rand(len(clips), 1, 1, 1, 1, generator=generator, device=clips.device)
        may_ask = waiting.may_ask(clips.device)
        if may_ask and len(self.transforms) > 1 and all(map(is_joint_map, self.transforms)):
            return self.with_chosen_matrices(clips, uniform.flatten(), generator)
        coordinates, upper = clips.coordinates.clone(), 0.0
        for transform, probability in zip(self.transforms, self.probabilities):
            chosen = (uniform >= upper) & (uniform < upper + probability)
            upper += probability
            if may_ask and is_divisible(transform):
                rows = chosen.flatten().nonzero().flatten()
                result = apply_to_rows(transform, clips, rows, generator)
                if result is not None:
                    coordinates.index_copy_(0, rows, result)
            else:
                result = transform(clips, generator).coordinates
                coordinates = torch.where(chosen, result, coordinates)
        return clips.with_coordinates(coordinates)

    def with_chosen_matrices(
        self, clips: Clips, uniform: Tensor, generator: Generator | None
    ) -> Clips:
        """Multiply each clip's joints with the matrices of the transform that it chose."""
        dimensions, joints = clips.layout.dimensions, clips.layout.num_joints
        matrices = torch.zeros(len(clips), joints, dimensions, dimensions)
        matrices.diagonal(dim1=2, dim2=3).fill_(1)
        upper = 0.0
        for transform, probability in zip(self.transforms, self.probabilities):
            chosen = (uniform >= upper) & (uniform < upper + probability)
            upper += probability
            rows = chosen.nonzero().flatten()
            drawn = cast('JointMap', transform).draw(clips, generator)
            of_rows = {name: values.index_select(0, rows) for name, values in drawn.items()}
            matrices[rows] = cast('JointMap', transform).matrices(clips, **of_rows)
        return with_geometry(clips, map_joints(clips.coordinates, matrices))


def is_joint_map(transform: BatchTransform) -> bool:
    """Whether a transform is one product of each joint with a matrix."""
    return isinstance(transform, JointMap)


def is_divisible(transform: BatchTransform) -> bool:
    """Whether a transform can draw for a whole batch, and then run on some of its clips."""
    return isinstance(transform, RandomTransform) or not transform.is_random


def apply_to_rows(
    transform: BatchTransform, clips: Clips, rows: Tensor, generator: Generator | None
) -> Tensor | None:
    """Run a transform on some clips of a batch.

    Args:
        transform: A divisible transform.
        clips: The batch, for all of which numbers are drawn.
        rows: Positions of the clips that are transformed, ``[K]``.
        generator: Source of the draws.

    Returns:
        Coordinates ``[K, M, T, V, C]``; None for no clips.
    """
    drawn = transform.draw(clips, generator) if isinstance(transform, RandomTransform) else {}
    if not len(rows):
        return None
    some = Clips(
        clips.coordinates.index_select(0, rows),
        clips.num_frames[rows],
        clips.layout,
        {name: values[rows] for name, values in clips.draws.items()},
    )
    if not isinstance(transform, RandomTransform):
        return transform(some).coordinates
    return transform.apply(
        some, **{name: values[rows] for name, values in drawn.items()}
    ).coordinates

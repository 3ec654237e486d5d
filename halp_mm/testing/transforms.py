"""What every batched transform promises."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from halp_mm.skeletons import Clips, SkeletonLayout
from halp_mm.testing.examples import clip_of, example_clips, generator, require, require_close
from halp_mm.transforms import BatchTransform, RandomTransform

_SEEDS = range(1, 9)
_TOLERANCE = 1e-5


def check_transform(
    transform: BatchTransform,
    layout: str | Mapping | SkeletonLayout = 'kinect_v2',
    num_channels: int = 3,
) -> None:
    """Check what views and normalisations rely on in a transform.

    It leaves its input alone, keeps padding and absent people at zero, never mixes clips, draws
    only from the generator that it is given, and says whether it draws at all, and whether absent
    people may be left out.

    Args:
        transform: The transform.
        layout: The layout of the clips that it is tried on.
        num_channels: Coordinates of a joint.

    Raises:
        AssertionError: if a promise is broken; says which.

    Example:
        >>> check_transform(Shear(amplitude=0.5))
    """
    name = type(transform).__name__
    require(isinstance(transform, BatchTransform), f'{name} is no BatchTransform')
    clips = example_clips(layout=layout, num_channels=num_channels)
    before = clips.coordinates.clone()
    state = torch.get_rng_state()
    result = transform(clips, generator(1))
    require(
        torch.equal(torch.get_rng_state(), state),
        f"{name} draws from PyTorch's own generator although it is given another",
    )
    require(torch.equal(clips.coordinates, before), f'{name} changes the clips that it is given')
    _check_batch(name, clips, result)
    _check_draws(transform, clips, result)
    _check_apart(transform, clips, result)
    if transform.keeps_absent_people:
        _check_without_absent(transform, clips, result)


def _check_batch(name: str, clips: Clips, result: Clips) -> None:
    """See that the result is a padded batch of as many clips."""
    count, people, frames, joints, _ = result.coordinates.shape
    require(
        count == len(clips) and people == clips.coordinates.shape[1],
        f'{name} makes {count} clips of {people} people of {len(clips)} clips of '
        f'{clips.coordinates.shape[1]} people',
    )
    require(
        joints == result.layout.num_joints,
        f'{name} makes {joints} joints, but its layout {result.layout.name!r} has '
        f'{result.layout.num_joints}',
    )
    require(
        result.coordinates.dtype == clips.coordinates.dtype,
        f'{name} makes {result.coordinates.dtype} of {clips.coordinates.dtype}',
    )
    lengths = result.num_frames
    require(
        lengths.shape == (count,) and bool(((lengths >= 1) & (lengths <= frames)).all()),
        f'{name} makes clips of {lengths.tolist()} frames in a batch of {frames}',
    )
    padding = ~result.valid_frames()[:, None, :, None, None]
    require(not (result.coordinates * padding).any(), f'{name}: frames beyond a clip are not zero')
    require(not result.coordinates[1:, -1].any(), f'{name}: an absent person is not zero')
    require(bool(result.coordinates.isfinite().all()), f'{name} makes numbers that are not finite')


def _check_draws(transform: BatchTransform, clips: Clips, result: Clips) -> None:
    """See that the generator determines the result, and whether it matters."""
    name = type(transform).__name__
    again = transform(clips, generator(1))
    require(
        torch.equal(again.coordinates, result.coordinates),
        f'{name}: equal generators give different results',
    )
    differs = any(
        not torch.equal(transform(clips, generator(seed)).coordinates, result.coordinates)
        or _draws_differ(transform(clips, generator(seed)), result)
        for seed in _SEEDS
    )
    results = 'different results' if differs else 'the same result'
    require(
        differs == transform.is_random,
        f'{name}.is_random is {transform.is_random}, but different generators give {results}',
    )


def _draws_differ(one: Clips, other: Clips) -> bool:
    return any(not torch.equal(one.draws[key], other.draws[key]) for key in one.draws)


def _check_apart(transform: BatchTransform, clips: Clips, result: Clips) -> None:
    """See that what happens to a clip does not depend on the others."""
    name = type(transform).__name__
    poisoned = clips.coordinates.clone()
    poisoned[2] = float('nan')
    others = [position for position in range(len(clips)) if position != 2]
    mixed = transform(clips.with_coordinates(poisoned), generator(1)).coordinates
    require(
        torch.equal(mixed[others], result.coordinates[others]),
        f'{name}: a clip changes when another one does',
    )
    draws = transform.draw(clips, generator(1)) if isinstance(transform, RandomTransform) else None
    if draws is None and transform.is_random:
        return  # its draws cannot be repeated for one clip
    for position in range(len(clips)):
        clip = clip_of(clips, position)
        if draws is None:
            alone = transform(clip)
        else:
            own = {key: draw[position : position + 1] for key, draw in draws.items()}
            alone = transform.apply(clip, **own)  # type: ignore[attr-defined]
        frames = int(result.num_frames[position])
        require_close(
            alone.coordinates[0, :, :frames],
            result.coordinates[position, :, :frames],
            _TOLERANCE,
            f'{name} treats a clip of {int(clip.num_frames[0])} frames otherwise alone than in a '
            'batch',
        )


def _check_without_absent(transform: BatchTransform, clips: Clips, result: Clips) -> None:
    """See that people of clips in which the last one is absent are the same without that one."""
    some = clips.coordinates[1:, :-1]
    without = transform(Clips(some, clips.num_frames[1:], clips.layout), generator(1))
    require_close(
        without.coordinates,
        result.coordinates[1:, :-1],
        _TOLERANCE,
        f'{type(transform).__name__}.keeps_absent_people is True, but the others change when an '
        'absent person is left out',
    )

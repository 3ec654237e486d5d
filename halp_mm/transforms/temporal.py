"""Transforms along time: cropping, resizing and reversing."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from halp_mm import clip_draws, waiting
from halp_mm.argument_checks import check_count, check_fraction, check_range
from halp_mm.registry import TRANSFORMS
from halp_mm.skeletons import Clips
from halp_mm.transforms import compiled_views
from halp_mm.transforms.base import BatchTransform, RandomTransform


def take_frames(coordinates: Tensor, frames: Tensor) -> Tensor:
    """Frames of each clip, of each person of their own or of all the same.

    Args:
        coordinates: ``[N, M, T, V, C]``.
        frames: Positions in T: integer ``[N, M, T']`` or ``[N, 1, T']``.

    Returns:
        ``[N, M, T', V, C]``.
    """
    clips, people, length = coordinates.shape[:3]
    first = torch.arange(clips * people, device=coordinates.device) * length
    rows = first.view(clips, people, 1) + frames
    # Whole rows of a matrix are taken much faster than elements of five axes.
    taken = coordinates.flatten(0, 2).flatten(1).index_select(0, rows.flatten())
    return taken.view(*rows.shape, *coordinates.shape[3:])


def mixed_frames(coordinates: Tensor, first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """Linear mixtures of two frames each.

    Args:
        coordinates: ``[N, M, T, V, C]``.
        first: Positions in T, integer ``[N, T']``.
        second: Positions in T, integer ``[N, T']``.
        share: Of the second frames in the mixtures, ``[N, T']``.

    Returns:
        ``[N, M, T', V, C]``.
    """
    one, other = (take_frames(coordinates, frames[:, None]) for frames in (first, second))
    return torch.lerp(one, other, share[:, None, :, None, None])


def mixed_frames_on_cpu(
    coordinates: Tensor, first: Tensor, second: Tensor, share: Tensor
) -> Tensor:
    """:func:`mixed_frames` in one pass over the result, several times as fast on a CPU."""
    clips, people, length = coordinates.shape[:3]
    start = torch.arange(clips * people).view(clips, people, 1, 1) * length
    rows = (start + torch.stack([first, second], -1)[:, None]).flatten()
    shares = torch.stack([1 - share, share], -1)[:, None].expand(-1, people, -1, -1)
    mixed = F.embedding_bag(
        rows,
        coordinates.flatten(0, 2).flatten(1),
        torch.arange(0, len(rows), 2),
        mode='sum',
        per_sample_weights=shares.flatten(),
    )
    return mixed.view(clips, people, share.shape[1], *coordinates.shape[3:])


def drawn_mixed_frames(coordinates: Tensor, first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    """:func:`mixed_frames` of a view that is drawn on a CPU, in C where there is a compiler."""
    library = compiled_views.library_for(coordinates)
    if library is None or share.dtype != coordinates.dtype:
        return mixed_frames_on_cpu(coordinates, first, second, share)
    return compiled_views.mixed_frames(library, coordinates, first, second, share)


def crop_resize(
    clips: Clips, start: Tensor, length: Tensor, num_frames: int, is_drawn: bool = False
) -> Clips:
    """Cut a piece out of each clip and resize it linearly.

    Output frame i is the input at ``start + (i + 0.5) length / num_frames - 0.5``, clamped to the
    piece: frames are cells whose centres are aligned, as in the releases of ISC, CMD and HaLP.

    Args:
        clips: A batch ``[N, M, T, V, C]``.
        start: First frame of each piece ``[N]``.
        length: Length of each piece ``[N]``.
        num_frames: Length of every clip afterwards.
        is_drawn: As for :func:`frames_between`.

    Returns:
        A batch ``[N, M, num_frames, V, C]``.
    """
    places = resized_places(length, num_frames, clips)
    return frames_between(clips, start, length, places, is_drawn)


def resized_places(length: Tensor, num_frames: int, clips: Clips) -> Tensor:
    """Places within pieces ``[N, num_frames]``, the centres of cells of equal length.

    Args:
        length: Length of each piece ``[N]``.
        num_frames: Number of places.
        clips: The batch, which has the places' type.
    """
    dtype = clips.coordinates.dtype
    cells = torch.arange(num_frames, device=clips.device, dtype=dtype) + 0.5
    return cells * (length[:, None].to(dtype) / num_frames) - 0.5


def frames_between(
    clips: Clips, start: Tensor, length: Tensor, places: Tensor, is_drawn: bool = False
) -> Clips:
    """Frames at places of a piece of each clip, interpolated linearly.

    Args:
        clips: A batch ``[N, M, T, V, C]``.
        start: First frame of each piece ``[N]``.
        length: Length of each piece ``[N]``.
        places: Places within the pieces ``[N, T']``, clamped to them.
        is_drawn: Whether this is a draw of a training, whose views may be made in C.

    Returns:
        A batch ``[N, M, T', V, C]``.
    """
    last = (length - 1)[:, None]
    places = torch.minimum(places.clamp(min=0), last)
    before = places.floor().long()
    after = torch.minimum(before + 1, last)
    on_cpu = drawn_mixed_frames if is_drawn else mixed_frames_on_cpu
    mix = on_cpu if waiting.may_ask(clips.device) else mixed_frames
    start = start[:, None]
    resized = mix(clips.coordinates, start + before, start + after, places - before)
    frames = torch.full_like(clips.num_frames, places.shape[1])
    return replace(clips, coordinates=resized, num_frames=frames)


@TRANSFORMS.register_module()
class TemporalCrop(RandomTransform):
    """Cut out a random piece.

    Args:
        ratio: Range of the piece's length relative to the clip's.
        min_frames: The piece has at least so many frames, or the whole clip if that is shorter.
    """

    def __init__(self, ratio: tuple[float, float] = (0.5, 1.0), min_frames: int = 16) -> None:
        check_range(ratio=ratio)
        if not 0 < ratio[0] <= ratio[1] <= 1:
            raise ValueError(f'ratio must be a range within (0, 1], got {ratio}')
        check_count(min_frames=min_frames)
        self.ratio = ratio
        self.min_frames = min_frames

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``start`` and ``length`` of each piece, ``[N]``."""
        uniform = clip_draws.rand(
            2, len(clips), generator=generator, device=clips.device, clip_dim=1
        )
        ratio = self.ratio[0] + (self.ratio[1] - self.ratio[0]) * uniform[0]
        length = (clips.num_frames * ratio).long().clamp(min=self.min_frames)
        length = torch.minimum(length, clips.num_frames)
        slack = clips.num_frames - length
        start = torch.minimum((uniform[1] * (slack + 1)).long(), slack)
        return {'start': start, 'length': length}

    def apply(self, clips: Clips, start: Tensor, length: Tensor) -> Clips:
        """Move the pieces to the start; what follows them becomes padding."""
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
        places = torch.minimum(start[:, None] + frames, clips.num_frames[:, None] - 1)
        coordinates = take_frames(clips.coordinates, places[:, None])
        coordinates *= (frames < length[:, None])[:, None, :, None, None]
        return replace(clips, coordinates=coordinates, num_frames=length)


@TRANSFORMS.register_module()
class TemporalCropResize(TemporalCrop):
    """Cut out a random piece and resize it.

    Args:
        ratio: Range of the piece's length relative to the clip's.
        num_frames: Length afterwards.
        min_frames: The piece has at least so many frames, or the whole clip if that is shorter.
    """

    def __init__(
        self,
        ratio: tuple[float, float] = (0.1, 1.0),
        num_frames: int = 64,
        min_frames: int = 64,
    ) -> None:
        super().__init__(ratio, min_frames)
        check_count(num_frames=num_frames)
        self.num_frames = num_frames

    def apply(self, clips: Clips, start: Tensor, length: Tensor) -> Clips:
        """See :func:`crop_resize`."""
        return crop_resize(clips, start, length, self.num_frames, is_drawn=True)


@TRANSFORMS.register_module()
class TemporalCropSample(TemporalCropResize):
    """Cut out a random piece, and take frames of it at random, in their order.

    A piece that is shorter than wanted is resized linearly. One of up to twice the length loses
    random frames. Of a longer one, cut into parts of equal length, a frame is taken from each part.

    Source: SLiM (arXiv 2603.10648), its release.

    Args:
        ratio: Range of the piece's length relative to the clip's.
        num_frames: Length afterwards.
        min_frames: The piece has at least so many frames, or the whole clip if that is shorter.
    """

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``start`` and ``length`` of each piece, ``[N]``, and ``places`` ``[N, T']``."""
        draws = super().draw(clips, generator)
        size = (len(clips), self.num_frames)
        uniform = clip_draws.rand(*size, generator=generator, device=clips.device)
        length = draws['length'][:, None]
        # Sorted numbers from 0 to the number of frames to skip: so many were skipped so far.
        to_skip = (length - self.num_frames).clamp(min=0)
        skipped = (uniform.sort(1).values * (to_skip + 1)).long()
        steps = torch.arange(self.num_frames, device=clips.device)
        of_part = ((steps + uniform) * length / self.num_frames).long()
        places = torch.where(
            length < 2 * self.num_frames, torch.minimum(skipped, to_skip) + steps, of_part
        )
        resized = resized_places(draws['length'], self.num_frames, clips)
        places = torch.where(length < self.num_frames, resized, places.to(resized.dtype))
        return {**draws, 'places': places}

    def apply(self, clips: Clips, start: Tensor, length: Tensor, **draws: Tensor) -> Clips:
        """See :func:`frames_between`."""
        return frames_between(clips, start, length, draws['places'], is_drawn=True)


@TRANSFORMS.register_module()
class CenterCropResize(BatchTransform):
    """Cut out the middle and resize it.

    Args:
        ratio: The piece's length relative to the clip's.
        num_frames: Length afterwards.
    """

    def __init__(self, ratio: float = 0.95, num_frames: int = 64) -> None:
        check_fraction(above_zero=True, ratio=ratio)
        check_count(num_frames=num_frames)
        self.ratio = ratio
        self.num_frames = num_frames

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Cut as much from both ends, rounded down."""
        start = (clips.num_frames * ((1 - self.ratio) / 2)).long()
        start = torch.minimum(start, (clips.num_frames - 1) // 2)
        return crop_resize(clips, start, clips.num_frames - 2 * start, self.num_frames)


@TRANSFORMS.register_module()
class TemporalStretch(RandomTransform):
    """Play each clip a little slower or faster, and cut what becomes too long.

    A clip of T frames is resized linearly to T (1 + u) or T (1 - u) frames, each as likely, rounded
    down, with u uniform from 0 to ``amplitude``.

    Source: the release of GL-Transformer (Kim et al., ECCV 2022).

    Args:
        amplitude: The largest change relative to the clip's length, less than 1.
        max_frames: Number of frames after which clips are cut.
    """

    def __init__(self, amplitude: float = 0.1, max_frames: int = 300) -> None:
        check_fraction(below_one=True, amplitude=amplitude)
        check_count(max_frames=max_frames)
        self.amplitude = amplitude
        self.max_frames = max_frames

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``factor`` of the lengths, ``[N]``."""
        uniform = clip_draws.rand(
            2, len(clips), generator=generator, device=clips.device, clip_dim=1
        )
        change = self.amplitude * uniform[1]
        return {'factor': 1 + torch.where(uniform[0] > 0.5, -change, change)}

    def apply(self, clips: Clips, factor: Tensor) -> Clips:
        """Resize, cut, and fill shorter clips with zeros."""
        longest = math.floor(clips.coordinates.shape[2] * (1 + self.amplitude))
        num_frames = min(longest, self.max_frames)
        length = (clips.num_frames * factor).long().clamp(min=1)
        frames = torch.arange(num_frames, device=clips.device, dtype=clips.coordinates.dtype)
        scale = clips.num_frames.to(frames.dtype) / length
        places = (frames + 0.5) * scale[:, None] - 0.5
        start = torch.zeros_like(length)
        stretched = frames_between(clips, start, clips.num_frames, places, is_drawn=True)
        coordinates = stretched.coordinates
        coordinates *= (frames < length[:, None])[:, None, :, None, None]
        return replace(clips, coordinates=coordinates, num_frames=length.clamp(max=num_frames))


@TRANSFORMS.register_module()
class TemporalShiftCrop(RandomTransform):
    """Shift a clip in time by a few frames and fill the open end with its own frames, reversed.

    This is the crop of SkeletonCLR and AimCLR: both ends of a clip of T frames are reflected by
    T // ``padding_ratio`` frames, each edge frame twice, and T frames are cut out at a random
    place. Clips shorter than ``padding_ratio`` frames stay as they are.

    Args:
        padding_ratio: A clip's length divided by that of the longest shift.
    """

    def __init__(self, padding_ratio: int = 6) -> None:
        check_count(padding_ratio=padding_ratio)
        self.padding_ratio = padding_ratio

    def draw(self, clips: Clips, generator: Generator | None) -> dict[str, Tensor]:
        """Draw ``shift``, integers from -T // ratio to T // ratio, ``[N]``."""
        longest = clips.num_frames // self.padding_ratio
        uniform = clip_draws.rand(len(clips), generator=generator, device=clips.device)
        start = torch.minimum((uniform * (2 * longest + 1)).long(), 2 * longest)
        return {'shift': start - longest}

    def apply(self, clips: Clips, shift: Tensor) -> Clips:
        """Frame i becomes frame i + ``shift``, reflected at the ends."""
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
        places = frames + shift[:, None]
        places = torch.where(places < 0, -1 - places, places)
        # Frame T is frame T - 1, frame T + 1 is frame T - 2 and so on.
        places = torch.minimum(places, 2 * clips.num_frames[:, None] - 1 - places)
        return rearrange_frames(clips, places)


@TRANSFORMS.register_module()
class TemporalFlip(BatchTransform):
    """Play each clip backwards."""

    def __call__(self, clips: Clips, generator: Generator | None = None) -> Clips:
        """Reverse the frames; the generator is not needed."""
        frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
        return rearrange_frames(clips, clips.num_frames[:, None] - 1 - frames)


def rearrange_frames(clips: Clips, places: Tensor) -> Clips:
    """The clips with frame i taken from ``places[:, i]``; padding stays where it is.

    Args:
        clips: A batch ``[N, M, T, V, C]``.
        places: Frames of each clip, ``[N, T]``; anything in padding.
    """
    frames = torch.arange(clips.coordinates.shape[2], device=clips.device)
    places = torch.where(clips.valid_frames(), places, frames)
    return clips.with_coordinates(take_frames(clips.coordinates, places[:, None]))

"""New clips in the form of a model's training clips, and what is odd about them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.logging import print_log
from torch import Tensor

from halp_mm.datasets import ClipBlock
from halp_mm.datasets.body_lengths import body_length
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates
from halp_mm.datasets.known_clips import KnownClips
from halp_mm.datasets.people import with_people
from halp_mm.preparation.folder.source import read_clip, shaped_clip
from halp_mm.problems import listing
from halp_mm.skeletons import SkeletonLayout, convert_joints, describe_units, get_layout

#: A clip ``[M, T, V, C]``, one person's ``[T, V, C]``, or a clip's file.
Clip = np.ndarray | Tensor | str | os.PathLike
Layout = str | Mapping | SkeletonLayout

_EXPECTED = 'expected numbers [M, T, V, C] or, of one person, [T, V, C]'
_FEW = 4  # times fewer frames than the median training clip, or more than the longest, are odd


class ClipReader:
    """Brings new clips into the form of a model's training clips.

    What cannot be right is refused. What is odd is a warning in the log, each kind once: another
    unit, people in later slots, more people than the model takes, and far fewer or more frames
    than the training clips have.

    Args:
        known: What is known about the training clips.
    """

    def __init__(self, known: KnownClips) -> None:
        self.known = known
        self._said: set[str] = set()

    def read(self, clip: Clip, layout: Layout | None, where: str) -> Tensor:
        """Read a clip, and convert it to the layout of the training clips.

        Args:
            clip: The clip.
            layout: The layout of its joints; by default that of the training clips.
            where: What to call it in errors, unless it is a file.

        Returns:
            float32 ``[M, T, V, C]``, of as many people as it has.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is not as expected.
        """
        source = self.known.layout if layout is None else get_layout(layout)
        if isinstance(clip, (str, os.PathLike)):
            where, clip = os.fspath(clip), read_clip(Path(clip), source)
        else:
            clip = shaped_clip(as_numbers(clip, where), source, where)
        converted = convert_joints(torch.from_numpy(clip), source, self.known.layout)
        if converted.shape[-1] < self.known.num_channels:
            raise ValueError(
                f'{where} has {converted.shape[-1]} numbers a joint; the training clips have '
                f'{self.known.num_channels}. Export it with a score'
            )
        return converted[..., : self.known.num_channels]

    def sample(self, clip: Tensor, where: str) -> dict:
        """A sample like one of a SkeletonDataset, without a label.

        Args:
            clip: ``[M, T, V, C]`` as :meth:`read` gives it.
            where: What to call it.

        Raises:
            ValueError: if nobody is seen in it.
        """
        is_seen = people_seen(clip, self.known.layout)
        if not is_seen.any():
            raise ValueError(
                f'{where} of shape {list(clip.shape)} is zero everywhere: nobody is seen. Expected '
                'a clip with somebody in it; omit it'
            )
        self._look_at_people(is_seen.tolist(), where)
        self._look_at_length(clip.shape[1], where)
        return {
            'clip': with_people(clip, self.known.num_people, self.known.layout.dimensions),
            'label': 0,  # not used
            'index': 0,
            'layout': self.known.layout,
            'normalized': False,
        }

    def samples(self, clips: Sequence[Clip], layout: Layout | None, names: Sequence[str]) -> list:
        """Samples of several clips; see :meth:`read` and :meth:`sample`."""
        samples = []
        for clip, name in zip(clips, names):
            where = os.fspath(clip) if isinstance(clip, (str, os.PathLike)) else name
            samples.append(self.sample(self.read(clip, layout, where), where))
        self.compare_units([sample['clip'] for sample in samples])
        return samples

    def compare_units(self, clips: Sequence[Tensor]) -> None:
        """Warn that clips ``[M, T, V, C]`` are in another unit than the training clips."""
        if 'unit' in self._said or not clips:
            return
        num_frames, num_people = torch.tensor([[clip.shape[1], clip.shape[0]] for clip in clips]).T
        block = ClipBlock(torch.cat([clip.flatten(0, 1) for clip in clips]), num_frames, num_people)
        found = body_length(block, torch.arange(len(clips)), self.known.layout)
        lengths = {'the new clips': found, 'the training clips': self.known.body_length}
        self._say('unit', describe_units(lengths))

    def _look_at_people(self, is_seen: Sequence[bool], where: str) -> None:
        slots = [slot for slot, seen in enumerate(is_seen) if seen]
        used = slots[: self.known.num_people]
        if len(used) < len(slots):
            self._say(
                'more people',
                f'{where} shows {len(slots)} people, and the model takes {len(used)}: those in the '
                f'slots{listing(list(map(str, used))).removeprefix(":")} are used, in this order',
            )
        elif slots != list(range(len(slots))):
            self._say(
                'later slots',
                f'{where} shows nobody in slot {is_seen.index(False)} and somebody in slot '
                f'{slots[-1]}, counted from 0: empty slots are passed over',
            )

    def _look_at_length(self, num_frames: int, where: str) -> None:
        known = self.known
        trained = (
            f'the training clips have {known.shortest} to {known.longest}, the median '
            f'{known.median_frames:g}'
        )
        if num_frames * _FEW < known.median_frames:
            self._say(
                'too few', f'{where} has {num_frames} frames; {trained}. Its answer may be a guess'
            )
        elif num_frames > known.longest * _FEW:
            self._say(
                'too many',
                f'{where} has {num_frames} frames; {trained}. A recording of several actions is '
                'answered window by window: see SkeletonInferencer.recognize_recording',
            )

    def _say(self, kind: str, warning: str | None) -> None:
        if warning and kind not in self._said:
            self._said.add(kind)
            print_log(warning, 'current', logging.WARNING)


def people_seen(clip: Tensor, layout: SkeletonLayout) -> Tensor:
    """Whether each person of a clip ``[M, T, V, C]`` is seen in some frame, bool ``[M]``."""
    return (clip[..., : layout.dimensions] != 0).flatten(1).any(1)


def as_numbers(clip: np.ndarray | Tensor, where: str) -> np.ndarray:
    """An array or tensor as finite float32 ``[M, T, V, C]``.

    Raises:
        ValueError: if it is something else.
    """
    if isinstance(clip, Tensor):
        clip = clip.detach().cpu()
        clip = (clip.float() if clip.is_floating_point() else clip).numpy()
    if not isinstance(clip, np.ndarray):
        raise ValueError(
            f'{where} is a {type(clip).__name__}; expected an array or tensor [M, T, V, C], or the '
            'path of a file. Several clips are a list of these'
        )
    if clip.dtype.kind not in 'fiu' or clip.ndim not in (3, 4) or not clip.size:
        raise ValueError(
            f'{where} holds {clip.dtype} of shape {list(clip.shape)}; {_EXPECTED}, none of them '
            'empty. Several clips are a list of these'
        )
    with np.errstate(over='ignore'):
        clip = np.ascontiguousarray(clip if clip.ndim == 4 else clip[None], np.float32)
    num_bad = int((~np.isfinite(clip)).sum())
    if num_bad:
        raise ValueError(
            f'{where} has {num_bad} of {clip.size} numbers that are NaN or infinite; expected '
            'finite numbers. Set joints that were not tracked to 0 in all coordinates'
        )
    wrong = describe_bad_coordinates(clip)
    if wrong:
        raise ValueError(f'{where} has {wrong}. Export the clip again')
    return clip

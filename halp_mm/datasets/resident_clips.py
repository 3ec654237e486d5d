"""All clips of a split as one tensor on a device, from which batches are gathered by index."""

from __future__ import annotations

import copy

import torch
from mmengine.logging import print_log
from torch import Tensor


class ResidentClips:
    """Clips of as many people each, in one tensor on a device; room is made for them first.

    A batch is an ``index_select``: nothing is done clip by clip, and nothing waits for the device.

    Args:
        num_frames: int64 ``[N]``, on the CPU: T of each clip.
        num_people: M of every clip.
        skeleton_shape: V and C.
        device: Where the clips are. On the CPU they are in shared memory, for a loader's workers.
        dtype: The type in which they are kept; batches are float32.
    """

    def __init__(
        self,
        num_frames: Tensor,
        num_people: int,
        skeleton_shape: tuple[int, int],
        device: torch.device | str = 'cpu',
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.num_frames = num_frames
        self.num_people = num_people
        self._ends = num_frames.cumsum(0) * num_people
        self._starts = self._ends - num_frames * num_people
        size = (int(self._ends[-1]) + 1, *skeleton_shape)
        self._frames = _shared(torch.empty(size, dtype=dtype, device=device))
        self._frames[-1] = 0  # the skeleton of frames that are padding

    def __len__(self) -> int:
        return len(self.num_frames)

    @property
    def device(self) -> torch.device:
        """Where the clips are."""
        return self._frames.device

    @property
    def dtype(self) -> torch.dtype:
        """The type in which the clips are kept."""
        return self._frames.dtype

    def to(self, device: torch.device | str, dtype: torch.dtype) -> ResidentClips:
        """The same clips on another device or in another type."""
        moved = copy.copy(self)
        moved._frames = _shared(self._frames.to(device, dtype))
        return moved

    def put(self, positions: Tensor, skeletons: Tensor) -> None:
        """Fill in some clips.

        Args:
            positions: int64 ``[n]``: which.
            skeletons: ``[R, V, C]``, the clips end to end, person by person.
        """
        counts = self.num_frames[positions] * self.num_people
        shifts = self._starts[positions] - (counts.cumsum(0) - counts)
        rows = torch.repeat_interleave(shifts, counts) + torch.arange(len(skeletons))
        self._frames.index_copy_(0, rows.to(self.device), skeletons.to(self._frames))

    def clip(self, position: int) -> Tensor:
        """A clip, float32 ``[M, T, V, C]``: of float32 a view, not a copy."""
        rows = self._frames[int(self._starts[position]) : int(self._ends[position])]
        return rows.view(self.num_people, -1, *rows.shape[1:]).float()

    def padded(self, positions: Tensor) -> Tensor:
        """Gather a batch.

        Args:
            positions: int64 ``[n]``, on the CPU: which clips.

        Returns:
            float32 ``[n, M, T, V, C]`` on the clips' device, T of the longest of them; shorter
            clips are padded with zeros.
        """
        num_frames = self.num_frames[positions]
        longest = int(num_frames.max())
        places = torch.stack([self._starts[positions], num_frames])
        starts, lengths = places.to(self.device, non_blocking=True)[:, :, None, None]
        frame = torch.arange(longest, device=self.device)
        person = torch.arange(self.num_people, device=self.device)[:, None]
        rows = starts + person * lengths + frame
        rows = torch.where(frame < lengths, rows, len(self._frames) - 1)
        clips = self._frames.index_select(0, rows.flatten()).float()
        return clips.view(*rows.shape, *clips.shape[1:])


def _shared(frames: Tensor) -> Tensor:
    """Frames on the CPU in shared memory, if there is room for them; others as they are."""
    if frames.device.type != 'cpu':
        return frames
    try:
        return frames.share_memory_()
    except RuntimeError as error:  # as in a container with a small /dev/shm
        size = frames.nbytes / 1e9
        text = (
            f'{size:.3g} GB of clips do not fit in shared memory ({error}): each worker of a loader'
        )
        print_log(f'{text} has a copy', 'current')
        return frames

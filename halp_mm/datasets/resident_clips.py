"""All clips of a split as one tensor on a device, from which batches are gathered by index."""

from __future__ import annotations

import copy

import torch
from mmengine.logging import print_log
from torch import Tensor


class ResidentClips:
    """Clips of as many people each, in one tensor on a device; room is made for them first.

    A batch is an ``index_select``: nothing is done clip by clip, and nothing waits for the device.
    The last people of a clip, if they are absent, take no room.

    Args:
        num_frames: int64 ``[N]``, on the CPU: T of each clip.
        num_kept: int64 ``[N]``, on the CPU: how many people of each clip are kept. The others, up
            to M, are zero.
        num_people: M of every clip.
        skeleton_shape: V and C.
        device: Where the clips are. On the CPU they are in shared memory, for a loader's workers.
        dtype: The type in which they are kept; batches are float32.
    """

    def __init__(
        self,
        num_frames: Tensor,
        num_kept: Tensor,
        num_people: int,
        skeleton_shape: tuple[int, int],
        device: torch.device | str = 'cpu',
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.num_frames = num_frames
        self.num_kept = num_kept
        self.num_people = num_people
        counts = num_frames * num_kept
        self._starts = counts.cumsum(0) - counts
        size = torch.Size((int(counts.sum()) + 1, *skeleton_shape))
        self._frames = _room(size, torch.device(device), dtype)
        self._frames[-1] = 0  # the skeleton of padding: of frames, and of people who are absent

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
        device = torch.device(device)
        if (self.device, self.dtype) != (device, dtype):
            moved._frames = _room(self._frames.shape, device, dtype).copy_(self._frames)
        return moved

    def put(self, positions: Tensor, skeletons: Tensor) -> None:
        """Fill in some clips.

        Args:
            positions: int64 ``[n]``: which.
            skeletons: ``[R, V, C]``, the clips end to end, person by person, without those who are
                not kept.
        """
        counts = self.num_frames[positions] * self.num_kept[positions]
        shifts = self._starts[positions] - (counts.cumsum(0) - counts)
        rows = torch.repeat_interleave(shifts, counts) + torch.arange(len(skeletons))
        self._frames.index_copy_(0, rows.to(self.device), skeletons.to(self._frames))

    def clip(self, position: int) -> Tensor:
        """A clip, float32 ``[M, T, V, C]``: a view, if it has M people, of float32."""
        start, num_kept = int(self._starts[position]), int(self.num_kept[position])
        num_frames = int(self.num_frames[position])
        rows = self._frames[start : start + num_kept * num_frames]
        people = rows.view(num_kept, num_frames, *rows.shape[1:]).float()
        if num_kept == self.num_people:
            return people
        return torch.cat([people, people.new_zeros(self.num_people - num_kept, *people.shape[1:])])

    def padded(self, positions: Tensor, num_people: int) -> Tensor:
        """Gather a batch.

        Args:
            positions: int64 ``[n]``, on the CPU: which clips.
            num_people: M, how many people each has then.

        Returns:
            float32 ``[n, M, T, V, C]`` on the clips' device, T of the longest of them; shorter
            clips are padded with zeros.
        """
        num_frames = self.num_frames[positions]
        longest = int(num_frames.max())
        places = torch.stack([self._starts[positions], num_frames, self.num_kept[positions]])
        starts, lengths, num_kept = places.to(self.device, non_blocking=True)[:, :, None, None]
        frame = torch.arange(longest, device=self.device)
        person = torch.arange(num_people, device=self.device)[:, None]
        rows = starts + person * lengths + frame
        is_kept = (frame < lengths) & (person < num_kept)
        rows = torch.where(is_kept, rows, len(self._frames) - 1)
        clips = self._frames.index_select(0, rows.flatten()).float()
        return clips.view(*rows.shape, *clips.shape[1:])


def _room(size: torch.Size, device: torch.device, dtype: torch.dtype) -> Tensor:
    """A tensor to be filled; on the CPU in shared memory, if it has room."""
    num_bytes = size.numel() * dtype.itemsize
    if device.type == 'cpu':
        try:
            # Private: the public share_memory_ allocates elsewhere first, and copies.
            shared = torch.UntypedStorage._new_shared(num_bytes)
            return torch.empty(0, dtype=dtype).set_(shared).view(size)
        except RuntimeError as error:  # as in a container with a small /dev/shm
            text = f'{num_bytes / 1e9:.3g} GB of clips do not fit in shared memory ({error})'
            print_log(f'{text}: each worker of a loader has a copy', 'current')
    return torch.empty(size, dtype=dtype, device=device)

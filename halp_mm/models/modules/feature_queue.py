"""The queue of keys that serve as negatives."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_count


class FeatureQueue(nn.Module):
    """A first-in-first-out queue of keys, held in buffers on the device.

    Until the queue is full, the remaining entries are random: unit vectors, or for keys that are
    not normalised, vectors with entries uniform in plus or minus sqrt(3 / D), of unit length in
    the root mean square.

    Source: MoCo (He et al., CVPR 2020), Sec. 3.2; AS-CAL (Rao et al., Information Sciences 2021),
    its release, for keys that are not normalised.

    Args:
        size: Number L of entries.
        dim: Length D of an entry.
        unit_length: Whether keys have unit length.

    Example:
        >>> queue = FeatureQueue(size=1024, dim=128)
        >>> queue.enqueue(torch.nn.functional.normalize(torch.randn(64, 128)))
        >>> queue.newest(64).shape
        torch.Size([64, 128])
    """

    entries: Tensor
    num_enqueued: Tensor

    def __init__(self, size: int, dim: int, unit_length: bool = True) -> None:
        super().__init__()
        check_count(queue_size=size, embedding_dim=dim)
        self.size = size
        if unit_length:
            entries = F.normalize(torch.randn(size, dim), dim=-1)
        else:
            entries = (2 * torch.rand(size, dim) - 1) * (3 / dim) ** 0.5
        self.register_buffer('entries', entries)
        self.register_buffer('num_enqueued', torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Replace the oldest entries by keys ``[B, D]``, or by the last L of more than L keys."""
        order = self.num_enqueued + torch.arange(len(keys), device=keys.device)
        kept = slice(-self.size, None)
        self.entries.index_copy_(0, order[kept] % self.size, keys[kept].to(self.entries.dtype))
        self.num_enqueued += len(keys)

    def snapshot(self) -> Tensor:
        """A copy of all entries ``[L, D]``, unaffected by later enqueueing."""
        return self.entries.clone()

    def newest(self, count: int) -> Tensor:
        """The newest entries ``[count, D]``, newest first.

        Raises:
            ValueError: if the queue has fewer entries.
        """
        if count > self.size:
            raise ValueError(f'cannot take {count} newest entries of a queue of {self.size}')
        steps = torch.arange(1, count + 1, device=self.entries.device)
        return self.entries[(self.num_enqueued - steps) % self.size]

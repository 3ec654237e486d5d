"""Random draws that belong to a clip's place in the global batch, whichever process has the clip.

The functions take the arguments of PyTorch's of the same name. On several processes, given a
:class:`ClipGenerator`, each draws the numbers of the whole global batch and returns the rows of
this process: two processes of 32 clips draw what one of 64 does. Everywhere else they are
PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor


class ClipGenerator(Generator):
    """A generator of one process among several.

    For PyTorch's own functions it is a generator like any other, whose numbers are this process's
    own. The functions of this module take the global batch's from a second generator within.

    Args:
        device: Where numbers are drawn.
        own_seed: Seed of the numbers that no other process draws.
        common_seed: Seed of the numbers of the global batch.
        rank: This process.
        world_size: Number of processes.
    """

    def __new__(cls, device: torch.device | str, *_args: int) -> ClipGenerator:
        """Make the generator on its device."""
        return super().__new__(cls, device)

    def __init__(
        self,
        device: torch.device | str,
        own_seed: int,
        common_seed: int,
        rank: int,
        world_size: int,
    ) -> None:
        super().__init__()
        self.manual_seed(own_seed)
        self.common = Generator(device)
        self.common.manual_seed(common_seed)
        self.rank = rank
        self.world_size = world_size


def rand(
    *size: int,
    generator: Generator | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
    clip_dim: int = 0,
) -> Tensor:
    """Numbers uniform in [0, 1).

    Args:
        *size: The shape; that of this process's clips.
        generator: Source of the draws; None for PyTorch's own.
        device: Where the numbers are drawn.
        dtype: Their type, float32 by default.
        clip_dim: Which dimension of the shape is the clips.
    """

    def draw(size: tuple[int, ...], source: Generator | None) -> Tensor:
        return torch.rand(size, generator=source, device=device, dtype=dtype)

    return _own_rows_of(draw, size, generator, clip_dim)


def randn(
    *size: int,
    generator: Generator | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
    clip_dim: int = 0,
) -> Tensor:
    """Normally distributed numbers; see :func:`rand`."""

    def draw(size: tuple[int, ...], source: Generator | None) -> Tensor:
        return torch.randn(size, generator=source, device=device, dtype=dtype)

    return _own_rows_of(draw, size, generator, clip_dim)


def randint(
    high: int,
    *size: int,
    generator: Generator | None,
    device: torch.device | str,
    clip_dim: int = 0,
) -> Tensor:
    """Integers from 0 to ``high`` - 1; see :func:`rand`."""

    def draw(size: tuple[int, ...], source: Generator | None) -> Tensor:
        return torch.randint(high, size, generator=source, device=device)

    return _own_rows_of(draw, size, generator, clip_dim)


def _own_rows_of(
    draw: Callable[[tuple[int, ...], Generator | None], Tensor],
    size: tuple[int, ...],
    generator: Generator | None,
    clip_dim: int,
) -> Tensor:
    if not isinstance(generator, ClipGenerator):
        return draw(size, generator)
    of_all = list(size)
    of_all[clip_dim] *= generator.world_size
    # The sampler deals clips to the processes in turn.
    place = [slice(None)] * len(size)
    place[clip_dim] = slice(generator.rank, None, generator.world_size)
    return draw(tuple(of_all), generator.common)[tuple(place)].contiguous()

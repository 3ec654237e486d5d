"""Random draws that depend on a clip's position in the global batch, not on its process.

The functions take the arguments of PyTorch's functions of the same name. Given a
:class:`ClipGenerator`, each process draws the numbers of the whole global batch and returns its own
rows: two processes with 32 clips each draw the same numbers as one process with 64 clips. With
other generators the functions equal PyTorch's.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch
from torch import Generator, Tensor

_FRAMES = 64  # that are drawn at a time


class ClipGenerator(Generator):
    """The generator of one of several processes.

    PyTorch's functions draw this process's own numbers from it. The functions of this module draw
    the global batch's numbers from a second, inner generator.

    Args:
        device: Device of the draws.
        own_seed: Seed of this process's own numbers.
        common_seed: Seed of the numbers of the global batch.
        rank: Rank of this process.
        world_size: Number of processes.
        num_clips: Number of clips of the global batch; by default all processes have as many.
    """

    def __new__(cls, device: torch.device | str, *_args: int | None) -> ClipGenerator:
        """Create the generator on its device."""
        return super().__new__(cls, device)

    def __init__(
        self,
        device: torch.device | str,
        own_seed: int,
        common_seed: int,
        rank: int,
        world_size: int,
        num_clips: int | None = None,
    ) -> None:
        super().__init__()
        self.manual_seed(own_seed)
        self.common = Generator(device)
        self.common.manual_seed(common_seed)
        self.rank = rank
        self.world_size = world_size
        self.num_clips = num_clips


class BatchGenerator(Generator):
    """A generator from which all clips of a batch draw the same numbers.

    Args:
        device: Device of the draws.
        source: The generator whose numbers are drawn, once for all clips; None for PyTorch's own.
    """

    def __new__(cls, device: torch.device | str, _source: Generator | None) -> BatchGenerator:
        """Create the generator on its device."""
        return super().__new__(cls, device)

    def __init__(self, device: torch.device | str, source: Generator | None) -> None:
        super().__init__()
        self.source = source


class PartGenerator(Generator):
    """A generator for some clips of a batch, who get the numbers that they get in the whole batch.

    PyTorch's functions draw the part's own numbers from it.

    Args:
        source: The generator of the whole batch, which has not been drawn from.
        rows: int64 ``[n]``: the clips of this part.
        num_clips: The clips of the batch, of this process.
    """

    def __new__(cls, source: Generator, *_args: Tensor | int) -> PartGenerator:
        """Create the generator on the source's device."""
        return super().__new__(cls, source.device)

    def __init__(self, source: Generator, rows: Tensor, num_clips: int) -> None:
        super().__init__()
        self.manual_seed(source.initial_seed())
        self.source = source
        self.rows = rows
        self.num_clips = num_clips


def rand(
    *size: int,
    generator: Generator | None,
    device: torch.device | str,
    dtype: torch.dtype | None = None,
    clip_dim: int = 0,
) -> Tensor:
    """Draw numbers uniformly from [0, 1).

    Args:
        *size: The shape for this process's clips.
        generator: Generator of the draws; None for PyTorch's own.
        device: Device of the draws.
        dtype: Type of the numbers, float32 by default.
        clip_dim: Index of the dimension of clips.
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
    """Draw normally distributed numbers; see :func:`rand`."""

    def draw(size: tuple[int, ...], source: Generator | None) -> Tensor:
        return torch.randn(size, generator=source, device=device, dtype=dtype)

    return _own_rows_of(draw, size, generator, clip_dim)


def randn_of_frames(
    *size: int, generator: Generator | None, device: torch.device | str, frame_dim: int
) -> Tensor:
    """Draw normally distributed numbers of frames, the same whatever the longest clip is.

    The clips of one process may be padded to another length than those of another process.

    Args:
        *size: The shape for this process's clips, which come first.
        generator: Generator of the draws; None for PyTorch's own.
        device: Device of the draws.
        frame_dim: Index of the dimension of frames.
    """
    if generator is None:
        return randn(*size, generator=generator, device=device)
    source = _branch(generator)
    of_block = list(size)
    of_block[frame_dim] = _FRAMES
    blocks = [
        randn(*of_block, generator=source, device=device)
        for _ in range(-(-size[frame_dim] // _FRAMES))
    ]
    return torch.cat(blocks, frame_dim).narrow(frame_dim, 0, size[frame_dim]).contiguous()


def on_host(generator: Generator | None) -> Generator | None:
    """A generator on the CPU that depends on another one's state; None for PyTorch's own.

    For what is decided number by number, without waiting for a device.
    """
    return None if generator is None else _branch(generator, torch.device('cpu'))


def _branch(generator: Generator, device: torch.device | None = None) -> Generator:
    """A generator that depends on another one's state, from which a single number is drawn.

    Args:
        generator: The other generator.
        device: Device of the draws; by default the other generator's.
    """
    device = generator.device if device is None else device
    if isinstance(generator, BatchGenerator):
        source = generator.source
        return BatchGenerator(device, None if source is None else _branch(source, device))
    if isinstance(generator, PartGenerator):
        return PartGenerator(_branch(generator.source, device), generator.rows, generator.num_clips)
    is_of_clips = isinstance(generator, ClipGenerator)
    common = generator.common if is_of_clips else generator
    seed = zlib.crc32(common.get_state().numpy().tobytes())  # the host does not wait for this
    torch.rand(1, generator=common, device=common.device)
    if is_of_clips:
        places = (generator.rank, generator.world_size, generator.num_clips)
        return ClipGenerator(device, seed, seed, *places)
    return Generator(device).manual_seed(seed)


def randint(
    high: int,
    *size: int,
    generator: Generator | None,
    device: torch.device | str,
    clip_dim: int = 0,
) -> Tensor:
    """Draw integers from 0 to ``high`` - 1; see :func:`rand`."""

    def draw(size: tuple[int, ...], source: Generator | None) -> Tensor:
        return torch.randint(high, size, generator=source, device=device)

    return _own_rows_of(draw, size, generator, clip_dim)


def _own_rows_of(
    draw: Callable[[tuple[int, ...], Generator | None], Tensor],
    size: tuple[int, ...],
    generator: Generator | None,
    clip_dim: int,
) -> Tensor:
    if isinstance(generator, BatchGenerator):
        source, repeats = generator.source, [1] * len(size)
        of_one = [1 if i == clip_dim else length for i, length in enumerate(size)]
        repeats[clip_dim] = size[clip_dim]
        source = source.source if isinstance(source, PartGenerator) else source
        # Processes that draw a global batch's numbers share those of its first clip.
        source = source.common if isinstance(source, ClipGenerator) else source
        return draw(tuple(of_one), source).repeat(repeats)
    if isinstance(generator, PartGenerator):
        of_batch = [generator.num_clips if i == clip_dim else n for i, n in enumerate(size)]
        whole = _own_rows_of(draw, tuple(of_batch), generator.source, clip_dim)
        return whole.index_select(clip_dim, generator.rows.to(whole.device))
    if not isinstance(generator, ClipGenerator):
        return draw(size, generator)
    of_all = list(size)
    of_all[clip_dim] = generator.num_clips or size[clip_dim] * generator.world_size
    # The sampler distributes clips to the processes in turn.
    rows = [slice(None)] * len(size)
    rows[clip_dim] = slice(generator.rank, None, generator.world_size)
    return draw(tuple(of_all), generator.common)[tuple(rows)].contiguous()

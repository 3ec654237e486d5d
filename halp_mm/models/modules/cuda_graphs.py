"""Encoders' passes recorded as CUDA graphs, which a CPU starts at once."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from halp_mm.models.encoders.base import Encoder


class CudaGraphs:
    """Encoders' forward and backward passes, each recorded when it first runs, then replayed.

    A recurrent network is some thousand small kernels, and starting them takes a CPU longer than
    they take a GPU, most of all in half precision. A replay starts all of them at once. It computes
    what was recorded, for clips of the recorded shape; clips of another shape, such as a smaller
    last batch, are passed to the encoder itself.

    A recording keeps one input, one map and one gradient, so one place in a training step needs one
    of its own, and gradients must not be accumulated over steps.
    """

    def __init__(self) -> None:
        self._recorded: dict[Hashable, tuple[torch.Size, Callable[[Tensor], Tensor]]] = {}

    def __call__(self, place: Hashable, encoder: Encoder, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the encoder's feature map ``[N, M', D, T', V']``.

        Args:
            place: Identifies the place in a training step.
            encoder: The encoder, the same at each call of the place.
            clips: The clips, on a GPU.
        """
        if place not in self._recorded:
            self._recorded[place] = (clips.shape, _record(encoder, clips))
        shape, recorded = self._recorded[place]
        return recorded(clips) if clips.shape == shape else encoder.forward_map(clips)


class _Map(nn.Module):
    """An encoder's feature map as a module's forward pass, which is what PyTorch records."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, clips: Tensor) -> Tensor:
        return self.encoder.forward_map(clips)


def _record(encoder: Encoder, clips: Tensor) -> Callable[[Tensor], Tensor]:
    """Record an encoder's passes on clips of a shape; the encoder stays as it is."""
    dtype, is_mixed = torch.get_autocast_dtype('cuda'), torch.is_autocast_enabled('cuda')
    # A gradient node of an earlier step, which only a cycle of references keeps, belongs to the
    # main stream and would draw it into the recording.
    gc.collect()
    # The nodes that add up gradients are made while recording; PyTorch orders them after the rest.
    warnings.filterwarnings('ignore', "The AccumulateGrad node's stream does not match")
    with (
        _unchanged_buffers(encoder),
        torch.random.fork_rng([clips.device]),
        # A graph must not read copies of weights that autocast forgets after the step.
        torch.autocast('cuda', dtype, enabled=is_mixed, cache_enabled=False),
        torch.enable_grad(),
    ):
        recorded = torch.cuda.make_graphed_callables(_Map(encoder), (clips.detach().clone(),))
    return cast('Callable[[Tensor], Tensor]', recorded)


@contextmanager
def _unchanged_buffers(module: nn.Module) -> Iterator[None]:
    """Within ``with``, a module may be tried: its running statistics are put back."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    yield
    for buffer, value in before:
        buffer.copy_(value)

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

    An encoder is a thousand or more small kernels, and starting them takes a CPU longer than they
    take a GPU, most of all in half precision. A replay starts all of them at once. It computes what
    was recorded, for inputs of the recorded shapes, with random draws of its own; inputs of other
    shapes, such as a smaller last batch, are passed to the encoder itself.

    A recording keeps one input, one map and one gradient, and what the pass needs in between, so
    one place in a training step needs one of its own, gradients must not be accumulated over steps,
    and a step with several places needs more memory.
    """

    def __init__(self) -> None:
        self._recorded: dict[Hashable, tuple[list[torch.Size], Callable[..., Tensor]]] = {}

    def __call__(self, place: Hashable, encoder: Encoder, *inputs: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to the encoder's feature map ``[N, M', D, T', V']``.

        Args:
            place: Identifies the place in a training step.
            encoder: The encoder, the same at each call of the place.
            inputs: The clips and what else its ``forward_map`` takes, on a GPU.

        Raises:
            RuntimeError: if the encoder's kernels cannot be recorded.
        """
        shapes = [one.shape for one in inputs]
        if place not in self._recorded:
            self._recorded[place] = (shapes, _record(encoder, inputs))
        recorded_shapes, recorded = self._recorded[place]
        return recorded(*inputs) if shapes == recorded_shapes else encoder.forward_map(*inputs)


class _Map(nn.Module):
    """An encoder's feature map as a module's forward pass, which is what PyTorch records."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.encoder.forward_map(*inputs)


def _record(encoder: Encoder, inputs: tuple[Tensor, ...]) -> Callable[..., Tensor]:
    """Record an encoder's passes on inputs of some shapes; the encoder stays as it is."""
    dtype, is_mixed = torch.get_autocast_dtype('cuda'), torch.is_autocast_enabled('cuda')
    # A gradient node of an earlier step, which only a cycle of references keeps, belongs to the
    # main stream and would draw it into the recording.
    gc.collect()
    # The nodes that add up gradients are made while recording; PyTorch orders them after the rest.
    warnings.filterwarnings('ignore', "The AccumulateGrad node's stream does not match")
    samples = tuple(one.detach().clone() for one in inputs)
    try:
        with (
            _unchanged_buffers(encoder),
            torch.random.fork_rng([samples[0].device]),
            # A graph must not read copies of weights that autocast forgets after the step.
            torch.autocast('cuda', dtype, enabled=is_mixed, cache_enabled=False),
            torch.enable_grad(),
        ):
            # Weights that only heads read have no gradient here.
            recorded = torch.cuda.make_graphed_callables(
                _Map(encoder), samples, allow_unused_input=True
            )
    except torch.cuda.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise RuntimeError(
            f'the passes of {type(encoder).__name__} cannot be recorded as CUDA graphs, most '
            f'likely since it waits for the GPU or makes tensors of changing sizes ({error}). '
            'Omit CudaGraphHook'
        ) from error
    return cast('Callable[..., Tensor]', recorded)


@contextmanager
def _unchanged_buffers(module: nn.Module) -> Iterator[None]:
    """Within ``with``, a module may be tried: its running statistics are put back."""
    before = [(buffer, buffer.clone()) for buffer in module.buffers()]
    yield
    for buffer, value in before:
        buffer.copy_(value)

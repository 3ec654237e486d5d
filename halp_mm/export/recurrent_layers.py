"""Recurrent layers as single operations of exported programs.

PyTorch's exporters keep a GRU or an LSTM as one operation. To find out the shape of its output,
however, they compute it step by step. This takes minutes for a deep encoder, and makes the number
of frames of the traced batch a constant of the program. Here they are told the shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor
from torch._decomp import decomposition_table


@contextmanager
def recurrent_layers_by_shape() -> Iterator[None]:
    """Let exporters take only the shapes of recurrent layers' outputs, within the block."""
    shapes_of = {torch.ops.aten.gru.input: _gru_shapes, torch.ops.aten.lstm.input: _lstm_shapes}
    replaced = []
    for operation, shapes in shapes_of.items():
        for table, keys in (
            (operation.py_kernels, list(operation.py_kernels)),
            (decomposition_table, [operation]),
        ):
            for key in keys:
                replaced.append((table, key, table[key]))
                table[key] = shapes
        operation._dispatch_cache.clear()
    try:
        yield
    finally:
        for table, key, kernel in replaced:
            table[key] = kernel
        for operation in shapes_of:
            operation._dispatch_cache.clear()


def _gru_shapes(
    clips: Tensor,
    hidden: Tensor,
    parameters: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    """Tensors of the shapes of a GRU's outputs."""
    width = hidden.shape[-1] * (2 if bidirectional else 1)
    return clips.new_empty((*clips.shape[:2], width)), hidden.clone()


def _lstm_shapes(
    clips: Tensor, states: Sequence[Tensor], *settings: object
) -> tuple[Tensor, Tensor, Tensor]:
    """Tensors of the shapes of an LSTM's outputs."""
    hidden, cell = states
    # With projections the hidden state, which is the output, is narrower than the cell.
    return *_gru_shapes(clips, hidden, *settings), cell.clone()

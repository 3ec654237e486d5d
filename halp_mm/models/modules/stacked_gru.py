"""Layers of forward and backward cells as one GRU of PyTorch's, which cuDNN runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from torch import nn


def stacked_gru(forward_cells: nn.ModuleList, backward_cells: nn.ModuleList) -> nn.GRU:
    """Make one bidirectional GRU of several layers that has the very weights of single cells.

    cuDNN then runs the cells of a layer side by side. On a GPU the weights are laid out anew, in
    one piece of memory.

    Args:
        forward_cells: Each layer's forward cell, a GRU of one layer, batch first.
        backward_cells: Each layer's backward cell, of the same size.

    Returns:
        A GRU that maps ``[N, T, D]`` to ``[N, T, 2 H]``.
    """
    pairs = cast(Sequence[tuple[nn.GRU, nn.GRU]], list(zip(forward_cells, backward_cells)))
    first = pairs[0][0]
    stack = nn.GRU(
        first.input_size,
        first.hidden_size,
        len(pairs),
        batch_first=True,
        bidirectional=True,
        device='meta',  # its own weights are not needed
    )
    for layer, cells in enumerate(pairs):
        for cell, end in zip(cells, ('', '_reverse')):
            for name, weight in cell.named_parameters():
                setattr(stack, f'{name.removesuffix("0")}{layer}{end}', weight)
    stack.flatten_parameters()
    return stack

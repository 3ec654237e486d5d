"""Two GRUs of a bidirectional layer, advanced together, for training on CPUs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from halp_mm.models.modules.gru_gates import backward_gates, forward_gates
from halp_mm.models.modules.precision import autocast_precision

#: N H^2 up to which float32 is the faster for a frame's products, on CPUs with AMX too.
SMALL_PRODUCT = 2**18


def run_pair(
    first: nn.GRU,
    second: nn.GRU,
    inputs: Tensor,
    others: Tensor | None = None,
    scaled_by: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """Run two GRUs of one layer and equal size, with their gradients.

    PyTorch's GRU makes about ten small operations a frame and cell, and its backward pass three
    times as many, among them one addition to the weights' gradient for each frame. Here both cells
    share one product and one pass in C a frame, or else a few operators, also on the way back, and
    the gradients of the weights are computed for all frames at once. Results differ by rounding
    only. With mixed precision, all but small products are computed in the lower one, and all else
    in float32.

    Args:
        first: A GRU of one layer.
        second: Another one.
        inputs: The first one's inputs, and also the second one's unless it has its own,
            ``[T, N, D]``.
        others: The second one's inputs, ``[T, N, D]``.
        scaled_by: What all inputs are multiplied by and what is then added, ``[D]`` each, which is
            done to the weights; None if they are to be read as they are.

    Returns:
        The states of both, ``[T, N, 2, H]``.
    """
    mixed_precision = autocast_precision('cpu')
    sequences = [inputs] if others is None else [inputs, others]
    if mixed_precision is not None:
        sequences = [sequence.float() for sequence in sequences]
    weight, state_weight, bias, state_bias = map(
        torch.stack, zip(first.all_weights[0], second.all_weights[0])
    )
    with torch.autocast('cpu', enabled=False):
        if scaled_by is not None:
            scale, shift = scaled_by
            bias = bias + weight @ shift
            weight = weight * scale
        return _PairedGRU.apply(
            mixed_precision or inputs.dtype,
            torch.is_grad_enabled(),
            weight,
            state_weight,
            bias,
            state_bias,
            *(sequence.contiguous() for sequence in sequences),
        )


class _PairedGRU(torch.autograd.Function):
    """Both cells' frames, and their gradients; gates are in PyTorch's order reset, update, new."""

    @staticmethod
    def forward(
        ctx: Any,
        precision: torch.dtype,
        keeps: bool,
        input_weight: Tensor,
        state_weight: Tensor,
        input_bias: Tensor,
        state_bias: Tensor,
        *sequences: Tensor,
    ) -> Tensor:
        """Advance frame by frame; keep what the gradient needs if asked to."""
        frames, clips = sequences[0].shape[:2]
        size = state_weight.shape[2]
        given = project(sequences, input_weight, precision)
        shift, new_shift = input_bias.clone(), state_bias[:, 2 * size :].contiguous()
        shift[:, : 2 * size] += state_bias[:, : 2 * size]
        states = shift.new_empty(frames + 1, clips, 2, size)
        states[0] = 0
        weight = state_weight.to(state_precision(precision, clips, size)).mT.contiguous()
        read_next = weight.new_zeros(2, clips, size)
        fed_back = weight.new_empty(2, clips, 3 * size)
        gates = new_back = None
        if keeps:
            gates = given if given.dtype == states.dtype else shift.new_empty(given.shape)
            new_back = shift.new_empty(frames, clips, 2, size)
        advance = forward_gates(
            given, gates, shift, new_shift, fed_back, states, read_next, new_back
        )
        for frame in range(frames):
            torch.bmm(read_next, weight, out=fed_back)
            advance(frame)
        if keeps:
            ctx.precision = precision
            ctx.save_for_backward(input_weight, state_weight, gates, new_back, states, *sequences)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Go back frame by frame with the states' gradients; the rest is for all frames at once."""
        input_weight, state_weight, gates, new_back, states, *sequences = ctx.saved_tensors
        precision = ctx.precision
        frames, clips, _, size = new_back.shape
        given = torch.empty_like(gates, dtype=precision)
        new_fed = torch.empty_like(new_back, dtype=precision)
        weight = state_weight.to(state_precision(precision, clips, size))
        fed_back = weight.new_empty(2, clips, 3 * size)
        through = weight.new_zeros(2, clips, size)
        go_back = backward_gates(
            gates, new_back, states, gradient.contiguous(), through, given, fed_back, new_fed
        )
        for frame in range(frames - 1, -1, -1):
            go_back(frame)
            torch.bmm(fed_back, weight, out=through)

        dtype = states.dtype
        rows = given.flatten(0, 1)
        before = states[:-1].to(precision).flatten(0, 1)
        fed = [rows[..., : 2 * size], new_fed.flatten(0, 1)]
        ones = rows.new_ones(1, len(rows))  # a product takes half as long as a sum
        of_input_bias, of_new_bias = (
            (ones @ part.flatten(1)).view(2, -1).to(dtype) for part in (rows, fed[1])
        )
        # Products of matrices read what lies apart in place; batched ones in bfloat16 copy it.
        of_weights = [
            torch.cat([before[:, cell].T @ part[:, cell] for part in fed], 1) for cell in range(2)
        ]
        of_weight = torch.stack(of_weights).mT.to(dtype)
        of_bias = torch.cat([of_input_bias[:, : 2 * size], of_new_bias], 1)
        columns = rows.flatten(1).chunk(len(sequences), 1)
        factors = input_weight.to(precision).flatten(0, 1).chunk(len(sequences))
        of_input_weights, of_sequences = [], []
        for i, (sequence, of_given, factor) in enumerate(zip(sequences, columns, factors)):
            read = sequence.flatten(0, 1).to(precision)
            of_input_weights.append((read.T @ of_given).T.to(dtype))
            of_sequence = None
            if ctx.needs_input_grad[i - len(sequences)]:
                of_sequence = (of_given @ factor).view(sequence.shape).to(dtype)
            of_sequences.append(of_sequence)
        of_input_weight = torch.cat(of_input_weights).view(input_weight.shape)
        of_parameters = of_input_weight, of_weight, of_input_bias, of_bias
        return None, None, *of_parameters, *of_sequences


def state_precision(precision: torch.dtype, clips: int, size: int) -> torch.dtype:
    """The precision of a frame's products: float32 where half of it would make them no faster."""
    is_small = precision == torch.bfloat16 and clips * size**2 <= SMALL_PRODUCT
    return torch.float32 if is_small else precision


def project(sequences: tuple[Tensor, ...], weight: Tensor, precision: torch.dtype) -> Tensor:
    """Multiply both cells' inputs by their weights ``[2, 3 H, D]``, for all frames at once.

    Returns:
        What the gates are given, ``[T, N, 2, 3 H]``, in the precision.
    """
    given = weight.new_empty(*sequences[0].shape[:2], *weight.shape[:2], dtype=precision)
    columns = given.view(-1, weight.shape[:2].numel()).chunk(len(sequences), 1)
    factors = weight.to(precision).flatten(0, 1).chunk(len(sequences))
    for output, sequence, factor in zip(columns, sequences, factors):
        torch.mm(sequence.flatten(0, 1).to(precision), factor.T, out=output)
    return given

"""Two GRUs of a bidirectional layer, advanced together, for training on CPUs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from halp_mm.models.modules.precision import autocast_precision

#: Units from which on a frame's product is long enough to be worth a conversion of its factors.
CONVERTED_FROM = 128


def run_pair(first: nn.GRU, second: nn.GRU, inputs: Tensor, others: Tensor | None = None) -> Tensor:
    """Run two GRUs of one layer and equal size, with their gradients.

    PyTorch's GRU makes about ten small operations a frame and cell, and its backward pass three
    times as many, among them one addition to the weights' gradient for each frame. Here both cells
    share eight operations a frame, most of which overwrite what they read, and four in the backward
    pass, whose factors are computed for all frames at once, as are the gradients of the weights.
    Results differ by rounding only. With mixed precision, products are computed in the lower one
    and all else in float32.

    Args:
        first: A GRU of one layer.
        second: Another one.
        inputs: The first one's inputs, and also the second one's unless it has its own,
            ``[T, N, D]``.
        others: The second one's inputs, ``[T, N, D]``.

    Returns:
        The states of both, ``[T, N, 2, H]``.
    """
    mixed_precision = autocast_precision('cpu')
    sequences = [inputs] if others is None else [inputs, others]
    if mixed_precision is not None:
        sequences = [sequence.float() for sequence in sequences]
    weights = map(torch.stack, zip(first.all_weights[0], second.all_weights[0]))
    with torch.autocast('cpu', enabled=False):
        return _PairedGRU.apply(
            mixed_precision or inputs.dtype,
            torch.is_grad_enabled(),
            *weights,
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
        weight, shift = input_weight.clone(), input_bias.clone()
        shift[:, : 2 * size] += state_bias[:, : 2 * size]
        # tanh(x) = 2 sigmoid(2 x) - 1, whose kernel is faster; this is the factor before x.
        weight[:, 2 * size :] *= 2
        shift[:, 2 * size :] *= 2
        gates = project(sequences, weight, shift, precision)  # so far what they are given by inputs
        states = gates.new_empty(frames + 1, clips, 2, size)
        states[0] = 0
        # Without gradient one frame's buffer serves all.
        new_back = gates.new_empty(frames if keeps else 1, clips, 2, size)
        fed_back = gates.new_empty(2, clips, 3 * size)
        gates_back, new_fed = fed_back.transpose(0, 1).split([2 * size, size], -1)
        of_states = for_frames(state_weight, precision).mT.contiguous()
        new_shift, minus_one = state_bias[:, 2 * size :], gates.new_tensor(-1)
        # All views of single frames are made beforehand.
        reset_and_update = gates[..., : 2 * size].unbind()
        reset, update, new = (gate.unbind() for gate in gates.chunk(3, -1))
        by_clip, by_cell = states.unbind(), states.transpose(1, 2).unbind()
        new_backs = new_back.unbind() if keeps else new_back.unbind() * frames
        for frame in range(frames):
            multiply(by_cell[frame], of_states, fed_back)
            reset_and_update[frame].add_(gates_back).sigmoid_()
            torch.add(new_fed, new_shift, out=new_backs[frame])
            candidate = new[frame].addcmul_(reset[frame], new_backs[frame], value=2).sigmoid_()
            torch.add(minus_one, candidate, alpha=2, out=candidate)
            torch.lerp(candidate, by_clip[frame], update[frame], out=by_clip[frame + 1])
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
        reset, update, new = gates.chunk(3, -1)
        # Gradients of what is fed back are the state's gradient times these factors.
        fed_back = gates.new_empty(frames, clips, 2, 3, size)
        of_reset, of_update, of_new = fed_back.unbind(3)
        kept_new = 1 - update
        torch.mul(states[1:] - new, kept_new, out=of_update)
        through_new = kept_new.addcmul_(kept_new * new, new, value=-1)  # (1 - u) (1 - n^2)
        torch.mul(through_new, reset, out=of_new)
        torch.mul(of_new, torch.addcmul(new_back, new_back, reset, value=-1), out=of_reset)
        state = torch.empty_like(new_back)
        gradients, of_states, updates = gradient.unbind(), state.unbind(), update.unbind()
        fed_backs, by_gate = fed_back.unbind(), state.unsqueeze(3).unbind()
        by_cell = fed_back.flatten(3).transpose(1, 2).unbind()
        through_cells = gates.new_empty(2, clips, size)
        through_clips = through_cells.transpose(0, 1)
        weight = for_frames(state_weight, precision)
        carried = gates.new_zeros(clips, 2, size)
        for frame in range(frames - 1, -1, -1):
            of_state = torch.add(gradients[frame], carried, out=of_states[frame])
            fed_backs[frame].mul_(by_gate[frame])
            multiply(by_cell[frame], weight, through_cells)
            torch.addcmul(through_clips, of_state, updates[frame], out=carried)

        rows = fed_back.view(frames * clips, 2, 3 * size)
        before = states[:-1].flatten(0, 1)
        of_weight = product(before.permute(1, 2, 0), rows.transpose(0, 1), precision).mT
        of_bias = rows.sum(0)
        torch.mul(state, through_new, out=of_new)  # what is given passes no reset gate
        of_input_bias = torch.cat([of_bias[:, : 2 * size], of_new.sum((0, 1))], 1)
        columns = rows.flatten(1).chunk(len(sequences), 1)
        factors = input_weight.flatten(0, 1).chunk(len(sequences))
        of_input_weights, of_sequences = [], []
        for i, (sequence, of_given, factor) in enumerate(zip(sequences, columns, factors)):
            read = sequence.flatten(0, 1)
            of_input_weights.append(product(read.T, of_given, precision).T)
            of_sequence = None
            if ctx.needs_input_grad[i - len(sequences)]:
                of_sequence = product(of_given, factor, precision).view(sequence.shape)
            of_sequences.append(of_sequence)
        of_input_weight = torch.cat(of_input_weights).view(input_weight.shape)
        of_parameters = of_input_weight, of_weight, of_input_bias, of_bias
        return None, None, *of_parameters, *of_sequences


def project(
    sequences: tuple[Tensor, ...], weight: Tensor, shift: Tensor, precision: torch.dtype
) -> Tensor:
    """Multiply both cells' inputs by their weights ``[2, 3 H, D]``, for all frames at once.

    Returns:
        What the gates are given, ``[T, N, 2, 3 H]``.
    """
    given = shift.new_empty(*sequences[0].shape[:2], *shift.shape)
    columns = given.view(-1, shift.numel()).chunk(len(sequences), 1)
    factors = weight.flatten(0, 1).to(precision).chunk(len(sequences))
    shifts = shift.flatten().to(precision).chunk(len(sequences))
    for output, of_cells, sequence, factor in zip(columns, shifts, sequences, factors):
        read = sequence.flatten(0, 1).to(precision)
        if output.dtype == precision:
            torch.addmm(of_cells, read, factor.T, out=output)
        else:
            output.copy_(torch.addmm(of_cells, read, factor.T))
    return given


def product(first: Tensor, second: Tensor, precision: torch.dtype) -> Tensor:
    """A product computed in a precision, returned in that of its factors."""
    return (first.to(precision) @ second.to(precision)).to(first.dtype)


def for_frames(weight: Tensor, precision: torch.dtype) -> Tensor:
    """A weight of the states in the precision of products, or as it is where that is faster."""
    return weight.to(precision) if weight.shape[2] >= CONVERTED_FROM else weight


def multiply(rows: Tensor, weight: Tensor, out: Tensor) -> None:
    """Write both cells' product of a frame to ``out``, computed in the weight's precision."""
    if rows.dtype == weight.dtype:
        torch.bmm(rows, weight, out=out)
    else:
        out.copy_(torch.bmm(rows.to(weight.dtype), weight))

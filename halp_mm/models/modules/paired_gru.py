"""Two GRUs of a bidirectional layer, advanced together, for training on CPUs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable


def run_pair(first: nn.GRU, second: nn.GRU, inputs: Tensor, others: Tensor | None = None) -> Tensor:
    """Run two GRUs of one layer and equal size, with their gradients.

    PyTorch's GRU makes about ten small operations a frame and cell, and its backward pass three
    times as many, among them one addition to the weights' gradient for each frame. Here both cells
    share six operations a frame, and three in the backward pass, whose factors are computed for all
    frames at once, as are the gradients of the weights. Results differ by rounding only.

    Args:
        first: A GRU of one layer.
        second: Another one.
        inputs: The first one's inputs, and also the second one's unless it has its own,
            ``[T, N, D]``.
        others: The second one's inputs, ``[T, N, D]``.

    Returns:
        The states of both, ``[T, N, 2, H]``.
    """
    of_input, of_state, input_bias, state_bias = zip(first.all_weights[0], second.all_weights[0])
    return _PairedGRU.apply(
        inputs.contiguous(),
        None if others is None else others.contiguous(),
        *of_input,
        *input_bias,
        torch.stack(of_state),
        torch.stack(state_bias),
        torch.is_grad_enabled(),
    )


class _PairedGRU(torch.autograd.Function):
    """Both cells' frames, and their gradients; gates are in PyTorch's order reset, update, new."""

    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        others: Tensor | None,
        first_weight: Tensor,
        second_weight: Tensor,
        first_bias: Tensor,
        second_bias: Tensor,
        weight: Tensor,
        bias: Tensor,
        keeps: bool,
    ) -> Tensor:
        """Advance frame by frame; keep what the gradient needs if asked to."""
        frames, clips = inputs.shape[:2]
        size = weight.shape[2]
        sequences = [inputs.flatten(0, 1), (inputs if others is None else others).flatten(0, 1)]
        given = inputs.new_empty(frames * clips, 2, 3 * size)
        for i, (sequence, of_input, shift) in enumerate(
            zip(sequences, (first_weight, second_weight), (first_bias, second_bias))
        ):
            torch.addmm(shift, sequence, of_input.T, out=given[:, i])
        given = given.view(frames, clips, 2, 3 * size)

        kept = frames if keeps else 1  # without gradient one frame's buffers serve all
        states = inputs.new_empty(frames + 1, clips, 2, size)
        states[0] = 0
        fed_back = inputs.new_empty(kept, 2, clips, 3 * size)
        gates = inputs.new_empty(kept, clips, 2, 2 * size)
        new = inputs.new_empty(kept, clips, 2, size)
        # All views of single frames are made beforehand.
        by_cell = states.transpose(1, 2).unbind()
        by_clip = fed_back.transpose(1, 2)
        gates_back, new_back = (part.unbind() for part in by_clip.split([2 * size, size], -1))
        gates_given, new_given = (part.unbind() for part in given.split([2 * size, size], -1))
        reset, update = (part.unbind() for part in gates.chunk(2, -1))
        fed_backs, all_gates, news, all_states = map(torch.unbind, (fed_back, gates, new, states))
        shift, transposed = bias[:, None], weight.mT
        for frame in range(frames):
            at = frame if keeps else 0
            torch.baddbmm(shift, by_cell[frame], transposed, out=fed_backs[at])
            torch.add(gates_back[at], gates_given[frame], out=all_gates[at]).sigmoid_()
            candidate = torch.addcmul(new_given[frame], reset[at], new_back[at], out=news[at])
            # tanh(x) = 2 sigmoid(2 x) - 1, whose kernel is four times as fast.
            candidate.mul_(2).sigmoid_().mul_(2).sub_(1)
            torch.lerp(candidate, all_states[frame], update[at], out=all_states[frame + 1])
        if keeps:
            ctx.save_for_backward(
                *(inputs, others, first_weight, second_weight, weight),
                *(states, gates, new, by_clip[..., 2 * size :]),
            )
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Go back frame by frame with the states' gradients; the rest is for all frames at once."""
        inputs, others, first_weight, second_weight, weight, *kept = ctx.saved_tensors
        states, gates, new, new_back = kept
        frames, clips, _, size = new.shape
        reset, update = gates.chunk(2, -1)
        # Gradients of what is fed back are the state's gradient times these factors.
        of_new = (1 - update) * (1 - new * new)
        factors = new.new_empty(frames, clips, 2, 3, size)
        torch.mul(of_new, new_back * (reset - reset * reset), out=factors[..., 0, :])
        torch.mul(states[:-1] - new, update - update * update, out=factors[..., 1, :])
        torch.mul(of_new, reset, out=factors[..., 2, :])
        fed_back = factors  # each frame's factors are needed only once
        state = torch.empty_like(new)
        updates, gradients, of_states = update.unbind(), gradient.unbind(), state.unbind()
        of_cells, by_gate = state.transpose(1, 2).unbind(), state.unsqueeze(3).unbind()
        fed_backs = fed_back.unbind()
        fed_back_of_cells = fed_back.flatten(3).transpose(1, 2).unbind()
        of_states[-1].copy_(gradients[-1])
        for frame in range(frames - 1, -1, -1):
            fed_backs[frame].mul_(by_gate[frame])
            if frame:
                before = frame - 1
                torch.addcmul(
                    gradients[before], of_states[frame], updates[frame], out=of_states[before]
                )
                of_cells[before].baddbmm_(fed_back_of_cells[frame], weight)

        rows = fed_back.view(frames * clips, 2, 3 * size)
        of_weight = torch.bmm(rows.permute(1, 2, 0), states[:-1].flatten(0, 1).transpose(0, 1))
        of_bias = rows.sum(0)
        torch.mul(state, of_new, out=fed_back[..., 2, :])  # what is given passes no reset gate
        of_shift = rows.sum(0)
        sequences = [inputs.flatten(0, 1), (inputs if others is None else others).flatten(0, 1)]
        of_input_weights = [rows[:, i].T @ sequence for i, sequence in enumerate(sequences)]
        of_inputs = of_others = None
        if ctx.needs_input_grad[0]:
            of_inputs = rows[:, 0] @ first_weight
            if others is None:
                of_inputs.addmm_(rows[:, 1], second_weight)
            of_inputs = of_inputs.view(inputs.shape)
        if others is not None and ctx.needs_input_grad[1]:
            of_others = (rows[:, 1] @ second_weight).view(others.shape)
        return of_inputs, of_others, *of_input_weights, *of_shift, of_weight, of_bias, None

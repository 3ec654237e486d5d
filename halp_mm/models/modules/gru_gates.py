"""A frame of two GRU cells between the products by their weights: in C, or by operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import CDLL
from typing import Any

import torch
from torch import Tensor

from halp_mm.compiled_c import BoundToTensors, compiled_for


def forward_gates(
    given: Tensor,
    gates: Tensor | None,
    shift: Tensor,
    new_shift: Tensor,
    fed_back: Tensor,
    states: Tensor,
    read_next: Tensor,
    new_back: Tensor | None,
) -> Callable[[int], None]:
    """Prepare what advances both cells by a frame.

    Args:
        given: What the inputs give, ``[T, N, 2, 3 H]``, in the order reset, update, new; float32,
            or bfloat16. It may be overwritten.
        gates: Where gates are kept for the gradient, ``[T, N, 2, 3 H]``, which may be ``given``;
            None if no gradient is asked for.
        shift: What is added to that which is given, ``[2, 3 H]``.
        new_shift: What is added to that which new gates are fed back, ``[2, H]``.
        fed_back: The states before the frame, times their weights, ``[2, N, 3 H]``; float32, or
            bfloat16 as what is given.
        states: ``[1 + T, N, 2, H]``; the first are there, the others are written.
        read_next: Where those after the frame are written for the next product, ``[2, N, H]``, as
            precise as ``fed_back``.
        new_back: Where that which new gates are fed back is kept, ``[T, N, 2, H]``; None if gates
            are not kept.

    Returns:
        A function of the frame's number.
    """
    library = library_for(states, given)
    if library is not None:
        tensors = given, gates, shift, new_shift, fed_back, states, read_next, new_back
        return of_frame(library.advance, tensors, given, fed_back)
    size = states.shape[-1]
    if gates is None and given.dtype == states.dtype:
        gates = given
    gates = torch.add(given, shift, out=gates)
    gates_back, new_fed = fed_back.transpose(0, 1).split([2 * size, size], -1)
    # All views of single frames are made beforehand.
    reset_and_update = gates[..., : 2 * size].unbind()
    reset, update, new = (gate.unbind() for gate in gates.chunk(3, -1))
    by_frame, read_next_clips = states.unbind(), read_next.transpose(0, 1)
    if new_back is None:
        new_backs = (states.new_empty(states.shape[1:]),) * len(new)
    else:
        new_backs = new_back.unbind()

    def advance(frame: int) -> None:
        reset_and_update[frame].add_(gates_back).sigmoid_()
        torch.add(new_fed, new_shift, out=new_backs[frame])
        candidate = new[frame].addcmul_(reset[frame], new_backs[frame]).tanh_()
        torch.lerp(candidate, by_frame[frame], update[frame], out=by_frame[frame + 1])
        read_next_clips.copy_(by_frame[frame + 1])

    return advance


def backward_gates(
    gates: Tensor,
    new_back: Tensor,
    states: Tensor,
    gradient: Tensor,
    through: Tensor,
    given: Tensor,
    fed_back: Tensor,
    new_fed: Tensor,
) -> Callable[[int], None]:
    """Prepare what goes back by a frame, from the last to the first.

    Args:
        gates: As kept, ``[T, N, 2, 3 H]``.
        new_back: As kept, ``[T, N, 2, H]``.
        states: ``[1 + T, N, 2, H]``.
        gradient: Of the states that are returned, ``[T, N, 2, H]``.
        through: What comes to a frame's states through the gates of the next, ``[2, N, H]``, as
            precise as ``fed_back``.
        given: The gradient of what inputs give, ``[T, N, 2, 3 H]``, is written frame by frame;
            float32, or bfloat16.
        fed_back: That of what a frame's gates are fed back, ``[2, N, 3 H]``, is written; float32,
            or bfloat16 as ``given``.
        new_fed: That of what new gates are fed back, ``[T, N, 2, H]``, is written frame by frame,
            as precise as ``given``.

    Returns:
        A function of the frame's number.
    """
    carried = torch.zeros_like(states[0])  # what comes past the gates of the next frame
    library = library_for(states, given)
    if library is not None:
        kept, written = (gates, new_back, states), (given, fed_back, new_fed)
        tensors = *kept, gradient, through, carried, *written
        return of_frame(library.go_back, tensors, given, fed_back)
    reset, update, new = gates.chunk(3, -1)
    # The gradients are that of the state times these factors, made for all frames at once.
    factors = torch.empty_like(gates).unflatten(-1, (3, -1))
    for_reset, for_update, for_new = factors.unbind(-2)
    torch.mul(states[:-1] - new, update * (1 - update), out=for_update)
    torch.mul(1 - update, 1 - new.square(), out=for_new)
    torch.mul(for_new * new_back, reset * (1 - reset), out=for_reset)
    through_clips, state = through.transpose(0, 1), torch.empty_like(carried)
    of_given, of_back = (
        gates.unflatten(-1, (3, -1)) for gates in (given, fed_back.transpose(0, 1))
    )

    def go_back(frame: int) -> None:
        torch.add(gradient[frame], carried, out=state).add_(through_clips)
        torch.mul(state, update[frame], out=carried)
        of_gates = factors[frame].mul_(state.unsqueeze(2))
        of_given[frame].copy_(of_gates)
        of_gates[:, :, 2].mul_(reset[frame])
        of_back.copy_(of_gates)
        new_fed[frame].copy_(of_gates[:, :, 2])

    return go_back


def library_for(states: Tensor, given: Tensor) -> CDLL | None:
    """The functions of ``gru_gates.c``, if they can compute such states from what is given."""
    if given.dtype not in (torch.float32, torch.bfloat16):
        return None
    return compiled_for(states[0], __package__, 'gru_gates.c')


def of_frame(
    function: Any, tensors: Sequence[Tensor | None], given: Tensor, fed_back: Tensor
) -> Callable[[int], None]:
    """A C function of tensors and a frame's number, as one of the number.

    Args:
        function: The function.
        tensors: All that the function is given before the frame's number.
        given: What inputs give, or its gradient, ``[T, N, 2, 3 H]``.
        fed_back: What gates are fed back, or its gradient.
    """
    clips, size = given.shape[1], given.shape[3] // 3
    are_low = [part.dtype == torch.bfloat16 for part in (given, fed_back)]
    call = BoundToTensors(function, tensors, 5)
    return lambda frame: call(frame, clips, size, *are_low)

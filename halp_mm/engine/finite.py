"""Tensors of a training that are not finite: a run that goes on from them is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor


def find_not_finite(
    weights: object, optimizer: object = None, parameters: Sequence[str] = ()
) -> str | None:
    """Find a tensor with entries that are NaN or infinite.

    Args:
        weights: The weights by name. What is no tensor, here and in the optimiser's state, is left
            to other checks.
        optimizer: The optimiser's state, as its ``state_dict()`` gives it.
        parameters: The names of the optimiser's parameters in its order; otherwise they are
            numbered.

    Returns:
        What it is, such as ``'momentum_buffer of the optimiser for head.weight'``; None if all
        entries are finite.
    """
    tensors = _tensors(weights) | dict(_tensors_of(optimizer, parameters))
    by_device: dict[torch.device, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            by_device.setdefault(tensor.device, {})[name] = tensor
    for group in by_device.values():  # the host waits once for each device
        finite = torch.stack([tensor.isfinite().all() for tensor in group.values()]).tolist()
        if not all(finite):
            return list(group)[finite.index(False)]
    return None


def _tensors(values: object) -> dict[str, Tensor]:
    entries = values.items() if isinstance(values, Mapping) else ()
    return {str(key): value for key, value in entries if isinstance(value, Tensor)}


def _tensors_of(optimizer: object, parameters: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of an optimiser's state, or of the states of several by name."""
    if isinstance(optimizer, Mapping) and 'state' not in optimizer:
        for name, one in optimizer.items():
            for key, tensor in _tensors_of(one, ()):
                yield f'{key}, optimiser {name!r},', tensor
        return
    states = optimizer.get('state') if isinstance(optimizer, Mapping) else None
    for number, state in states.items() if isinstance(states, Mapping) else ():
        is_named = isinstance(number, int) and number < len(parameters)
        parameter = parameters[number] if is_named else f'parameter {number}'
        for key, tensor in _tensors(state).items():
            yield f'{key} of the optimiser for {parameter}', tensor

"""The work that an iteration cannot do without: operations, and bytes moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

from halp_mm.benchmarking.machine_peak import MachinePeak
from halp_mm.benchmarking.measured_training import MeasuredTraining, optim_wrappers
from halp_mm.models import Pretrainer


class Work(NamedTuple):
    """The work of an iteration."""

    flops: float  #: Of matrix products, convolutions, recurrent layers and attention
    bytes: float  #: Read and written at least, see :func:`work_of`

    def bound(self, peak: MachinePeak) -> float:
        """The seconds that a machine needs for it at its peak, if it computes while it copies."""
        return max(self.flops / peak.flops, self.bytes / peak.bandwidth)


def work_of(training: MeasuredTraining, iterations: int) -> Work:
    """Count the work of some iterations, which are run, and return that of one.

    The bytes are those of parameters, gradients, the optimizers' state and momentum copies, each
    read and written once, and of what is kept from the forward for the backward pass, written and
    read once. All else may stay in registers and caches.
    """
    kept = _KeptBytes(training.model.parameters())
    counter = FlopCounterMode(display=False, custom_mapping=_RECURRENT)
    with ExitStack() as stack:
        stack.enter_context(without_graphs(training.model))
        stack.enter_context(saved_tensors_hooks(kept.keep, lambda tensor: tensor))
        stack.enter_context(counter)
        for _ in range(iterations):
            training.run(1)
            kept.end_pass()
    moved = 2 * sum(map(_num_bytes, lasting_tensors(training)))
    return Work(counter.get_total_flops() / iterations, moved + 2 * kept.total / iterations)


def lasting_tensors(training: MeasuredTraining) -> list[Tensor]:
    """What an iteration has to read and write: parameters, gradients and the optimizers' state."""
    parameters = list(training.model.parameters())  # momentum copies are among them
    found = parameters + [p for p in parameters if p.requires_grad]  # as large as their gradients
    for wrapper in optim_wrappers(training.runner):
        for state in wrapper.optimizer.state.values():
            found += [value for value in state.values() if isinstance(value, Tensor)]
    return found


@contextmanager
def without_graphs(model: nn.Module) -> Iterator[None]:
    """Within ``with``, let a model start its kernels one by one: nothing sees those of a graph."""
    if not isinstance(model, Pretrainer):
        yield
        return
    graphs, model.graphs = model.graphs, None
    try:
        yield
    finally:
        model.graphs = graphs


class _KeptBytes:
    """Adds up the memory that autograd keeps for backward passes, each piece once a pass.

    Args:
        parameters: What is there anyway.
    """

    def __init__(self, parameters: Iterable[nn.Parameter]) -> None:
        self.total = 0
        self._lasting = {parameter.untyped_storage().data_ptr() for parameter in parameters}
        self._seen: dict[int, int] = {}

    def keep(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._lasting:
            self._seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    def end_pass(self) -> None:
        self.total += sum(self._seen.values())
        self._seen.clear()


def _num_bytes(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _recurrent_flops(inputs: Sequence[int], *arguments: Any, **_: object) -> int:
    """Of a recurrent layer's forward pass: every weight is used once for each frame."""
    weights = sum(shape[0] * shape[1] for shape in _matrices(arguments))
    return 2 * inputs[0] * inputs[1] * weights


def _recurrent_backward_flops(*arguments, **_: object) -> int:
    """Of its backward pass: once for the inputs' gradients, and once for the weights'."""
    return 2 * _recurrent_flops(*arguments)


def _matrices(arguments: Sequence[Any]) -> list[Sequence[int]]:
    """The shapes of the weight matrices, which come first, in a list or one by one."""
    first = arguments[0]
    is_list = isinstance(first, (list, tuple)) and not isinstance(first, torch.Size)
    shapes = first if is_list else arguments[:4]
    return [shape for shape in shapes if isinstance(shape, torch.Size) and len(shape) == 2]


_RECURRENT = {
    torch.ops.aten._cudnn_rnn: _recurrent_flops,
    torch.ops.aten._cudnn_rnn_backward: _recurrent_backward_flops,
    torch.ops.aten.mkldnn_rnn_layer: _recurrent_flops,
    torch.ops.aten.mkldnn_rnn_layer_backward: _recurrent_backward_flops,
}

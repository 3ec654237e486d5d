"""Optimizers by their names, in forms that import no more than they need and are fast on CPUs."""

from __future__ import annotations

import inspect
from functools import wraps
from typing import Any

import mmengine.registry
import torch
from mmengine.optim.optimizer.builder import TORCH_OPTIMIZERS
from torch.optim import Optimizer

from halp_mm.registry import OPTIMIZERS
from halp_mm.uncompiled_optimizers import uncompiled

#: Settings by which a config chooses how an update is computed.
_WAYS = {'foreach', 'fused', 'differentiable'}


def fused_on_cpus(optimizer: type[Optimizer]) -> type[Optimizer]:
    """Derive an optimizer class that updates a CPU's parameters in one pass over memory.

    On GPUs PyTorch already takes the parameters together; on CPUs it makes some ten passes, which
    are a tenth of a small training's step. Results differ by rounding. Whatever a config says of
    ``fused``, ``foreach`` or ``differentiable`` holds.

    Args:
        optimizer: A class of ``torch.optim``.

    Returns:
        A class of the same name, or the class itself if it has no such way.
    """
    if 'fused' not in inspect.signature(optimizer).parameters:
        return optimizer

    @wraps(optimizer.__init__)  # with its signature, which configs are checked by
    def __init__(self: Optimizer, *args: Any, **settings: Any) -> None:
        optimizer.__init__(self, *args, **settings)
        parameters = [one for group in self.param_groups for one in group['params']]
        is_plain = all(one.device.type == 'cpu' and one.is_floating_point() for one in parameters)
        if _WAYS.isdisjoint(settings) and is_plain:
            for group in (self.defaults, *self.param_groups):
                group['fused'] = True

    members = {'__doc__': optimizer.__doc__, '__init__': __init__}
    return type(optimizer.__name__, (optimizer,), members)


def register_optimizers() -> None:
    """Register the optimizers of ``torch.optim`` whose names mmengine has for the same classes."""
    for name in TORCH_OPTIMIZERS:
        optimizer = getattr(torch.optim, name)
        if mmengine.registry.OPTIMIZERS.module_dict.get(name) is optimizer:
            OPTIMIZERS.register_module(name, module=fused_on_cpus(uncompiled(optimizer)))


def adafactor(params: Any, **settings: Any) -> Optimizer:
    """Make the ``Adafactor`` of ``transformers``, a package that is imported here and not before.

    Args:
        params: Parameters, or groups of them.
        **settings: Arguments of the class.

    Raises:
        ValueError: if the package is not installed.
    """
    try:
        from transformers import Adafactor  # type: ignore[import-not-found]
    except ImportError as error:
        raise ValueError(
            'the optimizer Adafactor is of the package transformers, which is not installed: '
            "python -m pip install transformers, or take PyTorch's own, TorchAdafactor"
        ) from error
    return Adafactor(params, **settings)


register_optimizers()
# Before 0.10.6 mmengine has PyTorch's under this name.
if 'Adafactor' not in mmengine.registry.OPTIMIZERS.module_dict:
    OPTIMIZERS.register_module('Adafactor', module=adafactor)

"""Optimizers by their names, in forms that import no more than they need."""

from __future__ import annotations

from typing import Any

import mmengine.registry
import torch
from mmengine.optim.optimizer.builder import TORCH_OPTIMIZERS
from torch.optim import Optimizer

from halp_mm.registry import OPTIMIZERS
from halp_mm.uncompiled_optimizers import uncompiled


def register_uncompiled_optimizers() -> None:
    """Register the optimizers of ``torch.optim`` whose names mmengine has for the same classes."""
    for name in TORCH_OPTIMIZERS:
        optimizer = getattr(torch.optim, name)
        if mmengine.registry.OPTIMIZERS.module_dict.get(name) is optimizer:
            OPTIMIZERS.register_module(name, module=uncompiled(optimizer))


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


register_uncompiled_optimizers()
# Before 0.10.6 mmengine has PyTorch's under this name.
if 'Adafactor' not in mmengine.registry.OPTIMIZERS.module_dict:
    OPTIMIZERS.register_module('Adafactor', module=adafactor)

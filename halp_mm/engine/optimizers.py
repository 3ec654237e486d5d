"""PyTorch's optimizers by their names, in the form that does not import its compiler."""

from __future__ import annotations

import mmengine.registry
import torch
from mmengine.optim.optimizer.builder import TORCH_OPTIMIZERS

from halp_mm.registry import OPTIMIZERS
from halp_mm.uncompiled_optimizers import uncompiled


def register_uncompiled_optimizers() -> None:
    """Register the optimizers of ``torch.optim`` whose names mmengine has for the same classes."""
    for name in TORCH_OPTIMIZERS:
        optimizer = getattr(torch.optim, name)
        if mmengine.registry.OPTIMIZERS.module_dict.get(name) is optimizer:
            OPTIMIZERS.register_module(name, module=uncompiled(optimizer))


register_uncompiled_optimizers()

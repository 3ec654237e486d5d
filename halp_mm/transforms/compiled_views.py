"""The functions of ``views.c``."""

from __future__ import annotations

from ctypes import CDLL

import torch
from torch import Tensor

from halp_mm.compiled_c import compiled_for


def library_for(coordinates: Tensor) -> CDLL | None:
    """The functions of ``views.c``, if they can compute a training's views of these, and sooner.

    Evaluation and inference, which need no gradients, make few views and start no compiler.
    """
    if not torch.is_grad_enabled():
        return None
    return compiled_for(coordinates, __package__, 'views.c')

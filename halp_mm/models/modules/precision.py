"""The precision of autocast, and tensors of at least single precision."""

from __future__ import annotations

import torch
from torch import Tensor


def autocast_precision(device: str) -> torch.dtype | None:
    """The half precision of autocast on a type of device; None where it is off."""
    return torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None


def at_least_float32(x: Tensor) -> Tensor:
    """Convert a tensor to float32 if its precision is lower."""
    return x.to(torch.promote_types(x.dtype, torch.float32))

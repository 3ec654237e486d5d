"""Positions of a layout's joints on a device, copied there only once."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from halp_mm.skeletons.layout import SkeletonLayout


@lru_cache
def parent_index(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """Each joint's parent, ``[V]``."""
    return torch.tensor(layout.parents, device=device)


@lru_cache
def bone_index(layout: SkeletonLayout, device: torch.device) -> Tensor:
    """The bones' ends, ``[bones, 2]``."""
    return torch.tensor(layout.bone_indices, dtype=torch.long, device=device).view(-1, 2)

"""Dropout with cheap random draws on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BitDropout(nn.Dropout):
    """PyTorch's dropout, which on a CPU draws only 16 random bits for an entry.

    PyTorch's own draws take longer on a CPU than the rest of a small network. The probability is
    rounded to a multiple of 1/65536, and the remaining entries are scaled accordingly.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Drop entries and scale up the others in training; takes any shape."""
        num_dropped = round(self.p * 65536)
        if not self.training or x.is_cuda or num_dropped in (0, 65536):
            return super().forward(x)
        # One random int64 provides four int16.
        bits = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device)
        bits = bits.random_(-(2**63), None).view(torch.int16)[: x.numel()]
        factors = torch.empty_like(x, requires_grad=False)  # dense, with the memory order of x
        kept = (bits >= num_dropped - 32768).as_strided(factors.shape, factors.stride())
        return x * factors.copy_(kept).mul_(65536 / (65536 - num_dropped))

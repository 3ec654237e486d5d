"""A convolution over frames that takes fewer products where there are many channels."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Below as many channels, in or out, or as many frames, a plain convolution is faster.
MIN_CHANNELS, MIN_FRAMES = 64, 5


class TemporalConvolution(nn.Conv2d):
    """A convolution of each joint's frames, padded so that as many come out at stride 1.

    It is PyTorch's, with the same weights. On a CPU, where there are many channels, it is computed
    from discrete Fourier transforms over the frames: 25 products of channels instead of 117 for
    13 frames and a kernel of 9. Results agree up to rounding, which is no larger.

    Source: Winograd, Arithmetic Complexity of Computations (1980), for convolutions as bilinear
    forms with few products.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        kernel_size: Kernel size in frames; odd.
        stride: Stride in frames.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, stride: int = 1
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            kernel_size=(kernel_size, 1),
            stride=(stride, 1),
            padding=(kernel_size // 2, 0),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[B, C, T, V]`` to ``[B, C', T', V]``; fastest in memory order B, V, T, C."""
        if self.gains_by_transforms(x):
            return self.by_transforms(x)
        # So that the order of memory is channels_last.
        stride, padding = self.stride[::-1], cast(tuple[int, int], self.padding)[::-1]
        return F.conv2d(x.mT, self.weight.mT, self.bias, stride, padding).mT

    def gains_by_transforms(self, x: Tensor) -> bool:
        """Whether transforms are faster; they cost more, the more frames there are."""
        if x.device.type != 'cpu' or torch.compiler.is_compiling():
            return False
        channels = min(self.in_channels, self.out_channels)
        return (
            self.stride == (1, 1)
            and channels >= MIN_CHANNELS
            and MIN_FRAMES <= x.shape[2] <= channels
        )

    def by_transforms(self, x: Tensor) -> Tensor:
        """The convolution at stride 1 as products of transforms."""
        people, _, frames, joints = x.shape
        of_input, of_weight, of_products = fourier_transforms(
            frames, self.kernel_size[0], self.weight.dtype
        )
        transformed = of_input @ x.permute(2, 0, 3, 1).reshape(frames, -1)
        weight = of_weight @ self.weight.squeeze(3).permute(2, 1, 0).flatten(1)
        products = torch.bmm(
            transformed.view(-1, people * joints, self.in_channels),
            weight.view(-1, self.in_channels, self.out_channels),
        )
        y = (of_products @ products.flatten(1)).view(frames, people, joints, -1)
        y = y.permute(1, 2, 0, 3).contiguous()
        assert self.bias is not None, 'it is made with one'
        return y.add_(self.bias).permute(0, 3, 2, 1)


class Transforms(NamedTuple):
    """Matrices that turn a convolution into R products, of one frame and one weight each.

    Args:
        of_input: From frames to factors, ``[R, T]``.
        of_weight: From the kernel's weights to factors, ``[R, K]``.
        of_products: From products to frames, ``[T, R]``.
    """

    of_input: Tensor
    of_weight: Tensor
    of_products: Tensor


@lru_cache
def fourier_transforms(frames: int, kernel_size: int, dtype: torch.dtype) -> Transforms:
    """The transforms of a convolution that is padded with zeros by half a kernel at both ends.

    It is a circular one over as many frames and half a kernel more: what goes around falls into
    frames that are not needed. Its transform multiplies complex numbers, each by three real
    products (Gauss), ``(a + bi)(c + di) = k - m + (k + l) i`` with ``k = (a + b) c``,
    ``l = a (d - c)`` and ``m = b (c + d)``.
    """
    half = kernel_size // 2
    period = frames + half
    frequencies = np.arange(period // 2 + 1)
    is_complex = (frequencies > 0) & (2 * frequencies < period)
    angle = 2 * np.pi / period * frequencies[:, None]

    def parts(positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.cos(angle * positions), np.sin(angle * positions)

    cosine, sine = parts(np.arange(frames))
    a, b = cosine, -sine
    c, d = parts(np.arange(kernel_size) - half)  # conjugate: weights are not reversed in time
    # Frequencies below zero have the conjugate values.
    share = (1 + is_complex[:, None]) / period
    some = is_complex.nonzero()
    found = (
        np.concatenate([a + b, a[some], b[some]]),
        np.concatenate([c, (d - c)[some], (c + d)[some]]),
        np.concatenate([share * (cosine - sine), -(share * sine)[some], -(share * cosine)[some]]).T,
    )
    # They are kept for gradients, also if an evaluation is the first to need them.
    with torch.inference_mode(False):
        return Transforms(*(torch.tensor(matrix, dtype=dtype) for matrix in found))

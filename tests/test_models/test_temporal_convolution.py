"""Convolutions over frames by Fourier transforms, against PyTorch's."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models.modules import temporal_convolution
from halp_mm.models.modules.temporal_convolution import TemporalConvolution, fourier_transforms
from tests.helpers import generator

WIDE = 64


def made(kernel_size=9, stride=1, channels=WIDE) -> TemporalConvolution:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return TemporalConvolution(channels, channels, kernel_size, stride)


def random_map(frames: int, channels=WIDE, dtype=torch.float64) -> torch.Tensor:
    """``[B, C, T, V]`` whose memory has the order of the encoders' maps."""
    x = torch.randn(2, 3, frames, channels, generator=generator(), dtype=dtype)
    return x.permute(0, 3, 2, 1)


@pytest.mark.parametrize('frames', [5, 6, 13, 50])
@pytest.mark.parametrize('kernel_size', [1, 3, 9])
def test_equals_a_plain_one(kernel_size, frames):
    layer = made(kernel_size).double()
    x = random_map(frames).requires_grad_()
    assert layer.gains_by_transforms(x)
    plain = F.conv2d(x, layer.weight, layer.bias, padding=(kernel_size // 2, 0))
    found = layer(x)
    torch.testing.assert_close(found, plain, rtol=0, atol=1e-12, check_stride=False)
    assert found.stride() == x.stride()
    along = torch.randn(found.shape, generator=generator(1), dtype=found.dtype)
    for gradients in zip(
        torch.autograd.grad(found, [x, *layer.parameters()], along),
        torch.autograd.grad(plain, [x, *layer.parameters()], along),
    ):
        torch.testing.assert_close(*gradients, rtol=0, atol=1e-11, check_stride=False)


def test_rounding_is_no_larger_than_of_a_plain_one():
    x, layer = random_map(13, dtype=torch.float32).relu(), made()
    exact = F.conv2d(x.double(), layer.weight.double(), layer.bias.double(), padding=(4, 0))
    plain = F.conv2d(x, layer.weight, layer.bias, padding=(4, 0))
    assert (layer(x) - exact).norm() < 2 * (plain - exact).norm()
    with torch.autocast('cpu', torch.bfloat16):
        found = layer(x.bfloat16())
    assert found.dtype == torch.bfloat16
    assert (found - exact).norm() < 0.01 * exact.norm()


@pytest.mark.parametrize(
    ('stride', 'channels', 'frames'), [(1, WIDE, 4), (1, WIDE, WIDE + 1), (2, WIDE, 13), (1, 8, 13)]
)
def test_runs_as_usual_where_transforms_do_not_pay(stride, channels, frames):
    layer, x = made(9, stride, channels).double(), random_map(frames, channels)
    assert not layer.gains_by_transforms(x)
    plain = F.conv2d(x, layer.weight, layer.bias, (stride, 1), (4, 0))
    torch.testing.assert_close(layer(x), plain, check_stride=False)


def test_needs_as_few_products_as_a_circular_convolution():
    """One for frequency 0, and three for each of 8 complex ones."""
    shapes = [matrix.shape for matrix in fourier_transforms(13, 9, torch.float32)]
    assert shapes == [(25, 13), (25, 9), (13, 25)]


def test_trains_after_an_evaluation_without_gradients():
    temporal_convolution.fourier_transforms.cache_clear()
    layer, x = made(), random_map(7, dtype=torch.float32)
    with torch.inference_mode():
        layer(x)
    layer(x).sum().backward()
    assert layer.weight.grad.isfinite().all()

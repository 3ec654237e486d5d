"""Dropout from random bits."""

import pytest
import torch

from halp_mm.models.modules import BitDropout
from tests.helpers import DTYPES


@pytest.mark.parametrize('p', [0.1, 0.5, 0.9])
@pytest.mark.parametrize('dtype', [*DTYPES, torch.bfloat16])
def test_drops_the_share_and_keeps_the_mean(p, dtype):
    torch.manual_seed(0)
    x = torch.ones(7, 5, 101, 33, dtype=dtype).requires_grad_()
    y = BitDropout(p)(x)
    assert y.dtype == dtype
    kept = y != 0
    share = kept.double().mean().item()
    assert share == pytest.approx(1 - p, abs=5 * (p * (1 - p) / x.numel()) ** 0.5)
    factor = torch.tensor(1 / (1 - round(p * 65536) / 65536), dtype=dtype)
    assert torch.equal(y[kept].detach(), factor.expand(int(kept.sum())))
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    for dim in range(4):  # and evenly so
        means = kept.double().mean([d for d in range(4) if d != dim])
        deviation = (p * (1 - p) * means.numel() / x.numel()) ** 0.5
        assert (means - (1 - p)).abs().max() < 5 * deviation


def test_the_largest_probability_keeps_something():
    """One of the 65,536 numbers that 16 bits can be."""
    torch.manual_seed(0)
    kept = BitDropout(1 - 2**-16)(torch.ones(1 << 20)) > 0
    assert 1 <= kept.sum() <= 48  # 16 are expected


def test_entries_are_independent():
    torch.manual_seed(0)
    kept = (BitDropout(0.5)(torch.ones(400_000)) > 0).double() - 0.5
    for lag in (1, 2, 3, 4, 8):  # the four entries that share a random number, and beyond
        assert abs((kept[lag:] * kept[:-lag]).mean() * 4) < 5 / 400_000**0.5


def test_layout_of_memory_does_not_matter():
    x = torch.ones(4, 6, 5, 3).to(memory_format=torch.channels_last)
    torch.manual_seed(0)
    y = BitDropout(0.5)(x)
    assert y.stride() == x.stride()
    torch.manual_seed(0)
    plain = BitDropout(0.5)(torch.ones(4, 5, 3, 6))
    assert torch.equal(y.permute(0, 2, 3, 1), plain)
    every_other = torch.ones(4, 12)[:, ::2]
    assert set(BitDropout(0.5)(every_other).flatten().tolist()) == {0, 2}


def test_a_seed_repeats_it_and_draws_differ():
    def draw(seed):
        torch.manual_seed(seed)
        return BitDropout()(torch.ones(50))

    assert torch.equal(draw(0), draw(0))
    assert not torch.equal(draw(0), draw(1))


def test_nothing_to_do():
    x = torch.randn(3, 4)
    assert torch.equal(BitDropout(0.5).eval()(x), x)
    assert torch.equal(BitDropout(0)(x), x)
    assert torch.equal(BitDropout(1)(x), torch.zeros(3, 4))
    assert BitDropout(0.5)(torch.zeros(0, 4)).shape == (0, 4)

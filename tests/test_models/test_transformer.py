"""Attention in each precision, against loops."""

import pytest
import torch

from halp_mm.models.modules.transformer import SelfAttention, attend
from tests.helpers import generator


def heads_of(dtype, length=5):
    shape = (3, 2, 3, length, 4)  # query, key and value
    return torch.randn(shape, generator=generator(), dtype=torch.double).to(dtype).unbind()


def by_loops(query, key, value, is_seen):
    result = torch.zeros_like(query, dtype=torch.double)
    for clip in range(len(query)):
        for head in range(query.shape[1]):
            for i, one in enumerate(query[clip, head].double()):
                scores = key[clip, head].double() @ one / query.shape[-1] ** 0.5
                weights = scores.exp() * is_seen[clip]
                result[clip, head, i] = weights @ value[clip, head].double() / weights.sum()
    return result


@pytest.mark.parametrize('is_mixed', [False, True])
@pytest.mark.parametrize('needs_gradient', [False, True])
def test_attention_equals_loops(is_mixed, needs_gradient):
    dtype = torch.bfloat16 if is_mixed else torch.float32
    query, key, value = heads_of(dtype)
    is_seen = torch.ones(2, 5, dtype=torch.bool)
    is_seen[0, 3:] = False
    mixed = torch.autocast('cpu', torch.bfloat16, enabled=is_mixed)
    with mixed, torch.set_grad_enabled(needs_gradient):
        attended = attend(query, key, value, is_seen[:, None, None], 0.0)
    # Where there is a gradient, it is in float32 whatever the rest is in.
    is_half = is_mixed and not needs_gradient
    assert attended.dtype == (torch.bfloat16 if is_half else torch.float32)
    torch.testing.assert_close(
        attended.double(),
        by_loops(query, key, value, is_seen),
        rtol=0,
        atol=2e-2 if is_half else 1e-5,
    )


def test_a_layer_of_mixed_precision_has_a_gradient():
    layer = SelfAttention(8, 2)
    tokens = torch.randn(2, 5, 8, generator=generator(), requires_grad=True)
    found = {}
    for is_mixed in (False, True):
        with torch.autocast('cpu', torch.bfloat16, enabled=is_mixed):
            output = layer(tokens)
        assert output.dtype == (torch.bfloat16 if is_mixed else torch.float32)
        parameters = [tokens, *layer.parameters()]
        found[is_mixed] = torch.autograd.grad(output.float().square().sum(), parameters)
    for mixed, full in zip(found[True], found[False]):
        assert mixed.dtype == torch.float32
        assert (mixed - full).norm() < 0.03 * full.norm()

"""The effective rank of features, against SciPy's entropy of a singular value decomposition."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from halp_mm.evaluation import effective_rank
from tests.helpers import DTYPES, generator


def expected_rank(features: torch.Tensor) -> float:
    rows = features.double().numpy()
    rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    variance = np.linalg.svd(rows - rows.mean(0), compute_uv=False) ** 2
    return float(np.exp(entropy(variance)))


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('shape', [(50, 7), (7, 50), (12, 12), (5, 2)])
def test_it_is_the_exponential_of_the_entropy(shape, dtype):
    scale = torch.linspace(0.1, 2, shape[1], dtype=torch.float64)
    features = torch.randn(shape, generator=generator(0), dtype=torch.float64) * scale + 0.5
    features = features.to(dtype)
    assert effective_rank(features) == pytest.approx(expected_rank(features), rel=1e-6)


@pytest.mark.parametrize('count', [1, 2, 5])
def test_so_many_directions_of_equal_variance(count):
    directions = torch.eye(8)[:count]
    assert effective_rank(torch.cat([directions, -directions])) == pytest.approx(count)


def test_how_long_features_are_does_not_count():
    features = torch.randn(20, 6, generator=generator(1))
    lengths = torch.rand(20, 1, generator=generator(2)) + 0.1
    assert effective_rank(features * lengths) == pytest.approx(effective_rank(features), rel=1e-5)


@pytest.mark.parametrize('features', [torch.zeros(4, 3), torch.full((5, 7), 0.3), torch.ones(1, 4)])
def test_features_that_are_all_the_same(features):
    assert effective_rank(features) == 0

"""Batch norm of all ranks' clips is that of one process with all of them."""

import copy

import pytest
import torch
from torch import Tensor, nn

from halp_mm.models.modules import SynchronizedBatchNorm, synchronize_batch_norm
from tests.helpers import generator
from tests.ranks import connected, run_ranks

SHAPES = {1: (6, 4), 2: (6, 4, 5), 3: (6, 4, 3, 2)}
#: Options of batch norm.
CASES = {'plain': {}, 'cumulative': {'momentum': None}, 'no affine': {'affine': False}}


def norm_of(case: str) -> nn.Module:
    norm = nn.BatchNorm1d(4, dtype=torch.float64, **CASES[case])
    if norm.affine:
        nn.init.normal_(norm.weight, generator=generator(1))
        nn.init.normal_(norm.bias, generator=generator(2))
    return norm


def results_of(network: nn.Module, x: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Output and gradients of a weighted sum after two steps, and all buffers."""
    for _ in range(2):
        x = x.detach().requires_grad_()
        output = network(x)
        network.zero_grad()
        (output * weights).square().sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    return {'output': output.detach(), 'x': x.grad, **gradients, **dict(network.named_buffers())}


def inputs_of(dimensions: int) -> tuple[Tensor, Tensor]:
    """Far from zero, where E[x^2] - E[x]^2 would lose digits."""
    x, weights = torch.randn(
        2, *SHAPES[dimensions], generator=generator(dimensions), dtype=torch.float64
    )
    return 1000 + x, weights


def normalize_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        results = {}
        for case in CASES:
            for dimensions in SHAPES:
                network = nn.Sequential(norm_of(case))
                synchronize_batch_norm(network)
                x, weights = (t[rank::2] for t in inputs_of(dimensions))
                results[case, dimensions] = results_of(network, x, weights)
        torch.save(results, f'{folder}/rank{rank}.pth')


@pytest.fixture(scope='module')
def ranks(tmp_path_factory) -> list[dict]:
    return run_ranks(normalize_as_rank, tmp_path_factory.mktemp('ranks'))


@pytest.mark.parametrize('dimensions', SHAPES)
@pytest.mark.parametrize('case', CASES)
def test_ranks_normalize_as_one_process(case, dimensions, ranks):
    norm = norm_of(case)
    norm._check_input_dim = lambda x: None
    expected = results_of(nn.Sequential(norm), *inputs_of(dimensions))
    first, second = (rank[case, dimensions] for rank in ranks)
    assert first.keys() == expected.keys()
    for name, value in expected.items():
        if name in ('output', 'x'):
            actual = torch.stack([first[name], second[name]], 1).flatten(0, 1)
        elif name in ('0.weight', '0.bias'):
            actual = first[name] + second[name]
        else:
            assert torch.equal(first[name], second[name]), name
            actual = first[name]
        torch.testing.assert_close(actual, value, rtol=1e-9, atol=1e-9, msg=name)


def test_one_process_and_evaluation_are_unchanged():
    network = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.BatchNorm1d(4), nn.ReLU()))
    other = copy.deepcopy(network)
    weight = other[1][0].weight
    synchronize_batch_norm(other)
    assert isinstance(other[1][0], SynchronizedBatchNorm)
    assert other[1][0].weight is weight
    assert list(other.state_dict()) == list(network.state_dict())
    x = torch.randn(5, 3, generator=generator())
    for _ in range(2):
        assert torch.equal(network(x), other(x))
    network.eval(), other.eval()
    assert torch.equal(network(x), other(x))
    with pytest.raises(ValueError, match=r'\[3\]'):
        SynchronizedBatchNorm(3)(torch.ones(3))


def test_half_precision_keeps_its_type():
    norm = SynchronizedBatchNorm(4)
    assert norm(torch.randn(5, 4).bfloat16()).dtype == torch.bfloat16

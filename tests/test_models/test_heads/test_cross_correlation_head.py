"""Barlow Twins' loss, against the release of SkeletonBT and against a loop."""

import pytest
import torch

from halp_mm.models import CrossCorrelationHead, StreamOutputs
from halp_mm.models.heads.cross_correlation_head import cross_correlation, redundancy_loss
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, generator, reference


def embeddings(count: int = 6, dim: int = 4, dtype=torch.float64) -> list[torch.Tensor]:
    """Two views that resemble each other."""
    source = generator()
    first = torch.randn(count, dim, generator=source, dtype=dtype)
    noise = torch.randn(count, dim, generator=source, dtype=dtype)
    return [first.requires_grad_(), (3 * first.detach() + noise - 2).requires_grad_()]


def outputs_of(first: torch.Tensor, second: torch.Tensor, names=('query', 'other_query')):
    return StreamOutputs('joint', queries=dict(zip(names, (first, second))))


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 2e-6), (torch.float64, 1e-6)])
def test_equals_the_release(dtype, tolerance):
    """The release normalises by a BatchNorm1d without weights: eps 1e-5, biased variance."""
    vectors = reference('skeletonbt_loss_released')
    first, second = (vectors[f'projected_{x}'].to(dtype) for x in 'ab')
    correlation = cross_correlation(first, second)
    assert_relative(correlation, vectors['cross_correlation'], tolerance)
    head = CrossCorrelationHead(float(vectors['lambd']))
    results = head.loss({'joint': outputs_of(first, second)}, TrainingProgress())['joint']
    assert results['loss'].dtype == dtype
    assert_relative(results['loss'], vectors['loss'], tolerance)
    diagonal = vectors['cross_correlation'].diagonal().mean()
    assert_relative(results['correlation'], diagonal, 2 * tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('weight', [0.0, 5e-3, 2.0])
def test_equals_loops(weight, dtype):
    first, second = embeddings(dtype=dtype)
    head = CrossCorrelationHead(weight, view='a', other_view='b')
    outputs = outputs_of(first, second, 'ab')
    found = head.loss({'joint': outputs}, TrainingProgress())['joint']
    columns = []
    for view in (first, second):
        columns.append([])
        for column in view.detach().double().T.tolist():
            mean = sum(column) / 6
            deviation = (sum((x - mean) ** 2 for x in column) / 6 + 1e-5) ** 0.5
            columns[-1].append([(x - mean) / deviation for x in column])
    loss, diagonal = 0.0, 0.0
    for i, one in enumerate(columns[0]):
        for j, other in enumerate(columns[1]):
            correlation = sum(x * y for x, y in zip(one, other)) / 6
            loss += (1 - correlation) ** 2 if i == j else weight * correlation**2
            diagonal += correlation / 4 if i == j else 0
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert found['loss'].item() == pytest.approx(loss, rel=tolerance)
    assert found['correlation'].item() == pytest.approx(diagonal, rel=tolerance)
    assert set(found) == {'loss', 'correlation'}


@pytest.mark.parametrize('dtype', DTYPES)
def test_instance_term_equals_a_loop(dtype):
    first, second = embeddings(dtype=dtype)
    outputs = outputs_of(first, second)
    alone, both = (
        CrossCorrelationHead(0.1, instance_weight=weight).stream_loss(outputs, TrainingProgress())
        for weight in (0.0, 0.7)
    )
    distances = []
    for one, other in zip(first.tolist(), second.tolist()):
        product = sum(x * y for x, y in zip(one, other))
        lengths = [sum(x * x for x in vector) ** 0.5 for vector in (one, other)]
        distances.append(1 - product / (lengths[0] * lengths[1]))
    difference = (both['loss'] - alone['loss']).item()
    assert difference == pytest.approx(0.7 * sum(distances) / 6, rel=1e-4)


@pytest.mark.parametrize('instance_weight', [0.0, 0.5])
def test_gradcheck_through_both_views(instance_weight):
    head = CrossCorrelationHead(0.1, instance_weight)

    def loss(first, second):
        return head.stream_loss(outputs_of(first, second), TrainingProgress())['loss']

    first, second = embeddings()
    assert torch.autograd.gradcheck(loss, (first, second))
    loss(first, second).backward()
    assert first.grad.any()
    assert second.grad.any()


def test_identity_is_the_least():
    assert redundancy_loss(torch.eye(5), 0.1) == 0
    assert redundancy_loss(torch.eye(5) + 0.1, 0.1) > 0


def test_entries_that_do_not_vary_have_finite_gradients():
    first, second = (torch.ones(4, 3).requires_grad_() for _ in range(2))
    loss = CrossCorrelationHead().stream_loss(outputs_of(first, second), TrainingProgress())['loss']
    loss.backward()
    assert loss == 3
    assert first.grad.isfinite().all()


def test_settings():
    assert CrossCorrelationHead().reads.queries == {'query', 'other_query'}
    assert not CrossCorrelationHead().reads.keys
    with pytest.raises(ValueError, match="view and other_view are both 'query'; expected two"):
        CrossCorrelationHead(other_view='query')
    with pytest.raises(ValueError, match='off_diagonal_weight must be a finite number of at least'):
        CrossCorrelationHead(-1)
    with pytest.raises(ValueError, match='instance_weight must be a finite number of at least 0'):
        CrossCorrelationHead(instance_weight=-1)

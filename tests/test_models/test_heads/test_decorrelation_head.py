"""USDRL's losses, against the release and against loops."""

from types import SimpleNamespace

import pytest
import torch

from halp_mm.models import DSTE, DecorrelationHead, Pretrainer, StreamOutputs
from halp_mm.models.heads.cross_correlation_head import cross_correlation, redundancy_loss
from halp_mm.models.heads.decorrelation_head import similarity_loss, variance_covariance_loss
from halp_mm.models.modules import SynchronizedBatchNorm
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, generator, reference

VIEWS = ('first', 'second', 'third', 'fourth')
PROJECTOR = dict(type='Projector', hidden_dim=[6], out_dim=5, normalize=False, batch_norm=True)


def loss_of(head: DecorrelationHead, queries, features=()) -> torch.Tensor:
    outputs = StreamOutputs(
        'joint', queries=dict(zip(VIEWS, queries)), features=dict(zip(VIEWS, features))
    )
    return head.loss({'joint': outputs}, TrainingProgress())['joint']['loss']


def test_equals_the_release():
    arrays = reference('usdrl_losses_released')
    z = arrays['z'].double()
    similarity, correlation = arrays['similarity'], arrays['cross_correlation']
    assert_relative(similarity_loss(z), similarity, 1e-6)
    variances = torch.stack([variance_covariance_loss(one) for one in z])
    assert_relative(variances, arrays['variance_autocov'], 1e-6)
    pair = redundancy_loss(cross_correlation(z[0], z[1], 1e-12, correction=1), 5e-3)
    assert_relative(pair, arrays['pair_01'], 1e-6)
    found = loss_of(DecorrelationHead(), z)
    variance = arrays['variance_autocov'].sum()
    assert_relative(found, 5 * similarity + variance + 1e-3 * correlation, 1e-6)


def loops(z: list[list[list[float]]], weights: tuple[float, float, float]) -> float:
    """The terms of embeddings ``[views][N][D]``, number by number."""
    similarity_weight, correlation_weight, off_diagonal = weights
    views, count, dim = len(z), len(z[0]), len(z[0][0])
    similarity = variance = correlation = 0.0
    centred, deviations = [], []
    for one in z:
        means = [sum(row[d] for row in one) / count for d in range(dim)]
        centred.append([[row[d] - means[d] for d in range(dim)] for row in one])
        deviations.append(
            [(sum(row[d] ** 2 for row in centred[-1]) / (count - 1)) ** 0.5 for d in range(dim)]
        )
    for k in range(views - 1):
        for n in range(count):
            for d in range(dim):
                mean = sum(z[j][n][d] for j in range(views - 1)) / (views - 1)
                far = (z[k][n][d] - z[-1][n][d]) ** 2 + (z[k][n][d] - mean) ** 2
                similarity += far / count / dim
    for one, deviation in zip(centred, deviations):
        for d in range(dim):
            variance += 5 / dim * max(0, 1 - (deviation[d] ** 2 + 1e-4) ** 0.5)
            for e in range(dim):
                if d != e:
                    covariance = sum(row[d] * row[e] for row in one) / (count - 1)
                    variance += covariance**2 / dim
    for i in range(views):
        for j in range(i + 1, views):
            for d in range(dim):
                for e in range(dim):
                    product = sum(centred[i][n][d] * centred[j][n][e] for n in range(count))
                    c = product / deviations[i][d] / deviations[j][e] / count
                    correlation += (1 - c) ** 2 if d == e else off_diagonal * c**2
    return similarity_weight * similarity + variance + correlation_weight * correlation


@pytest.mark.parametrize('num_views', [2, 3])
def test_loss_equals_loops(num_views):
    z = torch.randn(num_views, 5, 3, generator=generator(), dtype=torch.float64)
    head = DecorrelationHead(
        VIEWS[:num_views], similarity_weight=2, correlation_weight=0.3, off_diagonal_weight=0.7
    )
    assert loss_of(head, z).item() == pytest.approx(loops(z.tolist(), (2, 0.3, 0.7)))
    assert head.reads.queries == set(VIEWS[:num_views])
    assert not head.reads.features
    assert not head.reads.keys


def test_parts_count_half():
    head = DecorrelationHead(part_projector=PROJECTOR)
    assert head.reads.features == set(VIEWS)
    encoder = SimpleNamespace(feature_parts={'temporal': 2, 'spatial': 3})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        head.connect({'joint': SimpleNamespace(encoder=encoder)})
    head = head.double()
    source = generator()
    queries = torch.randn(4, 6, 4, generator=source, dtype=torch.float64)
    features = torch.randn(4, 6, 5, generator=source, dtype=torch.float64).requires_grad_()
    found = loss_of(head, queries, features)
    expected = loops(queries.tolist(), (5, 1e-3, 5e-3))
    for part, where in (('temporal', slice(2)), ('spatial', slice(2, 5))):
        projector = head.part_projectors['joint'][part]
        embedded = [projector(of_view[:, where]).tolist() for of_view in features]
        expected += 0.5 * loops(embedded, (5, 1e-3, 5e-3))
    assert found.item() == pytest.approx(expected)
    found.backward()
    assert features.grad.flatten(0, 1).any(0).all()
    assert all(p.grad is not None for p in head.parameters())


def test_entries_that_do_not_vary_have_finite_gradients():
    z = [torch.ones(4, 3, requires_grad=True) for _ in VIEWS]
    loss_of(DecorrelationHead(), z).backward()
    assert all(one.grad.isfinite().all() for one in z)


def test_batch_norms_of_heads_are_synchronised():
    model = Pretrainer(
        encoder=dict(type='DSTE', num_frames=8, embed_dim=4, depth=1),
        projector=dict(type='Projector', out_dim=4, normalize=False),
        heads=dict(usdrl=dict(type='DecorrelationHead', part_projector=PROJECTOR)),
        batch_norm='synchronized',
    )
    norms = [m for m in model.heads.modules() if isinstance(m, torch.nn.BatchNorm1d)]
    assert not norms
    assert sum(isinstance(m, SynchronizedBatchNorm) for m in model.heads.modules()) == 2


def test_settings():
    with pytest.raises(ValueError, match=r"views=\['first'\]; expected two or more"):
        DecorrelationHead(['first'])
    with pytest.raises(ValueError, match='similarity_weight must be a finite number of at least 0'):
        DecorrelationHead(similarity_weight=-1)
    head = DecorrelationHead(part_projector=PROJECTOR)
    gru = SimpleNamespace(encoder=SimpleNamespace(feature_parts={}))
    with pytest.raises(ValueError, match='features of SimpleNamespace have no parts; set it to No'):
        head.connect({'joint': gru})
    assert list(DSTE(embed_dim=4, depth=1).feature_parts) == ['temporal', 'spatial']

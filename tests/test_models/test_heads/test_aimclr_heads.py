"""D3M and NNM, against the release's vectors and against loops written from the paper."""

import math

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models.heads import (
    D3MHead,
    NNMHead,
    StreamEmbeddings,
    distributional_divergence,
    nearest_neighbors,
)
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, reference, unit_vectors

VIEWS = ('query', 'extreme', 'extreme_drop')


def released(top_k: int, dtype: torch.dtype) -> tuple[StreamEmbeddings, dict]:
    vectors = reference(f'aimclr_losses_top{top_k}')
    unit = {
        name: F.normalize(vectors[f'{name}_raw'].to(dtype), dim=1)
        for name in ('query', 'query_extreme', 'query_extreme_drop', 'key')
    }
    queries = dict(zip(VIEWS, unit.values()))
    return StreamEmbeddings(queries, unit['key'], None, vectors['queue_KD'].to(dtype)), vectors


def random_embeddings(clips: int = 6, entries: int = 12, dim: int = 5, seed: int = 0):
    queries = {
        view: unit_vectors(clips, dim, seed=10 * seed + i).requires_grad_()
        for i, view in enumerate(VIEWS)
    }
    key = unit_vectors(clips, dim, seed=10 * seed + 3)
    return StreamEmbeddings(queries, key, None, unit_vectors(entries, dim, seed=10 * seed + 4))


def likelihoods_slowly(query, key, queue, temperature) -> list[float]:
    """Eq. (4) and (5) of one clip: the key's, then the queue's."""
    query = query.detach()
    terms = [math.exp(float(query @ key) / temperature)]
    terms += [math.exp(float(query @ entry) / temperature) for entry in queue]
    return [term / sum(terms) for term in terms]


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
@pytest.mark.parametrize('top_k', [1, 3])
def test_parity_with_the_release(top_k, dtype, tolerance):
    stream, vectors = released(top_k, dtype)
    temperature = float(vectors['temperature'])
    for view, name in (('extreme', 'd3m_extreme'), ('extreme_drop', 'd3m_extreme_drop')):
        head = D3MHead(followers=[view], temperature=temperature)
        loss = head.loss({'joint': stream}, TrainingProgress())['joint/loss_d3m']
        assert_relative(loss, vectors[name], tolerance)
    both = D3MHead(temperature=temperature).loss({'joint': stream}, TrainingProgress())
    mean = (vectors['d3m_extreme'].double() + vectors['d3m_extreme_drop'].double()) / 2
    assert_relative(both['joint/loss_d3m'], mean, tolerance)
    for reduction, name in (
        ('sum', 'nnm_paper_sum_over_positives'),
        ('mean', 'nnm_released_mean_over_positives'),
    ):
        head = NNMHead(top_k=top_k, reduction=reduction, temperature=temperature)
        results = head.loss({'joint': stream}, TrainingProgress())
        assert_relative(results['joint/loss_nnm'], vectors[name], tolerance)
        positives = vectors['positive_mask'].sum(1).mean()
        assert_relative(results['joint/num_positives'], positives, tolerance)
    mask = nearest_neighbors([stream.similarities(view) for view in VIEWS], top_k)
    assert torch.equal(mask, vectors['positive_mask'].bool())


def test_d3m_equals_loops():
    stream = random_embeddings()
    found = D3MHead(temperature=0.3).loss({'joint': stream}, TrainingProgress())
    expected = 0.0
    for i in range(6):
        likelihoods = {
            view: likelihoods_slowly(stream.queries[view][i], stream.key[i], stream.negatives, 0.3)
            for view in VIEWS
        }
        for view in VIEWS[1:]:
            for p, q in zip(likelihoods['query'], likelihoods[view]):
                expected -= p * math.log(q) / 2 / 6
    assert set(found) == {'joint/loss_d3m'}
    assert found['joint/loss_d3m'].item() == pytest.approx(expected)


@pytest.mark.parametrize('top_k', [1, 2, 12])
@pytest.mark.parametrize('reduction', ['sum', 'mean'])
@pytest.mark.parametrize('miners', [VIEWS, ('query',), ('extreme_drop',)])
def test_nnm_equals_loops(top_k, reduction, miners):
    stream = random_embeddings(seed=1)
    head = NNMHead(miners=miners, top_k=top_k, reduction=reduction, temperature=0.3)
    results = head.loss({'joint': stream}, TrainingProgress())
    total, sizes = 0.0, []
    for i in range(6):
        likelihoods = likelihoods_slowly(
            stream.queries['query'][i], stream.key[i], stream.negatives, 0.3
        )
        near = set()
        for view in miners:
            by_similarity = sorted(
                range(12),
                key=lambda j: -float(stream.queries[view][i].detach() @ stream.negatives[j]),
            )
            near |= set(by_similarity[:top_k])
        terms = [-math.log(likelihoods[0])] + [-math.log(likelihoods[1 + j]) for j in near]
        total += sum(terms) / (len(terms) if reduction == 'mean' else 1) / 6
        sizes.append(len(terms))
    assert results['joint/loss_nnm'].item() == pytest.approx(total)
    assert results['joint/num_positives'].item() == pytest.approx(sum(sizes) / 6)


def test_without_neighbours_nnm_would_be_infonce():
    stream = random_embeddings(entries=1)
    loss = NNMHead(reduction='sum').loss({'joint': stream}, TrainingProgress())['joint/loss_nnm']
    log_likelihood = (stream.similarities('query') / 0.07).log_softmax(1)
    torch.testing.assert_close(loss, -log_likelihood.sum(1).mean())


def test_gradients_go_where_they_should():
    stream = random_embeddings()
    D3MHead().loss({'joint': stream}, TrainingProgress())['joint/loss_d3m'].backward()
    assert stream.queries['query'].grad is None
    assert stream.queries['extreme'].grad.any()
    assert stream.queries['extreme_drop'].grad.any()
    stream = random_embeddings()
    NNMHead().loss({'joint': stream}, TrainingProgress())['joint/loss_nnm'].backward()
    assert stream.queries['query'].grad.any()
    assert stream.queries['extreme'].grad is None
    assert stream.queries['extreme_drop'].grad is None


def test_sharp_distributions_have_finite_losses_and_gradients():
    logits = (torch.eye(4) * 4000).requires_grad_()
    target = torch.eye(4).roll(1, 0) * 4000
    loss = distributional_divergence(target, logits)
    assert torch.log(logits.softmax(1)).isinf().any()  # what a softmax first would come to
    assert loss.item() == pytest.approx(4000)
    loss.backward()
    assert logits.grad.isfinite().all()


def test_divergence_is_least_where_distributions_are_equal():
    target = torch.randn(5, 9, dtype=torch.float64)
    entropy = torch.distributions.Categorical(logits=target).entropy().mean()
    torch.testing.assert_close(distributional_divergence(target, target), entropy)
    assert distributional_divergence(target, target + torch.randn(5, 9)) > entropy


@pytest.mark.parametrize('type_name', ['D3MHead', 'NNMHead'])
def test_weight_and_names_by_stream(type_name):
    streams = {s: random_embeddings(seed=i) for i, s in enumerate('ab')}
    head = MODELS.build(dict(type=type_name, weight=0.25, streams=['a', 'b']))
    whole = MODELS.build(dict(type=type_name, streams=['a', 'b'])).loss(streams, TrainingProgress())
    for name, value in head.loss(streams, TrainingProgress()).items():
        factor = 0.25 if 'loss' in name else 1
        torch.testing.assert_close(value, whole[name] * factor)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='D3MHead', followers=[]), 'at least one'),
        (dict(type='NNMHead', reduction='max'), "got 'max'"),
        (dict(type='NNMHead', top_k=0), 'nothing to mine'),
        (dict(type='NNMHead', miners=[]), 'nothing to mine'),
    ],
)
def test_wrong_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize('type_name', ['D3MHead', 'NNMHead'])
def test_views_that_the_model_lacks(type_name):
    with pytest.raises(ValueError, match=r"\['extreme_drop'\], but the model has the query views"):
        MODELS.build(dict(type=type_name)).check(['joint'], ['query', 'extreme'], 8)
    MODELS.build(dict(type=type_name)).check(['joint'], VIEWS, 8)


def test_more_neighbours_than_entries():
    with pytest.raises(ValueError, match='mines 9 neighbours in a queue of 8'):
        NNMHead(top_k=9).check(['joint'], VIEWS, 8)

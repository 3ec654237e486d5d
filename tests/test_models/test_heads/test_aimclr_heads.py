"""D3M and NNM, against the release's vectors and against loops written from the paper."""

import math

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models.heads import (
    D3MHead,
    NNMHead,
    StreamOutputs,
)
from halp_mm.models.heads.d3m_head import distributional_divergence
from halp_mm.models.heads.nnm_head import nearest_neighbors
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, reference, unit_vectors

VIEWS = ('query', 'extreme', 'extreme_drop')


def outputs_of_views(queries: dict, key: torch.Tensor, negatives: torch.Tensor) -> StreamOutputs:
    return StreamOutputs('joint', queries=queries, keys={'key': key}, negatives={'key': negatives})


def released(top_k: int, dtype: torch.dtype) -> tuple[StreamOutputs, dict]:
    vectors = reference(f'aimclr_losses_top{top_k}')
    unit = {
        name: F.normalize(vectors[f'{name}_raw'].to(dtype), dim=1)
        for name in ('query', 'query_extreme', 'query_extreme_drop', 'key')
    }
    queries = dict(zip(VIEWS, unit.values()))
    return outputs_of_views(queries, unit['key'], vectors['queue_KD'].to(dtype)), vectors


def random_embeddings(clips: int = 6, entries: int = 12, dim: int = 5, seed: int = 0):
    queries = {
        view: unit_vectors(clips, dim, seed=10 * seed + i).requires_grad_()
        for i, view in enumerate(VIEWS)
    }
    key = unit_vectors(clips, dim, seed=10 * seed + 3)
    return outputs_of_views(queries, key, unit_vectors(entries, dim, seed=10 * seed + 4))


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
        loss = head.loss({'joint': stream}, TrainingProgress())['joint']['loss']
        assert_relative(loss, vectors[name], tolerance)
    both = D3MHead(temperature=temperature).loss({'joint': stream}, TrainingProgress())
    mean = (vectors['d3m_extreme'].double() + vectors['d3m_extreme_drop'].double()) / 2
    assert_relative(both['joint']['loss'], mean, tolerance)
    for reduction, name in (
        ('sum', 'nnm_paper_sum_over_positives'),
        ('mean', 'nnm_released_mean_over_positives'),
    ):
        head = NNMHead(top_k=top_k, reduction=reduction, temperature=temperature)
        results = head.loss({'joint': stream}, TrainingProgress())
        assert_relative(results['joint']['loss'], vectors[name], tolerance)
        positives = vectors['positive_mask'].sum(1).mean()
        assert_relative(results['joint']['num_positives'], positives, tolerance)
    mask = nearest_neighbors([stream.similarities(view) for view in VIEWS], top_k)
    assert torch.equal(mask, vectors['positive_mask'].bool())


def test_d3m_equals_loops():
    stream = random_embeddings()
    found = D3MHead(temperature=0.3).loss({'joint': stream}, TrainingProgress())
    expected = 0.0
    for i in range(6):
        likelihoods = {
            view: likelihoods_slowly(
                stream.queries[view][i], stream.keys['key'][i], stream.negatives['key'], 0.3
            )
            for view in VIEWS
        }
        for view in VIEWS[1:]:
            for p, q in zip(likelihoods['query'], likelihoods[view]):
                expected -= p * math.log(q) / 2 / 6
    assert set(found['joint']) == {'loss'}
    assert found['joint']['loss'].item() == pytest.approx(expected)


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
            stream.queries['query'][i], stream.keys['key'][i], stream.negatives['key'], 0.3
        )
        near = set()
        for view in miners:
            by_similarity = sorted(
                range(12),
                key=lambda j: -float(stream.queries[view][i].detach() @ stream.negatives['key'][j]),
            )
            near |= set(by_similarity[:top_k])
        terms = [-math.log(likelihoods[0])] + [-math.log(likelihoods[1 + j]) for j in near]
        total += sum(terms) / (len(terms) if reduction == 'mean' else 1) / 6
        sizes.append(len(terms))
    assert results['joint']['loss'].item() == pytest.approx(total)
    assert results['joint']['num_positives'].item() == pytest.approx(sum(sizes) / 6)


def test_without_neighbours_nnm_would_be_infonce():
    stream = random_embeddings(entries=1)
    loss = NNMHead(reduction='sum').loss({'joint': stream}, TrainingProgress())['joint']['loss']
    log_likelihood = (stream.similarities('query') / 0.07).log_softmax(1)
    torch.testing.assert_close(loss, -log_likelihood.sum(1).mean())


def test_gradients_go_where_they_should():
    stream = random_embeddings()
    D3MHead().loss({'joint': stream}, TrainingProgress())['joint']['loss'].backward()
    assert stream.queries['query'].grad is None
    assert stream.queries['extreme'].grad.any()
    assert stream.queries['extreme_drop'].grad.any()
    stream = random_embeddings()
    NNMHead().loss({'joint': stream}, TrainingProgress())['joint']['loss'].backward()
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


@pytest.mark.parametrize('head', [D3MHead(), NNMHead()], ids=lambda head: type(head).__name__)
def test_streams_are_judged_each_for_itself(head):
    streams = {s: random_embeddings(seed=i) for i, s in enumerate('ab')}
    both = head.loss(streams, TrainingProgress())
    assert list(both) == ['a', 'b']
    for stream, outputs in streams.items():
        alone = head.loss({stream: outputs}, TrainingProgress())
        assert torch.equal(alone[stream]['loss'], both[stream]['loss'])


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (
            dict(type='D3MHead', followers=[]),
            'followers must be a list of different names, at least one, got',
        ),
        (dict(type='NNMHead', reduction='max'), "got 'max'"),
        (dict(type='NNMHead', top_k=0), 'top_k must be a whole number of at least 1, got 0'),
        (dict(type='NNMHead', miners=[]), 'miners must be a list of different names, at least one'),
    ],
)
def test_wrong_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


@pytest.mark.parametrize(
    'head', [D3MHead(), NNMHead(top_k=9)], ids=lambda head: type(head).__name__
)
def test_what_is_read(head):
    assert head.reads.queries == set(VIEWS)
    assert head.reads.keys == {'key'}
    assert head.reads.queues == {'key': getattr(head, 'top_k', 1)}

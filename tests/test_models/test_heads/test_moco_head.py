"""InfoNCE, against the release and against a loop."""

import math

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import FeatureQueue, MoCoHead, StreamOutputs
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, outputs_of, reference, unit_vectors


def embeddings(count: int, entries: int, dim: int, dtype: torch.dtype, seed: int = 0):
    queue = FeatureQueue(entries, dim).to(dtype)
    queue.enqueue(unit_vectors(entries, dim, seed=seed, dtype=dtype))
    query = unit_vectors(count, dim, seed=seed + 1, dtype=dtype).requires_grad_()
    key = unit_vectors(count, dim, seed=seed + 2, dtype=dtype)
    return outputs_of(query, key, queue=queue)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-6), (torch.float64, 1e-6)])
@pytest.mark.parametrize('stream', ['joint', 'motion', 'bone'])
def test_equals_the_release(stream, dtype, tolerance):
    vectors = reference('cmd_losses')
    query, key = (F.normalize(vectors[f'{stream}_{x}_raw'].to(dtype), dim=1) for x in 'qk')
    negatives = vectors[f'{stream}_queue_KD'].to(dtype)
    head = MoCoHead(float(vectors['temperature']))
    losses = head.loss({'joint': outputs_of(query, key, negatives)}, TrainingProgress())
    assert losses['joint']['loss'].dtype == dtype
    assert_relative(losses['joint']['loss'], vectors[f'infonce_{stream}'], tolerance)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-6), (torch.float64, 1e-6)])
def test_embeddings_that_are_not_normalized_equal_the_release(dtype, tolerance):
    """AS-CAL: logits, loss, and the queue afterwards, filled beyond its end."""
    vectors = reference('ascal_contrast_released')
    query, key = (vectors[name].to(dtype) for name in ('query', 'key'))
    queue = FeatureQueue(*vectors['queue_before_KD'].shape, unit_length=False).to(dtype)
    queue.entries.copy_(vectors['queue_before_KD'])
    queue.num_enqueued.fill_(vectors['queue_index_before'])
    outputs = outputs_of(query, key, queue=queue)
    temperature = float(vectors['temperature'])
    found = MoCoHead(temperature).stream_loss(outputs, TrainingProgress())['loss']
    assert_relative(outputs.similarities('query') / temperature, vectors['logits'], tolerance)
    assert_relative(found, vectors['loss'], tolerance)
    queue.enqueue(key)
    assert torch.equal(queue.entries.float(), vectors['queue_after_KD'])
    assert queue.num_enqueued % queue.size == vectors['queue_index_after']


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('count', [1, 6])
def test_equals_a_loop(count, dtype):
    stream = embeddings(count, 11, 4, dtype)
    results = MoCoHead(0.2).loss({'joint': stream}, TrainingProgress())
    total, correct = 0.0, 0
    query = stream.queries['query'].detach()
    for q, k in zip(query.double(), stream.keys['key'].double()):
        positive = float(q @ k)
        negatives = [float(q @ entry) for entry in stream.queues['key'].entries.double()]
        exponentials = [math.exp(s / 0.2) for s in [positive, *negatives]]
        total -= math.log(exponentials[0] / sum(exponentials))
        correct += positive > max(negatives)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert results['joint']['loss'].item() == pytest.approx(total / count, rel=tolerance)
    assert results['joint']['accuracy'].item() == pytest.approx(correct / count)
    assert set(results['joint']) == {'loss', 'accuracy'}


@pytest.mark.parametrize('share', [0, 3, 8])
def test_contrast_accuracy(share):
    stream = embeddings(8, 11, 16, torch.float64)
    key = stream.keys['key'].clone()
    key[:share] = stream.queries['query'].detach()[:share]  # nothing can be more similar
    key[share:] = -stream.queries['query'].detach()[share:]
    stream = outputs_of(stream.queries['query'], key, queue=stream.queues['key'])
    results = MoCoHead().loss({'joint': stream}, TrainingProgress())
    assert results['joint']['accuracy'].item() == pytest.approx(share / 8)


def test_order_and_gradient_of_similarities():
    query = unit_vectors(3, 4).requires_grad_()
    key, negatives = unit_vectors(3, 4, seed=1), unit_vectors(5, 4, seed=2)

    def similarities(query):
        return outputs_of(query, key, negatives).similarities('query')

    found = similarities(query)
    assert found.shape == (3, 6)
    for i in range(3):
        assert found[i, 0].item() == pytest.approx((query[i] @ key[i]).item())
        for j in range(5):
            assert found[i, 1 + j].item() == pytest.approx((query[i] @ negatives[j]).item())
    assert torch.autograd.gradcheck(similarities, query)


def test_similarities_are_computed_once():
    stream = embeddings(4, 9, 5, torch.float64)
    assert stream.similarities('query') is stream.similarities('query')


def test_streams_are_judged_each_for_itself():
    streams = {s: embeddings(4, 9, 5, torch.float64, seed=i) for i, s in enumerate('ab')}
    both = MoCoHead().loss(streams, TrainingProgress())
    assert list(both) == ['a', 'b']
    for stream in 'ab':
        alone = MoCoHead().loss({stream: streams[stream]}, TrainingProgress())
        assert torch.equal(alone[stream]['loss'], both[stream]['loss'])


def test_view_is_chosen_by_name():
    stream = embeddings(4, 9, 5, torch.float64)
    other = unit_vectors(4, 5, seed=7)
    stream = StreamOutputs(
        'joint',
        queries={**stream.queries, 'extreme': other},
        keys=stream.keys,
        negatives=stream.negatives,
    )
    loss = MODELS.build(dict(type='MoCoHead', view='extreme')).loss(
        {'joint': stream}, TrainingProgress()
    )['joint']['loss']
    key, negatives = stream.keys['key'], stream.negatives['key']
    logits = torch.cat([(other * key).sum(1, keepdim=True), other @ negatives.T], 1)
    logits = logits / 0.07
    torch.testing.assert_close(loss, -logits.log_softmax(1)[:, 0].mean())

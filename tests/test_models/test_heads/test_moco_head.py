"""InfoNCE, against the release and against a loop."""

import math

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import FeatureQueue, MoCoHead, StreamEmbeddings
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, reference, unit_vectors


def embeddings(count: int, entries: int, dim: int, dtype: torch.dtype, seed: int = 0):
    queue = FeatureQueue(entries, dim).to(dtype)
    queue.enqueue(unit_vectors(entries, dim, seed=seed, dtype=dtype))
    query = unit_vectors(count, dim, seed=seed + 1, dtype=dtype).requires_grad_()
    key = unit_vectors(count, dim, seed=seed + 2, dtype=dtype)
    return StreamEmbeddings({'query': query}, key, queue, queue.snapshot())


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-6), (torch.float64, 1e-6)])
@pytest.mark.parametrize('stream', ['joint', 'motion', 'bone'])
def test_equals_the_release(stream, dtype, tolerance):
    vectors = reference('cmd_losses')
    query, key = (F.normalize(vectors[f'{stream}_{x}_raw'].to(dtype), dim=1) for x in 'qk')
    negatives = vectors[f'{stream}_queue_KD'].to(dtype)
    head = MoCoHead(float(vectors['temperature']))
    stream_embeddings = StreamEmbeddings({'query': query}, key, None, negatives)
    losses = head.loss({'joint': stream_embeddings}, TrainingProgress())
    assert losses['joint/loss_moco'].dtype == dtype
    assert_relative(losses['joint/loss_moco'], vectors[f'infonce_{stream}'], tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('weight', [1.0, 0.25])
@pytest.mark.parametrize('count', [1, 6])
def test_equals_a_loop(count, weight, dtype):
    stream = embeddings(count, 11, 4, dtype)
    results = MoCoHead(0.2, weight=weight).loss({'joint': stream}, TrainingProgress())
    total, correct = 0.0, 0
    query = stream.queries['query'].detach()
    for q, k in zip(query.double(), stream.key.double()):
        positive = float(q @ k)
        negatives = [float(q @ entry) for entry in stream.queue.entries.double()]
        exponentials = [math.exp(s / 0.2) for s in [positive, *negatives]]
        total -= math.log(exponentials[0] / sum(exponentials))
        correct += positive > max(negatives)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert results['joint/loss_moco'].item() == pytest.approx(weight * total / count, rel=tolerance)
    assert results['joint/contrast_accuracy'].item() == pytest.approx(correct / count)
    assert set(results) == {'joint/loss_moco', 'joint/contrast_accuracy'}


@pytest.mark.parametrize('share', [0, 3, 8])
def test_contrast_accuracy(share):
    stream = embeddings(8, 11, 16, torch.float64)
    key = stream.key.clone()
    key[:share] = stream.queries['query'].detach()[:share]  # nothing can be more similar
    key[share:] = -stream.queries['query'].detach()[share:]
    stream = StreamEmbeddings(stream.queries, key, stream.queue, stream.negatives)
    results = MoCoHead().loss({'joint': stream}, TrainingProgress())
    assert results['joint/contrast_accuracy'].item() == pytest.approx(share / 8)


def test_order_and_gradient_of_similarities():
    query = unit_vectors(3, 4).requires_grad_()
    key, negatives = unit_vectors(3, 4, seed=1), unit_vectors(5, 4, seed=2)

    def similarities(query):
        return StreamEmbeddings({'query': query}, key, None, negatives).similarities('query')

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


def test_results_are_named_by_stream():
    streams = {s: embeddings(4, 9, 5, torch.float64, seed=i) for i, s in enumerate('ab')}
    both = MoCoHead(streams='ab').loss(streams, TrainingProgress())
    assert set(both) == {
        f'{stream}/{name}' for stream in 'ab' for name in ('loss_moco', 'contrast_accuracy')
    }
    for stream in 'ab':
        alone = MoCoHead(streams=[stream]).loss(streams, TrainingProgress())
        assert torch.equal(alone[f'{stream}/loss_moco'], both[f'{stream}/loss_moco'])


def test_view_is_chosen_by_name():
    stream = embeddings(4, 9, 5, torch.float64)
    other = unit_vectors(4, 5, seed=7)
    stream = StreamEmbeddings(
        {**stream.queries, 'extreme': other}, stream.key, stream.queue, stream.negatives
    )
    loss = MODELS.build(dict(type='MoCoHead', view='extreme')).loss(
        {'joint': stream}, TrainingProgress()
    )['joint/loss_moco']
    logits = torch.cat([(other * stream.key).sum(1, keepdim=True), other @ stream.negatives.T], 1)
    logits = logits / 0.07
    torch.testing.assert_close(loss, -logits.log_softmax(1)[:, 0].mean())

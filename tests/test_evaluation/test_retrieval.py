"""Retrieval, against loops and scikit-learn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import (
    KNNProtocol,
    RetrievalProtocol,
    extract_features,
    retrieval_metrics,
    retrieve,
)
from tests.helpers import DTYPES, generator, tiny_model

CLASSES = 6


def clips_of(count: int, seed: int, dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    """Features of different lengths, and labels."""
    source = generator(seed)
    features = torch.randn(count, 5, generator=source, dtype=torch.float64)
    features *= 3 * torch.rand(count, 1, generator=source, dtype=torch.float64)
    return features.to(dtype), torch.randint(CLASSES, (count,), generator=source)


def similarities(gallery: torch.Tensor, queries: torch.Tensor) -> list[list[float]]:
    return [[float(torch.cosine_similarity(q, g, dim=0)) for g in gallery] for q in queries]


def average_precision(similarity: list[float], is_hit: list[bool]) -> float:
    """By its definition, for similarities that all differ."""
    order = sorted(range(len(similarity)), key=lambda i: -similarity[i])
    hits, precisions = 0, []
    for place, i in enumerate(order, 1):
        if is_hit[i]:
            hits += 1
            precisions.append(hits / place)
    return sum(precisions) / len(precisions)


@pytest.mark.parametrize('dtype', DTYPES)
def test_figures_equal_loops_and_sklearn(dtype):
    (gallery, gallery_labels), (queries, labels) = clips_of(70, 0, dtype), clips_of(40, 1, dtype)
    _, precision = retrieve({'joint': gallery}, gallery_labels, {'joint': queries}, labels)
    recalled = {1: 0, 5: 0}
    rows = similarities(gallery.double(), queries.double())
    for row, label, found in zip(rows, labels.tolist(), precision.tolist()):
        is_hit = [other == label for other in gallery_labels.tolist()]
        assert found == pytest.approx(average_precision(row, is_hit))
        assert found == pytest.approx(average_precision_score(is_hit, row))
        order = sorted(range(len(row)), key=lambda i: -row[i])
        for k in recalled:
            recalled[k] += any(is_hit[i] for i in order[:k])
    metrics = retrieval_metrics({'joint': gallery}, gallery_labels, {'joint': queries}, labels)
    assert metrics == {
        'recall1': pytest.approx(100 * recalled[1] / 40),
        'recall5': pytest.approx(100 * recalled[5] / 40),
        'map': pytest.approx(100 * precision.mean().item()),
    }
    assert 0 < metrics['recall1'] < metrics['recall5'] <= 100


def test_equally_near_clips():
    """Sixteen features on a grid: many are exactly as near, as doubled clips are."""
    source = generator(3)
    gallery = torch.randint(-1, 2, (60, 3), generator=source).double() * 0.5
    queries = torch.eye(3, dtype=torch.float64)[torch.arange(30) % 3]
    gallery_labels, labels = torch.arange(60) % 4, torch.arange(30) % 4
    misses, precision = retrieve({'a': gallery}, gallery_labels, {'a': queries}, labels)
    # Exact cosines of equal directions, rounded alike: F.normalize makes them equal bit by bit.
    rows = (queries @ F.normalize(gallery, dim=1).T).numpy().round(12)
    ties = 0
    for row, label, missed, found in zip(rows, labels.tolist(), misses.tolist(), precision):
        is_hit = gallery_labels.numpy() == label
        nearest_hit = row[is_hit].max()
        assert missed == (row[~is_hit] >= nearest_hit).sum(), 'a tie is no hit'
        ties += bool((row[~is_hit] == nearest_hit).any())
        assert float(found) == pytest.approx(average_precision_score(is_hit, row))
    assert ties > 10


def test_class_that_the_gallery_lacks():
    gallery, _ = clips_of(20, 0)
    queries, _ = clips_of(4, 1)
    gallery_labels = torch.zeros(20, dtype=torch.int64)
    labels = torch.tensor([0, 1, 0, 1])
    misses, precision = retrieve({'a': gallery}, gallery_labels, {'a': queries}, labels)
    assert misses.tolist() == [0, 20, 0, 20]
    assert precision.tolist() == [1, 0, 1, 0]
    metrics = retrieval_metrics({'a': gallery}, gallery_labels, {'a': queries}, labels)
    assert metrics == {'recall1': 50, 'recall5': 50, 'map': 50}


def test_gallery_smaller_than_five():
    """A query of an absent class must not count as found within the first five."""
    gallery = {'a': torch.eye(3)}
    metrics = retrieval_metrics(
        gallery, torch.tensor([0, 0, 1]), {'a': torch.ones(2, 3)}, torch.tensor([1, 2])
    )
    assert metrics['recall5'] == 50


@pytest.mark.parametrize('max_similarities', [1, 70, 333, 10**6])
def test_chunks_do_not_matter(max_similarities):
    (gallery, gallery_labels), (queries, labels) = clips_of(70, 0), clips_of(40, 1)
    clips = ({'a': gallery}, gallery_labels, {'a': queries}, labels)
    for found, expected in zip(retrieve(*clips, max_similarities), retrieve(*clips)):
        torch.testing.assert_close(found, expected)


def test_streams_are_ranked_by_their_mean_cosine():
    (a, gallery_labels), (b, _) = clips_of(70, 0), clips_of(70, 2)
    (c, labels), (d, _) = clips_of(40, 1), clips_of(40, 3)
    gallery, queries = {'joint': a, 'bone': b}, {'joint': c, 'bone': d}
    _, precision = retrieve(gallery, gallery_labels, queries, labels)
    rows = (np.array(similarities(a, c)) + np.array(similarities(b, d))) / 2
    for row, label, found in zip(rows, labels.tolist(), precision.tolist()):
        assert found == pytest.approx(average_precision_score(gallery_labels == label, row))


@pytest.mark.parametrize('side', [0, 1])
def test_features_that_are_not_finite(side):
    features = [clips_of(20, 0), clips_of(10, 1)]
    features[side][0][3, 1] = float('nan')
    (gallery, gallery_labels), (queries, labels) = features
    with pytest.raises(ValueError, match=r'features of 1 of .* clips are NaN or infinite'):
        retrieve({'a': gallery}, gallery_labels, {'a': queries}, labels)


@pytest.mark.parametrize('streams', [['joint'], ['joint', 'bone']])
def test_protocol(random_clips, streams):
    model = tiny_model(streams=streams).train()
    train, test = (SkeletonDataset(random_clips, split) for split in ('train', 'test'))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    result = RetrievalProtocol().run(model, train, test)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    nearest = KNNProtocol().run(model, train, test)
    assert torch.equal(result.scores, nearest.scores)
    gallery, queries = extract_features(model, train), extract_features(model, test)
    expected = retrieval_metrics(gallery, train.labels, queries, test.labels)
    if len(streams) > 1:
        for stream in streams:
            alone = {stream: gallery[stream]}, train.labels, {stream: queries[stream]}, test.labels
            expected |= {f'{stream}/{k}': v for k, v in retrieval_metrics(*alone).items()}
    assert result.metrics == nearest.metrics | expected

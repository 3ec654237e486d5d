"""NMI of k-means clusters and t-SNE, against formulas by hand."""

import sys
from itertools import product
from math import log

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans

from halp_mm.evaluation import cluster_nmi, tsne_points
from tests.helpers import generator


def groups(count: int = 90, classes: int = 3, spread: float = 0.1, dim: int = 8):
    """Directions with noise, of random lengths, and their classes."""
    source = generator()
    labels = torch.arange(count) % classes
    directions = torch.eye(dim)[:classes]
    noise = spread * torch.randn(count, dim, generator=source)
    lengths = 0.1 + 5 * torch.rand(count, 1, generator=source)
    return (directions[labels] + noise) * lengths, labels


def nmi_by_hand(labels: list[int], clusters: list[int]) -> float:
    n, information = len(labels), 0.0
    for a, b in product(set(labels), set(clusters)):
        joint = sum(x == a and y == b for x, y in zip(labels, clusters)) / n
        if joint:
            information += joint * log(joint / (labels.count(a) / n * clusters.count(b) / n))
    entropies = [
        -sum(x.count(a) / n * log(x.count(a) / n) for a in set(x)) for x in (labels, clusters)
    ]
    return information / (sum(entropies) / 2)


@pytest.mark.parametrize('spread', [0.1, 0.4, 1.0])
def test_nmi_equals_the_formula_by_hand(spread):
    features, labels = groups(spread=spread)
    normalized = F.normalize(features, dim=1).numpy()
    clusters = KMeans(3, n_init=10, random_state=0).fit_predict(normalized)
    expected = nmi_by_hand(labels.tolist(), clusters.tolist())
    assert cluster_nmi(features, labels) == pytest.approx(expected)
    if spread == 0.1:
        assert cluster_nmi(features, labels) == pytest.approx(1)
    if spread == 1.0:
        assert 0 < expected < 0.5


def test_clusters_follow_the_seed():
    features, labels = groups(400, classes=8, spread=1.0)
    normalized = F.normalize(features, dim=1).numpy()
    found = [cluster_nmi(features, labels, seed) for seed in range(3)]
    for seed, value in enumerate(found):
        clusters = KMeans(8, n_init=10, random_state=seed).fit_predict(normalized)
        assert value == pytest.approx(nmi_by_hand(labels.tolist(), clusters.tolist()))
    assert len(set(found)) == 3


def test_lengths_of_features_do_not_matter():
    features, labels = groups(spread=0.4)
    assert cluster_nmi(features, labels) == cluster_nmi(F.normalize(features, dim=1), labels)
    assert cluster_nmi(3 * features, labels + 5) == cluster_nmi(features, labels)


def test_neighbours_stay_neighbours():
    features, labels = groups()
    points = tsne_points(features)
    assert points.shape == (90, 2)
    assert points.dtype == np.float32
    distances = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(1)] == labels).all()


def test_same_seed_same_points():
    # Of so many dimensions scikit-learn draws what it starts from; of fewer it computes all of it.
    features = torch.randn(20, 512, generator=generator())
    first = tsne_points(features, seed=1)
    assert np.array_equal(first, tsne_points(features, seed=1))
    assert not np.allclose(first, tsne_points(features, seed=2), atol=1)


@pytest.mark.parametrize('count', [4, 5, 31])
def test_few_features(count):
    assert np.isfinite(tsne_points(groups(count, 2)[0])).all()


def test_too_few_features():
    with pytest.raises(ValueError, match='there are 3 features; t-SNE needs at least 4'):
        tsne_points(groups(3)[0])


@pytest.mark.parametrize('function', [lambda f: cluster_nmi(f, torch.arange(90) % 3), tsne_points])
def test_features_of_no_use(function):
    features, _ = groups()
    with pytest.raises(ValueError, match=r'features of all 90 clips are the same.*collapsed'):
        function(features[:1].expand(90, -1))
    with pytest.raises(ValueError, match='features of all 90 clips are the same'):
        function(torch.zeros(90, 8))
    features[4, 2] = float('nan')
    features[7] = float('inf')
    with pytest.raises(ValueError, match='features of 2 of 90 clips are NaN or infinite'):
        function(features)


@pytest.mark.parametrize('function', [lambda f: cluster_nmi(f, torch.arange(90) % 3), tsne_points])
def test_missing_scikit_learn(monkeypatch, function):
    monkeypatch.setitem(sys.modules, 'sklearn', None)  # as if it were not installed
    with pytest.raises(ImportError, match='pip install scikit-learn'):
        function(groups()[0])

"""Accuracies and nearest neighbours, against scikit-learn and loops."""

from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from halp_mm.evaluation import confusion_matrix, knn_scores, top_k_accuracy
from halp_mm.evaluation.knn import whitening_of
from tests.helpers import DTYPES, generator


def features_of(count: int, dim: int, seed: int, dtype: torch.dtype) -> torch.Tensor:
    """Of different lengths, so that cosine and Euclidean neighbours differ."""
    source = generator(seed)
    values = torch.randn(count, dim, generator=source, dtype=torch.float64)
    return (values * torch.rand(count, 1, generator=source, dtype=torch.float64) * 3).to(dtype)


def labels_of(count: int, classes: int, seed: int) -> torch.Tensor:
    return torch.randint(classes, (count,), generator=generator(seed))


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('k', [1, 2, 5])
def test_top_k_equals_sklearn(k, dtype):
    scores = torch.randn(200, 7, generator=generator(), dtype=dtype)
    labels = labels_of(200, 7, 1)
    expected = top_k_accuracy_score(labels.numpy(), scores.numpy(), k=k, labels=range(7))
    assert top_k_accuracy(scores, labels, k) == pytest.approx(100 * expected)


def test_top_k_of_few_classes_and_one_clip():
    scores = torch.tensor([[0.1, 0.7, 0.2]])
    assert top_k_accuracy(scores, torch.tensor([2]), 5) == 100
    assert top_k_accuracy(scores, torch.tensor([2]), 1) == 0
    assert top_k_accuracy(scores, torch.tensor([2]), 2) == 100


def test_confusion_matrix():
    """A class is never seen, another never answered."""
    scores = torch.randn(200, 7, generator=generator())
    scores[:, 2] = -9
    labels = labels_of(200, 6, 1)
    found = confusion_matrix(scores, labels)
    predicted = scores.argmax(1).numpy()
    expected = sklearn_confusion_matrix(labels.numpy(), predicted, labels=range(7))
    np.testing.assert_array_equal(found.numpy(), expected)
    assert not found[6].any()
    assert not found[:, 2].any()
    top1 = 100 * found.diagonal().sum().item() / 200
    assert top1 == pytest.approx(top_k_accuracy(scores, labels, 1))


def test_equal_scores_are_judged_alike_by_accuracy_and_confusion():
    scores, labels = torch.zeros(50, 4), labels_of(50, 4, 1)
    right = confusion_matrix(scores, labels).diagonal().sum().item()
    assert top_k_accuracy(scores, labels, 1) == pytest.approx(100 * right / 50)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('k', [2, 40, 149, 150])
def test_any_number_of_neighbours_in_chunks_equals_sklearn(k, dtype):
    train, test = features_of(150, 6, 0, dtype), features_of(90, 6, 1, dtype)
    labels = labels_of(150, 4, 2)
    classifier = KNeighborsClassifier(k, metric='cosine').fit(train.numpy(), labels.numpy())
    votes = np.rint(k * classifier.predict_proba(test.numpy()))
    scores = knn_scores(train, labels, test, 4, k, chunk_size=32)
    np.testing.assert_array_equal(np.floor(scores.numpy()), votes)
    # Between classes of as many votes, the one with the nearer clip comes first.
    similarity = torch.cosine_similarity(test.double()[:, None], train.double()[None], dim=2)
    nearest = torch.stack([similarity[:, labels == c].amax(1) for c in range(4)], 1).numpy()
    for row, vote, near in zip(scores, votes, nearest):
        expected = sorted(range(4), key=lambda c: (-vote[c], -near[c]))
        assert row.argsort(descending=True).tolist() == expected


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('side', [0, 1])
def test_features_that_are_not_finite_are_refused(side, value):
    features = [features_of(30, 5, 0, torch.float64), features_of(20, 5, 1, torch.float64)]
    features[side][[2, 7], 3] = value
    with pytest.raises(
        ValueError, match=r'features of 2 of .* clips are NaN or infinite; expected'
    ):
        knn_scores(features[0], labels_of(30, 3, 2), features[1], 3)


@pytest.mark.parametrize('dtype', DTYPES)
def test_nearest_neighbour_equals_sklearn(dtype):
    train, test = features_of(150, 6, 0, dtype), features_of(90, 6, 1, dtype)
    labels = labels_of(150, 8, 2)
    classifier = KNeighborsClassifier(1, metric='cosine').fit(train.numpy(), labels.numpy())
    scores = knn_scores(train, labels, test, 8)
    assert scores.shape == (90, 8)
    assert scores.argmax(1).tolist() == classifier.predict(test.numpy()).tolist()


@pytest.mark.parametrize('dtype', DTYPES)
def test_votes_equal_sklearn_and_ties_go_to_the_nearer(dtype):
    train, test = features_of(150, 6, 0, dtype), features_of(90, 6, 1, dtype)
    labels = labels_of(150, 4, 2)
    classifier = KNeighborsClassifier(5, metric='cosine').fit(train.numpy(), labels.numpy())
    probabilities = classifier.predict_proba(test.numpy())
    scores = knn_scores(train, labels, test, 4, k=5).numpy()
    np.testing.assert_array_equal(np.floor(scores), np.rint(5 * probabilities))
    order = classifier.kneighbors(test.numpy())[1]
    ties = 0
    for row, neighbours, votes in zip(scores, order, np.rint(5 * probabilities)):
        best = np.flatnonzero(votes == votes.max())
        ties += len(best) > 1
        first = next(n for n in neighbours if labels[n] in best)
        assert row.argmax() == labels[first]
    assert ties > 5


def test_further_places_go_to_classes_with_nearer_clips():
    train, test = features_of(60, 5, 0, torch.float64), features_of(40, 5, 1, torch.float64)
    labels = labels_of(60, 9, 2)
    for k in (1, 3):
        scores = knn_scores(train, labels, test, 9, k=k)
        for row, feature in zip(scores, test):
            similarity = torch.cosine_similarity(train, feature[None])
            order = similarity.argsort(descending=True).tolist()
            votes = Counter(int(labels[i]) for i in order[:k])
            classes = list(dict.fromkeys(int(labels[i]) for i in order))  # by the nearest clip
            classes.sort(key=lambda c: -votes[c])
            assert row.argsort(descending=True).tolist() == classes


def test_class_without_training_clips_comes_last():
    train, test = features_of(30, 5, 0, torch.float64), features_of(20, 5, 1, torch.float64)
    scores = knn_scores(train, labels_of(30, 3, 2), test, 4)
    assert (scores.argmin(1) == 3).all()


@pytest.mark.parametrize('chunk_size', [1, 7, 40, 1000])
def test_chunks_do_not_matter(chunk_size):
    train, test = features_of(60, 5, 0, torch.float64), features_of(40, 5, 1, torch.float64)
    labels = labels_of(60, 9, 2)
    expected = knn_scores(train, labels, test, 9, k=4)
    scores = knn_scores(train, labels, test, 9, k=4, chunk_size=chunk_size)
    torch.testing.assert_close(scores, expected)


@pytest.mark.parametrize('k', [0, 31, -1])
def test_impossible_numbers_of_neighbours(k):
    train = features_of(30, 5, 0, torch.float64)
    with pytest.raises(ValueError, match=f'k={k} neighbours cannot be found among 30 clips'):
        knn_scores(train, labels_of(30, 3, 1), train, 3, k=k)


def test_one_training_clip():
    train, test = features_of(1, 5, 0, torch.float64), features_of(6, 5, 1, torch.float64)
    scores = knn_scores(train, torch.tensor([1]), test, 3)
    assert scores.argmax(1).tolist() == [1] * 6


@pytest.mark.parametrize('added', [1e-9, 0.5])
def test_whitened_features_have_the_covariance_that_is_said(added):
    features = torch.randn(300, 6, generator=generator(), dtype=torch.float64) @ torch.diag(
        torch.tensor([9.0, 5, 3, 1, 0.5, 0.1], dtype=torch.float64)
    )
    features = features @ torch.linalg.qr(torch.randn(6, 6, generator=generator(1)).double())[0] + 7
    mean, matrix = whitening_of(features, added)
    white = ((features - mean) @ matrix).numpy()
    variances, directions = np.linalg.eigh(np.cov(features.numpy().T, bias=True))
    kept = variances / (variances + added * variances.mean())
    expected = directions @ np.diag(kept) @ directions.T
    np.testing.assert_allclose(np.cov(white.T, bias=True), expected, atol=1e-9)


def test_whitening_of_features_that_do_not_vary():
    mean, matrix = whitening_of(torch.ones(4, 3), 0.1)
    assert matrix.isfinite().all()
    assert not ((torch.ones(4, 3) - mean) @ matrix).any()

"""The protocol `coordinates`: against NumPy, clip by clip, and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import top_k_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from halp_mm.datasets import ClipWriter, SkeletonDataset
from halp_mm.evaluation import (
    CoordinatesProtocol,
    extract_features,
    flat_coordinates,
    logistic_regression_scores,
)
from halp_mm.registry import MODELS
from tests.helpers import generator, tiny_model

CLASSES = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
NUM_FRAMES = 6
FIXED_VIEW = [dict(type='CenterCropResize', ratio=1.0, num_frames=NUM_FRAMES)]


def preprocessor_with(view, **kwargs):
    return MODELS.build(dict(type='SkeletonPreprocessor', evaluation_view=view, **kwargs))


class OnlyAPreprocessor:
    """What is left of a model without its networks."""

    def __init__(self, preprocessor):
        self.data_preprocessor = preprocessor


@pytest.fixture
def poses(tmp_path):
    """Poses in an image with a score, of seven classes, that are told apart now and then."""
    rng = np.random.default_rng(0)
    means = rng.normal(size=(7, 17, 3))
    clips = {}
    with ClipWriter(tmp_path / 'poses.safetensors', 'coco17', CLASSES, 'poses') as writer:
        for i in range(110):
            clip = means[i % 7] + 8 * rng.normal(size=(1 + i % 2, 5 + i % 9, 17, 3))
            clip = clip.astype(np.float32)
            split = 'train' if i < 70 else 'test'
            clips.setdefault(split, []).append((clip, i % 7))
            writer.add(f'clip{i:03d}', clip, label=i % 7, splits=[split])
    return tmp_path / 'poses.safetensors', clips


def rows_slowly(clips, num_frames=NUM_FRAMES):
    """Each clip resized by NumPy, coordinate by coordinate, without its score."""
    rows = []
    for clip, _ in clips:
        length = clip.shape[1]
        places = (np.arange(num_frames) + 0.5) * length / num_frames - 0.5
        row = np.zeros((2, num_frames, 17, 2))
        for m, v, c in np.ndindex(len(clip), 17, 2):
            row[m, :, v, c] = np.interp(places, np.arange(length), clip[m, :, v, c])
        rows.append(row.ravel())
    return np.array(rows)


@pytest.mark.parametrize('penalty', [1.0, 100.0])
def test_logistic_regression_equals_sklearn(penalty):
    train = 5 + 3 * torch.randn(60, 20, generator=generator(0), dtype=torch.float64)
    train[:, 3] *= 1000  # another unit
    train[:, 4] = 7.0  # constant
    test = 5 + 3 * torch.randn(30, 20, generator=generator(1), dtype=torch.float64)
    labels = torch.randint(0, 4, (60,), generator=generator(2))
    scaler = StandardScaler().fit(train)
    classifier = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10000)
    classifier.fit(scaler.transform(train), labels)
    expected = classifier.predict_proba(scaler.transform(test))
    scores = logistic_regression_scores(train, labels, test, 4, penalty)
    np.testing.assert_allclose(scores, expected, atol=3e-4)
    assert not scores.requires_grad
    single = logistic_regression_scores(train.float(), labels, test.float(), 4, penalty)
    np.testing.assert_allclose(single, expected, atol=1e-3)


def test_a_class_without_training_clips_is_least_likely():
    train = torch.randn(40, 5, generator=generator())
    scores = logistic_regression_scores(train, torch.arange(40) % 3, train, 4)
    assert torch.isfinite(scores).all()
    assert (scores.argmin(1) == 3).all()


@pytest.mark.parametrize('penalty', [1.0, 100.0])
@pytest.mark.parametrize('k', [1, 3])
def test_figures_equal_numpy_and_sklearn(poses, k, penalty):
    path, clips = poses
    train, test = (rows_slowly(clips[split]) for split in ('train', 'test'))
    labels, test_labels = (
        np.array([label for _, label in clips[split]]) for split in ('train', 'test')
    )
    datasets = SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')
    protocol = CoordinatesProtocol(k=k, penalty=penalty, encoding_batch_size=32)
    result = protocol.run(OnlyAPreprocessor(preprocessor_with(FIXED_VIEW)), *datasets)
    knn = KNeighborsClassifier(k, metric='cosine').fit(train, labels)
    np.testing.assert_array_equal(
        result.scores.floor().numpy(), np.rint(k * knn.predict_proba(test))
    )
    scaler = StandardScaler().fit(train)
    logistic = LogisticRegression(C=1 / penalty, tol=1e-8, max_iter=10000)
    probabilities = logistic.fit(scaler.transform(train), labels).predict_proba(
        scaler.transform(test)
    )
    for number in (1, 5):
        expected = 100 * top_k_accuracy_score(test_labels, probabilities, k=number)
        assert 10 < expected < 100, 'told apart now and then'
        assert result.metrics[f'logistic/top{number}'] == pytest.approx(expected)
        assert result.metrics[f'knn/top{number}'] == result.metrics[f'top{number}']
    np.testing.assert_array_equal(
        result.hits['logistic/top1'].numpy(),
        logistic.classes_[probabilities.argmax(1)] == test_labels,
    )
    assert result.hits['knn/top1'].equal(result.hits['top1'])
    assert list(result.metrics) == [
        *('top1', 'top5', 'knn/top1', 'knn/top5', 'logistic/top1', 'logistic/top5'),
        *('num_train', 'num_test'),
    ]
    assert result.protocol == 'CoordinatesProtocol'


@pytest.mark.parametrize('batch_size', [3, 256])
def test_rows_equal_numpy_whatever_the_streams(poses, batch_size):
    path, clips = poses
    preprocessor = preprocessor_with(FIXED_VIEW, streams=['bone'])
    rows = flat_coordinates(preprocessor, SkeletonDataset(path, 'test'), batch_size)
    assert rows.dtype == torch.float32
    np.testing.assert_allclose(rows, rows_slowly(clips['test']), atol=1e-4)


def test_rows_are_what_the_encoder_is_shown(random_clips):
    """An encoder that passes its input on gives the same features, normalised before or not."""
    model = tiny_model().eval()
    preprocessor = model.data_preprocessor
    model.forward = lambda views, **others: {'joint': views['clip']['joint'].flatten(1)}
    dataset = SkeletonDataset(random_clips, 'train')
    expected = extract_features(model, dataset)['joint']
    assert torch.equal(flat_coordinates(preprocessor, dataset), expected)
    dataset.normalize_once(preprocessor.normalization)
    assert torch.equal(flat_coordinates(preprocessor, dataset), expected)


def test_clips_of_different_lengths_need_a_number_of_frames(poses):
    path, clips = poses
    dataset = SkeletonDataset(path, 'test')
    preprocessor = preprocessor_with([])
    with pytest.raises(ValueError, match=r'clips of 5 and of 13 frames; .*num_frames=64'):
        flat_coordinates(preprocessor, dataset)
    rows = flat_coordinates(preprocessor, dataset, num_frames=9)
    np.testing.assert_allclose(rows, rows_slowly(clips['test'], 9), atol=1e-4)

"""Few-shot evaluation: which clips are drawn, and what is made of the draws."""

import statistics

import pytest
import torch

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import (
    CoordinatesProtocol,
    FewShotProtocol,
    draw_shots,
    extract_features,
    flat_coordinates,
    knn_scores,
    logistic_regression_scores,
    top_k_accuracy,
)
from halp_mm.evaluation.label_draws import seed_of_draw
from halp_mm.transforms import build_transform
from tests.helpers import generator
from tests.test_evaluation.test_finetune import model_with, write_poses
from tests.test_evaluation.test_semi import labels_of


@pytest.fixture
def poses(tmp_path):
    path = write_poses(tmp_path / 'poses.safetensors', train=30)
    return SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')


@pytest.mark.parametrize('shots', [1, 5, 20])
def test_every_class_gives_as_many_clips(shots):
    counts = (200, 7, 0, 3, 1)
    labels = labels_of(*counts)
    drawn = draw_shots(labels, shots, generator()).tolist()
    assert drawn == sorted(set(drawn))
    for label, count in enumerate(counts):
        assert sum(int(labels[i]) == label for i in drawn) == min(shots, count)


def test_fewer_shots_are_within_more_and_draws_differ():
    labels = labels_of(40, 60, 5)
    few, many = (set(draw_shots(labels, shots, generator(1)).tolist()) for shots in (2, 8))
    assert few < many
    assert few != set(draw_shots(labels, 2, generator(2)).tolist())


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(shots=[]), 'shots must be at least one number of clips'),
        (dict(shots=[1, 0]), 'shots must be a whole number of at least 1, got 0'),
        (dict(shots=[5, 5]), 'shots must be different numbers'),
        (dict(draws=0), 'draws must be a whole number of at least 1, got 0'),
        (dict(penalty=-1), 'penalty'),
        (dict(num_views=0), 'num_views must be a whole number of at least 1, got 0'),
        (dict(train_view=[dict(type='CenterCropResize')]), 'train_view has no random draws'),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(ValueError, match=message):
        FewShotProtocol(**settings)


def drawn_of(dataset, shots, draws, seed):
    """The labelled clips of each draw."""
    for draw in range(draws):
        source = torch.Generator().manual_seed(seed_of_draw(seed, draw))
        yield draw_shots(dataset.labels, shots, source)


@pytest.mark.parametrize('streams', [['joint'], ['joint', 'motion']])
def test_metrics_are_means_over_draws(poses, streams):
    train, test = poses
    model = model_with(streams=streams)
    result = FewShotProtocol(shots=[2, 1], draws=3, penalty=10.0, seed=5).run(model, train, test)
    known, asked = extract_features(model, train), extract_features(model, test)
    num_classes = len(train.metainfo['classes'])
    for shots in (2, 1):
        found, of_stream, hits, nearest = [], [], [], []
        for labelled in drawn_of(train, shots, 3, 5):
            scores = [
                logistic_regression_scores(
                    known[stream][labelled], train.labels[labelled], asked[stream], num_classes, 10
                )
                for stream in streams
            ]
            found.append(top_k_accuracy(sum(scores), test.labels, 1))
            hits.append(sum(scores).argmax(1) == test.labels)
            of_stream.append(top_k_accuracy(scores[-1], test.labels, 1))
            answers = sum(
                knn_scores(known[stream][labelled], train.labels[labelled], features, num_classes)
                for stream, features in asked.items()
            )
            nearest.append(top_k_accuracy(answers, test.labels, 1))
        assert result.metrics[f'{shots}_shot/top1'] == pytest.approx(statistics.fmean(found))
        assert result.metrics[f'{shots}_shot/top1_std'] == pytest.approx(statistics.stdev(found))
        assert result.metrics[f'{shots}_shot/knn/top1'] == pytest.approx(statistics.fmean(nearest))
        near_hits = result.hits[f'{shots}_shot/knn/top1']
        assert 100 * near_hits.mean().item() == pytest.approx(statistics.fmean(nearest), abs=1e-4)
        assert result.metrics[f'{shots}_shot/num_train'] == shots * num_classes
        mean_hits = sum(one.float() for one in hits) / 3
        torch.testing.assert_close(result.hits[f'{shots}_shot/top1'], mean_hits)
        if len(streams) > 1:
            mean = pytest.approx(statistics.fmean(of_stream))
            assert result.metrics[f'{shots}_shot/motion/top1'] == mean
    assert result.metrics['top1'] == result.metrics['2_shot/top1']
    assert result.model is None
    assert result.hits['top1'].equal(result.hits['2_shot/top1'])
    assert result.metrics['num_train'] == sum(result.num_train) == 2 * num_classes


def test_views_of_a_labelled_clip_have_its_label(poses):
    train, test = poses
    model = model_with()
    view = [dict(type='TemporalCropResize', ratio=(0.5, 1.0), min_frames=2, num_frames=8)]
    settings = dict(shots=1, draws=2, penalty=10.0, seed=5)
    result = FewShotProtocol(train_view=view, num_views=3, **settings).run(model, train, test)
    crops = [
        extract_features(model, train, view=build_transform(view), seed=(5, i)) for i in (0, 1, 2)
    ]
    shown = [one['joint'] for one in (extract_features(model, train), *crops)]
    asked, num_classes = extract_features(model, test)['joint'], len(train.metainfo['classes'])
    found, nearest = [], []
    for labelled in drawn_of(train, 1, 2, 5):
        features = torch.cat([one[labelled] for one in shown])
        given = features, train.labels[labelled].repeat(4), asked, num_classes
        scores = logistic_regression_scores(*given, 40.0)
        found.append(top_k_accuracy(scores, test.labels, 1))
        nearest.append(top_k_accuracy(knn_scores(*given), test.labels, 1))
    torch.testing.assert_close(result.scores, scores)
    assert result.metrics['1_shot/top1'] == pytest.approx(statistics.fmean(found))
    assert result.metrics['1_shot/knn/top1'] == pytest.approx(statistics.fmean(nearest))
    plain = FewShotProtocol(**settings).run(model, train, test)
    assert not torch.allclose(plain.scores, result.scores)


def test_coordinates_of_the_same_draws(poses):
    train, test = poses
    model = model_with()
    result = CoordinatesProtocol(shots=1, draws=2, seed=5).run(model, train, test)
    known, asked = (flat_coordinates(model.data_preprocessor, part) for part in poses)
    num_classes = len(train.metainfo['classes'])
    answers = {'knn': knn_scores, 'logistic': lambda *args: logistic_regression_scores(*args, 100)}
    for name, answer in answers.items():
        found = [
            top_k_accuracy(
                answer(known[part], train.labels[part], asked, num_classes), test.labels, 1
            )
            for part in drawn_of(train, 1, 2, 5)
        ]
        assert result.metrics[f'1_shot/{name}/top1'] == pytest.approx(statistics.fmean(found))
        hits = result.hits[f'1_shot/{name}/top1']
        assert 100 * hits.mean().item() == pytest.approx(statistics.fmean(found), abs=1e-4)
    assert result.metrics['top1'] == result.metrics['1_shot/knn/top1']
    assert result.metrics['num_train'] == num_classes


def test_all_clips_of_a_class_are_all_that_coordinates_see(poses):
    train, test = poses
    model = model_with()
    plain = CoordinatesProtocol().run(model, train, test).metrics
    all_of_them = CoordinatesProtocol(shots=len(train), draws=1).run(model, train, test).metrics
    for name in ('knn/top1', 'logistic/top1', 'logistic/top5'):
        assert all_of_them[f'{len(train)}_shot/{name}'] == pytest.approx(plain[name])

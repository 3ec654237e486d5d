"""Fine-tuning with few labels: which ones are drawn, and what is made of the draws."""

import statistics

import pytest
import torch

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import (
    FinetuneProtocol,
    SemiProtocol,
    draw_labelled,
    extract_features,
    top_k_accuracy,
)
from tests.helpers import generator
from tests.test_evaluation.test_finetune import model_with, write_poses


@pytest.fixture
def poses(tmp_path):
    path = write_poses(tmp_path / 'poses.safetensors', train=30)
    return SkeletonDataset(path, 'train'), SkeletonDataset(path, 'test')


def labels_of(*counts: int) -> torch.Tensor:
    """So many clips of each class, in a random order."""
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return labels[torch.randperm(len(labels), generator=generator(9))]


@pytest.mark.parametrize('fraction', [0.01, 0.1, 0.3, 0.5, 1.0, 1])
def test_every_class_gets_its_share(fraction):
    counts = (200, 57, 0, 10, 3, 1)
    labels = labels_of(*counts)
    drawn = draw_labelled(labels, fraction, generator()).tolist()
    assert drawn == sorted(set(drawn))
    for label, count in enumerate(counts):
        found = sum(int(labels[i]) == label for i in drawn)
        assert found == (max(1, round(fraction * count)) if count else 0)


def test_exact_halves_are_rounded_as_python_does():
    """0.1 of 25 is 2.5, of 35 is 3.5: also where single precision would say otherwise."""
    labels = labels_of(25, 35, 45)
    drawn = labels[draw_labelled(labels, 0.1, generator())].bincount().tolist()
    assert drawn == [round(0.1 * count) for count in (25, 35, 45)]


def test_draws_differ_and_seeds_repeat_them():
    labels = labels_of(40, 60)
    source = generator(1)
    first, second = (draw_labelled(labels, 0.1, source) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, draw_labelled(labels, 0.1, generator(1)))


def test_smaller_fractions_are_within_larger_ones():
    labels = labels_of(40, 60, 5)
    small, large = (set(draw_labelled(labels, f, generator(1)).tolist()) for f in (0.1, 0.4))
    assert small < large


def test_every_clip_is_drawn_as_often():
    labels = labels_of(4, 8)
    source, times = generator(), torch.zeros(12)
    for _ in range(2000):
        times[draw_labelled(labels, 0.25, source)] += 1
    torch.testing.assert_close(times / 2000, torch.full((12,), 0.25), rtol=0, atol=0.05)


@pytest.mark.parametrize('fraction', [0, -0.1, 1.01, float('nan')])
def test_fractions_out_of_range(fraction):
    message = rf'label_fraction must be a number within \(0, 1\], got {fraction}'
    with pytest.raises(ValueError, match=message):
        draw_labelled(labels_of(3), fraction, generator())
    with pytest.raises(ValueError, match=message):
        SemiProtocol(label_fraction=[0.1, fraction])


def test_no_fraction_and_no_draw():
    with pytest.raises(ValueError, match='label_fraction must be at least one number'):
        SemiProtocol(label_fraction=[])
    with pytest.raises(ValueError, match='draws must be a whole number of at least 1, got 0'):
        SemiProtocol(draws=0)


@pytest.mark.parametrize('streams', [['joint'], ['joint', 'motion']])
def test_metrics_are_means_over_draws(poses, streams):
    train, test = poses
    model = model_with(streams=streams)
    settings = dict(epochs=2, batch_size=4, learning_rate=0.1)
    protocol = SemiProtocol(label_fraction=[0.2, 0.01], draws=3, seed=5, **settings)
    result = protocol.run(model, train, test)
    plain = FinetuneProtocol(**settings)
    for fraction, count in ((0.2, 6), (0.01, 3)):
        accuracies, drawn = [], []
        for draw in range(3):
            labelled = protocol.labelled(train, fraction, draw)
            assert train.labels[labelled].bincount().tolist() == [count // 3] * 3
            drawn.append(labelled.tolist())
            seed = protocol.seed_of_draw(draw)
            scores = plain.finetune(model, train, labelled, test, seed).scores
            fused = sum(scores.values()) / len(streams)
            accuracies.append(top_k_accuracy(fused, test.labels, 1))
            if fraction == 0.2 and draw == 2:
                torch.testing.assert_close(result.scores, fused)
                assert {*scores} == {*protocol.scores(model, train, test)}
        assert len({*map(tuple, drawn)}) == 3
        assert result.metrics[f'{fraction}/top1'] == pytest.approx(statistics.fmean(accuracies))
        std = statistics.stdev(accuracies)
        assert result.metrics[f'{fraction}/top1_std'] == pytest.approx(std)
        assert result.metrics[f'{fraction}/num_train'] == count
        assert (f'{fraction}/motion/top5_std' in result.metrics) == (len(streams) == 2)
    of_streams = ['joint/top1', 'joint/top5', 'motion/top1', 'motion/top5'] * (len(streams) == 2)
    summary = ['top1', 'top5', *of_streams, 'num_train']
    assert list(result.metrics)[: len(summary) + 1] == [*summary, 'num_test']
    assert all(result.metrics[key] == result.metrics[f'0.2/{key}'] for key in summary)
    assert (result.metrics['num_train'], result.metrics['num_test']) == (6, 6)
    assert result.protocol == 'SemiProtocol'
    # The model that is kept is the one that gave these scores.
    assert not result.model.training
    features = extract_features(result.model, test)
    torch.testing.assert_close(result.model.probabilities(features), result.scores)


def test_one_fraction_without_a_list(poses):
    result = SemiProtocol(label_fraction=0.1, draws=1, epochs=1).run(model_with(), *poses)
    assert result.metrics['0.1/top1_std'] == 0
    assert result.metrics['top1'] == result.metrics['0.1/top1']


def test_seeds_of_runs_share_no_draw():
    seeds = {SemiProtocol(seed=seed).seed_of_draw(draw) for seed in range(3) for draw in range(5)}
    assert len(seeds) == 15


def test_all_labels_are_plain_fine_tuning(poses):
    protocol = SemiProtocol(label_fraction=1, draws=1, epochs=2, learning_rate=0.1)
    plain = FinetuneProtocol(epochs=2, learning_rate=0.1, seed=protocol.seed_of_draw(0))
    scores = [p.run(model_with(), *poses).scores for p in (protocol, plain)]
    assert torch.equal(*scores)

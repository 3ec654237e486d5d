"""Fusion of class scores, against loops, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from halp_mm.evaluation import EvaluationResult, fuse_scores
from tests.helpers import generator

CLASSES = ['sit', 'stand', 'wave', 'kick', 'bow', 'clap', 'jump']


def result_of(seed: int = 0, count: int = 60, **changes) -> EvaluationResult:
    source = generator(seed)
    result = EvaluationResult(
        metrics={},
        scores=torch.rand(count, len(CLASSES), generator=source),
        labels=torch.arange(count) % len(CLASSES),
        names=[f'clip{i}' for i in range(count)],
        classes=CLASSES,
        dataset='random',
        split='test',
        protocol='LinearProtocol',
    )
    return replace(result, **changes)


def shuffled(result: EvaluationResult, seed: int = 5) -> EvaluationResult:
    order = torch.randperm(len(result.names), generator=generator(seed))
    names = [result.names[i] for i in order]
    return replace(result, scores=result.scores[order], labels=result.labels[order], names=names)


def top_k_by_hand(scores: list[list[float]], labels: list[int], k: int) -> float:
    hits = 0
    for row, label in zip(scores, labels):
        better = sum(value > row[label] for value in row)
        hits += better < k
    return 100 * hits / len(labels)


@pytest.mark.parametrize('weights', [[0.6, 0.6, 0.4], [1, 2, 1e-3], None])
def test_weighted_sum_equals_loops(weights):
    results = {name: result_of(seed) for seed, name in enumerate(('joint', 'bone', 'motion'))}
    fused = fuse_scores(results, weights)
    used = weights or [1 / 3] * 3
    expected = [
        [
            sum(w * float(r.scores[i, c]) for w, r in zip(used, results.values()))
            for c in range(len(CLASSES))
        ]
        for i in range(60)
    ]
    torch.testing.assert_close(fused.scores, torch.tensor(expected))
    labels = fused.labels.tolist()
    for k in (1, 5):
        assert fused.metrics[f'top{k}'] == pytest.approx(top_k_by_hand(expected, labels, k))
        for name, result in results.items():
            alone = top_k_by_hand(result.scores.tolist(), labels, k)
            assert fused.metrics[f'{name}/top{k}'] == pytest.approx(alone)
    assert fused.metrics['num_test'] == 60
    assert (fused.names, fused.classes) == (results['joint'].names, CLASSES)
    assert (fused.dataset, fused.split, fused.protocol) == ('random', 'test', 'LinearProtocol')


def test_other_order_is_aligned_by_name():
    joint, bone = result_of(0), result_of(1)
    expected = fuse_scores({'joint': joint, 'bone': bone}, [0.6, 0.4])
    for first, second in ((joint, shuffled(bone)), (shuffled(joint), bone)):
        fused = fuse_scores({'joint': first, 'bone': second}, [0.6, 0.4])
        assert fused.names == first.names
        rows = [expected.names.index(name) for name in fused.names]
        assert torch.equal(fused.scores, expected.scores[rows])
        assert torch.equal(fused.labels, expected.labels[rows])
        assert fused.metrics == expected.metrics


def test_one_result_and_no_result():
    alone = result_of()
    assert torch.equal(fuse_scores({'joint': alone}).scores, alone.scores)
    with pytest.raises(ValueError, match='there are no scores to fuse'):
        fuse_scores({})


def refusal(other: EvaluationResult, weights=None) -> str:
    with pytest.raises(ValueError, match=r'.') as caught:
        fuse_scores({'a.npz': result_of(), 'b.npz': other}, weights)
    return str(caught.value)


def test_weights_that_do_not_fit():
    assert '3 weights for 2 scores (a.npz, b.npz)' in refusal(result_of(1), [0.6, 0.6, 0.4])
    for weight in (0.0, -0.4, float('nan'), float('inf')):
        assert f'weight {weight:g} is not positive' in refusal(result_of(1), [1.0, weight])


def test_different_clips():
    names = [*result_of().names[:-2], 'x2', 'x1']
    message = refusal(result_of(names=names))
    assert 'a.npz and b.npz have different clips' in message
    assert "2 only in a.npz (such as 'clip58'), 2 only in b.npz (such as 'x1')" in message
    message = refusal(result_of(count=50))
    assert "10 only in a.npz (such as 'clip50'). Evaluate" in message


def test_different_labels():
    labels = result_of().labels.clone()
    labels[[4, 7, 30]] = 5
    for other in (result_of(labels=labels), shuffled(result_of(labels=labels))):
        message = refusal(other)
        assert 'a.npz and b.npz have different labels for 3 of 60 clips' in message
        assert "such as 'clip4': 'bow' and 'clap'" in message


def test_different_classes():
    message = refusal(result_of(classes=['sit', 'stand', 'greet', *CLASSES[3:]]))
    assert "a.npz and b.npz have different classes: 1 of 7, such as 'wave' and 'greet'" in message
    fewer = result_of(classes=CLASSES[:5], scores=torch.rand(60, 5))
    assert 'different classes: 7 and 5' in refusal(fewer)


@pytest.mark.parametrize('fact', ['dataset', 'split', 'protocol'])
def test_different_circumstances(fact):
    message = refusal(result_of(**{fact: 'another'}))
    assert f'a.npz and b.npz differ in {fact}: ' in message
    assert "'another'" in message

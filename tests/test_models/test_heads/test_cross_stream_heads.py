"""CMD, CrosSCLR and ISC, against the releases' vectors and against loops from the formulas."""

import math
from itertools import permutations

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models.heads import (
    CMDHead,
    CrossStreamHead,
    InterSkeletonHead,
    MoCoHead,
    StreamEmbeddings,
)
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, reference, unit_vectors

STREAMS = ('joint', 'motion', 'bone')
HEADS = ['CMDHead', 'CrossStreamHead', 'InterSkeletonHead']


def released(name: str, dtype: torch.dtype) -> tuple[dict[str, StreamEmbeddings], dict]:
    vectors = reference(name)
    streams = {}
    for stream in STREAMS:
        query, key = (F.normalize(vectors[f'{stream}_{x}_raw'].to(dtype), dim=1) for x in 'qk')
        queue = vectors[f'{stream}_queue_KD'].to(dtype)
        streams[stream] = StreamEmbeddings({'query': query}, key, None, queue)
    return streams, vectors


def random_streams(names=STREAMS, clips: int = 4, entries: int = 9, dim: int = 5, **kwargs):
    return {
        name: StreamEmbeddings(
            {'query': unit_vectors(clips, dim, seed=10 * i, **kwargs).requires_grad_()},
            unit_vectors(clips, dim, seed=10 * i + 1, **kwargs),
            None,
            unit_vectors(entries, dim, seed=10 * i + 2, **kwargs),
        )
        for i, name in enumerate(names)
    }


def softmax_slowly(values: list[float], temperature: float) -> list[float]:
    exponentials = [math.exp(value / temperature) for value in values]
    return [e / sum(exponentials) for e in exponentials]


def dots(vector: torch.Tensor, entries: torch.Tensor) -> list[float]:
    return [sum(float(a) * float(b) for a, b in zip(vector.detach(), entry)) for entry in entries]


def nearest(similarities: list[float], count: int) -> list[int]:
    return sorted(range(len(similarities)), key=lambda j: -similarities[j])[:count]


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 2e-6), (torch.float64, 1e-6)])
def test_cmd_equals_the_release(dtype, tolerance):
    streams, vectors = released('cmd_losses', dtype)
    head = CMDHead(
        float(vectors['teacher_temperature']),
        float(vectors['student_temperature']),
        int(vectors['topk']),
        streams=STREAMS,
    )
    results = head.loss(streams, TrainingProgress())
    assert set(results) == {f'{stream}/loss_cmd' for stream in STREAMS}
    assert results['joint/loss_cmd'].dtype == dtype
    assert_relative(sum(results.values()), vectors['cmd'], tolerance)
    moco = MoCoHead(float(vectors['temperature']), streams=STREAMS)
    infonce = moco.loss(streams, TrainingProgress())
    for stream in STREAMS:
        found = infonce[f'{stream}/loss_moco']
        assert_relative(found, vectors[f'infonce_{stream}'], tolerance)


@pytest.mark.parametrize('top_k', [1, 4, 9, 8192])
@pytest.mark.parametrize('names', [STREAMS, ('joint', 'bone')])
def test_cmd_equals_loops(names, top_k):
    streams = random_streams(names)
    head = CMDHead(0.3, 0.7, top_k, streams=names, weight=0.5)
    results = head.loss(streams, TrainingProgress())
    for student in names:
        expected = 0.0
        for teacher in set(names) - {student}:
            for clip in range(4):
                of_key = dots(streams[teacher].key[clip], streams[teacher].negatives)
                query = streams[student].queries['query'][clip]
                of_query = dots(query, streams[student].negatives)
                entries = nearest(of_key, top_k)
                p = softmax_slowly([of_key[j] for j in entries], 0.3)
                q = softmax_slowly([of_query[j] for j in entries], 0.7)
                expected += sum(a * math.log(a / b) for a, b in zip(p, q)) / 4
        found = results[f'{student}/loss_cmd'].item()
        assert found == pytest.approx(0.5 * expected, abs=1e-12)


def test_cmd_is_zero_where_the_distributions_agree():
    one = random_streams(['a'])['a']
    query = one.key.clone().requires_grad_()
    same = StreamEmbeddings({'query': query}, one.key, None, one.negatives)
    head = CMDHead(0.2, 0.2, 5, streams='ab')
    losses = head.loss({'a': same, 'b': same}, TrainingProgress())
    torch.testing.assert_close(losses['a/loss_cmd'], torch.zeros((), dtype=torch.float64))
    losses['a/loss_cmd'].backward()
    torch.testing.assert_close(query.grad, torch.zeros_like(query))


def test_cmd_asks_nothing_twice():
    """A teacher's product and top-k are computed once a stream, whatever the number of pairs."""
    streams = random_streams(STREAMS)
    with torch.profiler.profile() as profile:
        CMDHead(top_k=4, streams=STREAMS).loss(streams, TrainingProgress())
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts['aten::topk'] == 3
    assert counts['aten::mm'] == 6  # a key and a query of each stream
    assert counts['aten::_log_softmax'] == 3 + 6


@pytest.mark.parametrize('temperature', [1e-3, 1e-4])
def test_cmd_is_finite_for_sharp_distributions(temperature):
    streams = random_streams(dtype=torch.float32)
    head = CMDHead(temperature, temperature, streams=STREAMS)
    total = sum(head.loss(streams, TrainingProgress()).values())
    total.backward()
    assert total.isfinite()
    assert all(s.queries['query'].grad.isfinite().all() for s in streams.values())


@pytest.mark.parametrize('type_name', ['CMDHead', 'InterSkeletonHead'])
def test_only_the_student_learns(type_name):
    streams = random_streams()
    for stream in streams.values():
        stream.key.requires_grad_()  # so that it shows whether anything would flow there
    results = MODELS.build(dict(type=type_name, streams=STREAMS)).loss(streams, TrainingProgress())
    loss = next(v for name, v in results.items() if name.startswith('joint/loss'))
    loss.backward()
    assert streams['joint'].queries['query'].grad.any()
    assert all(streams[name].queries['query'].grad is None for name in ('motion', 'bone'))
    if type_name == 'CMDHead':
        assert not any(s.key.grad.any() for s in streams.values() if s.key.grad is not None)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 2e-6), (torch.float64, 1e-6)])
@pytest.mark.parametrize('context', [True, False])
@pytest.mark.parametrize('top_k', [1, 3])
def test_cross_stream_equals_the_release(top_k, context, dtype, tolerance):
    streams, vectors = released('crossclr_losses', dtype)
    head = CrossStreamHead(top_k, context, float(vectors['temperature']), streams=STREAMS)
    results = head.loss(streams, TrainingProgress())
    assert set(results) == {f'{stream}/loss_cross_stream' for stream in STREAMS}
    for stream in STREAMS:
        expected = vectors[f'{stream}_{"context" if context else "plain"}_top{top_k}']
        found = results[f'{stream}/loss_cross_stream']
        assert found.dtype == dtype
        assert_relative(found, expected, tolerance)


def cross_stream_plainly(streams, student: str, top_k: int, context: bool, temperature: float):
    """The formula with masks and one softmax a pair, as one would write it down."""
    losses = []
    for teacher in set(streams) - {student}:
        similarities = {
            name: streams[name].queries['query'] @ streams[name].negatives.T
            for name in (student, teacher)
        }
        key = (streams[student].queries['query'] * streams[student].key).sum(1, keepdim=True)
        parts = [key, similarities[student]]
        mined = torch.zeros_like(similarities[teacher])
        for i, row in enumerate(similarities[teacher].tolist()):
            mined[i, nearest(row, top_k)] = 1
        masks = [torch.ones_like(key), mined]
        if context:
            parts.append(similarities[student] * similarities[teacher])
            masks.append(mined)
        mask = torch.cat(masks, 1)
        likelihood = (torch.cat(parts, 1) / temperature).softmax(1).log()
        losses.append(-((likelihood * mask).sum(1) / mask.sum(1)).mean())
    return sum(losses) / len(losses)


@pytest.mark.parametrize('context', [True, False])
@pytest.mark.parametrize('top_k', [1, 2, 9])
@pytest.mark.parametrize('names', [STREAMS, ('joint', 'bone')])
def test_cross_stream_and_its_gradients_equal_a_plain_one(names, top_k, context):
    streams = random_streams(names)
    head = CrossStreamHead(top_k, context, 0.3, streams=names, weight=0.5)
    results = head.loss(streams, TrainingProgress())
    queries = [stream.queries['query'] for stream in streams.values()]
    for student in names:
        expected = 0.5 * cross_stream_plainly(streams, student, top_k, context, 0.3)
        found = results[f'{student}/loss_cross_stream']
        torch.testing.assert_close(found, expected)
        both = [
            torch.autograd.grad(loss, queries, retain_graph=True, materialize_grads=True)
            for loss in (found, expected)
        ]
        for name, mine, theirs in zip(names, *both):
            torch.testing.assert_close(mine, theirs)
            assert bool(mine.any()) == (context or name == student)


def test_cross_stream_is_finite_where_similarities_are_far_apart():
    streams = random_streams(dtype=torch.float32)
    head = CrossStreamHead(2, True, 1e-3, streams=STREAMS)
    total = sum(head.loss(streams, TrainingProgress()).values())
    total.backward()
    assert total.isfinite()
    assert all(s.queries['query'].grad.isfinite().all() for s in streams.values())


def test_positives_come_from_the_other_stream():
    """Only the teacher's neighbour, not the student's own, is pulled closer."""
    queue = torch.eye(4, dtype=torch.float64)
    own, others = queue[:1] + 0.1 * queue[2:3], queue[1:2] + 0.1 * queue[3:]
    queries = [F.normalize(q).requires_grad_() for q in (own, others)]
    streams = {
        name: StreamEmbeddings({'query': query}, query.detach(), None, queue)
        for name, query in zip('ab', queries)
    }
    head = CrossStreamHead(1, False, 1.0, streams='ab')
    before = head.loss(streams, TrainingProgress())['a/loss_cross_stream']
    nearer = F.normalize(own + 0.1 * queue[1:2])  # towards what is near in stream b
    streams['a'] = StreamEmbeddings({'query': nearer}, streams['a'].key, None, queue)
    assert head.loss(streams, TrainingProgress())['a/loss_cross_stream'] < before


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('names', [('sequence', 'graph'), ('sequence', 'graph', 'image')])
def test_inter_skeleton_equals_loops(names, dtype):
    streams = random_streams(names, dtype=dtype)
    results = InterSkeletonHead(0.3, streams=names, weight=0.5).loss(streams, TrainingProgress())
    for name in names:
        loss, correct = 0.0, 0
        for other in set(names) - {name}:
            for clip in range(4):
                query = streams[name].queries['query'][clip]
                key = dots(query, streams[other].key[clip : clip + 1])
                queue = dots(query, streams[other].negatives)
                loss -= math.log(softmax_slowly(key + queue, 0.3)[0]) / 4
                correct += key[0] > max(queue)
        tolerance = 1e-5 if dtype == torch.float32 else 1e-12
        found = results[f'{name}/loss_inter'].item()
        assert found == pytest.approx(0.5 * loss, rel=tolerance)
        share = correct / 4 / (len(names) - 1)
        assert results[f'{name}/inter_accuracy'].item() == pytest.approx(share)
    assert len(results) == 2 * len(names)


def test_inter_skeleton_of_equal_streams_is_infonce():
    stream = random_streams(['a'])['a']
    streams = {'a': stream, 'b': stream}
    inter = InterSkeletonHead(streams='ab').loss(streams, TrainingProgress())
    intra = MoCoHead(streams='ab').loss(streams, TrainingProgress())
    torch.testing.assert_close(inter['a/loss_inter'], intra['a/loss_moco'])


@pytest.mark.parametrize('type_name', HEADS)
@pytest.mark.parametrize('chosen', list(permutations(STREAMS, 2)))
def test_streams_can_be_chosen(type_name, chosen):
    head = MODELS.build(dict(type=type_name, streams=chosen))
    streams = random_streams()
    pair = {name: streams[name] for name in chosen}
    results = head.loss(streams, TrainingProgress())
    assert {name.split('/')[0] for name in results} == set(chosen)
    for name, value in head.loss(pair, TrainingProgress()).items():
        assert torch.equal(value, results[name])


@pytest.mark.parametrize('type_name', HEADS)
def test_single_streams_and_doubled_ones_are_refused(type_name):
    for streams in (['joint'], ['joint', 'joint']):
        head = MODELS.build(dict(type=type_name, streams=streams))
        with pytest.raises(ValueError, match=f'{type_name} needs 2 or more'):
            head.check(STREAMS, ['query'], 8)
    MODELS.build(dict(type=type_name, streams=STREAMS)).check(STREAMS, ['query'], 8)


@pytest.mark.parametrize('type_name', HEADS)
def test_streams_and_views_that_the_model_lacks(type_name):
    head = MODELS.build(dict(type=type_name, streams=['joint', 'depth'], view='extreme'))
    with pytest.raises(ValueError, match=r"is for streams \['depth'\]; the model has"):
        head.check(['joint', 'bone'], ['extreme'], 8)
    with pytest.raises(ValueError, match=r"looks at \['extreme'\], but the model has"):
        head.check(['joint', 'depth'], ['query'], 8)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='CMDHead', top_k=0), 'nothing to teach with top_k=0'),
        (dict(type='CMDHead', teacher_temperature=0), 'must be positive, got teacher_temp.*=0, '),
        (dict(type='CMDHead', student_temperature=-1.0), 'student_temperature=-1.0'),
        (dict(type='CrossStreamHead', top_k=0), 'nothing to mine with top_k=0'),
    ],
)
def test_wrong_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


def test_more_neighbours_than_entries():
    head = CrossStreamHead(top_k=9, streams=STREAMS)
    with pytest.raises(ValueError, match='mines 9 neighbours in a queue of 8'):
        head.check(STREAMS, ['query'], 8)

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
    StreamOutputs,
)
from halp_mm.models.pretrainers.head_term import build_head
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, outputs_of, reference, unit_vectors

STREAMS = ('joint', 'motion', 'bone')
HEADS = ['CMDHead', 'CrossStreamHead', 'InterSkeletonHead']


def released(name: str, dtype: torch.dtype) -> tuple[dict[str, StreamOutputs], dict]:
    vectors = reference(name)
    streams = {}
    for stream in STREAMS:
        query, key = (F.normalize(vectors[f'{stream}_{x}_raw'].to(dtype), dim=1) for x in 'qk')
        queue = vectors[f'{stream}_queue_KD'].to(dtype)
        streams[stream] = outputs_of(query, key, queue)
    return streams, vectors


def random_streams(names=STREAMS, clips: int = 4, entries: int = 9, dim: int = 5, **kwargs):
    return {
        name: outputs_of(
            unit_vectors(clips, dim, seed=10 * i, **kwargs).requires_grad_(),
            unit_vectors(clips, dim, seed=10 * i + 1, **kwargs),
            unit_vectors(entries, dim, seed=10 * i + 2, **kwargs),
        )
        for i, name in enumerate(names)
    }


def total_of(results: dict) -> torch.Tensor:
    return sum(scalars['loss'] for scalars in results.values())


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
    )
    results = head.loss(streams, TrainingProgress())
    assert list(results) == list(STREAMS)
    assert results['joint']['loss'].dtype == dtype
    assert_relative(total_of(results), vectors['cmd'], tolerance)
    moco = MoCoHead(float(vectors['temperature']))
    infonce = moco.loss(streams, TrainingProgress())
    for stream in STREAMS:
        found = infonce[stream]['loss']
        assert_relative(found, vectors[f'infonce_{stream}'], tolerance)


@pytest.mark.parametrize('top_k', [1, 4, 9, 8192])
@pytest.mark.parametrize('names', [STREAMS, ('joint', 'bone')])
def test_cmd_equals_loops(names, top_k):
    streams = random_streams(names)
    head = CMDHead(0.3, 0.7, top_k)
    results = head.loss(streams, TrainingProgress())
    for student in names:
        expected = 0.0
        for teacher in set(names) - {student}:
            for clip in range(4):
                of_key = dots(streams[teacher].keys['key'][clip], streams[teacher].negatives['key'])
                query = streams[student].queries['query'][clip]
                of_query = dots(query, streams[student].negatives['key'])
                entries = nearest(of_key, top_k)
                p = softmax_slowly([of_key[j] for j in entries], 0.3)
                q = softmax_slowly([of_query[j] for j in entries], 0.7)
                expected += sum(a * math.log(a / b) for a, b in zip(p, q)) / 4
        found = results[student]['loss'].item()
        assert found == pytest.approx(expected, abs=1e-12)


def test_cmd_is_zero_where_the_distributions_agree():
    one = random_streams(['a'])['a']
    query = one.keys['key'].clone().requires_grad_()
    same = outputs_of(query, one.keys['key'], one.negatives['key'])
    head = CMDHead(0.2, 0.2, 5)
    losses = head.loss({'a': same, 'b': same}, TrainingProgress())
    torch.testing.assert_close(losses['a']['loss'], torch.zeros((), dtype=torch.float64))
    losses['a']['loss'].backward()
    torch.testing.assert_close(query.grad, torch.zeros_like(query))


def test_cmd_asks_nothing_twice():
    """A teacher's product and top-k are computed once a stream, whatever the number of pairs."""
    streams = random_streams(STREAMS)
    with torch.profiler.profile() as profile:
        CMDHead(top_k=4).loss(streams, TrainingProgress())
    counts = {event.key: event.count for event in profile.key_averages()}
    assert counts['aten::topk'] == 3
    assert counts['aten::mm'] == 6  # a key and a query of each stream
    assert counts['aten::_log_softmax'] == 3 + 6


@pytest.mark.parametrize('temperature', [1e-3, 1e-4])
def test_cmd_is_finite_for_sharp_distributions(temperature):
    streams = random_streams(dtype=torch.float32)
    head = CMDHead(temperature, temperature)
    total = total_of(head.loss(streams, TrainingProgress()))
    total.backward()
    assert total.isfinite()
    assert all(s.queries['query'].grad.isfinite().all() for s in streams.values())


@pytest.mark.parametrize('type_name', ['CMDHead', 'InterSkeletonHead'])
def test_only_the_student_learns(type_name):
    streams = random_streams()
    for stream in streams.values():
        stream.keys['key'].requires_grad_()  # so that it shows whether anything would flow there
    results = MODELS.build(dict(type=type_name)).loss(streams, TrainingProgress())
    results['joint']['loss'].backward()
    assert streams['joint'].queries['query'].grad.any()
    assert all(streams[name].queries['query'].grad is None for name in ('motion', 'bone'))
    if type_name == 'CMDHead':
        assert not any(
            s.keys['key'].grad.any() for s in streams.values() if s.keys['key'].grad is not None
        )


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 2e-6), (torch.float64, 1e-6)])
@pytest.mark.parametrize('context', [True, False])
@pytest.mark.parametrize('top_k', [1, 3])
def test_cross_stream_equals_the_release(top_k, context, dtype, tolerance):
    streams, vectors = released('crossclr_losses', dtype)
    head = CrossStreamHead(top_k, context, float(vectors['temperature']))
    results = head.loss(streams, TrainingProgress())
    assert list(results) == list(STREAMS)
    for stream in STREAMS:
        expected = vectors[f'{stream}_{"context" if context else "plain"}_top{top_k}']
        found = results[stream]['loss']
        assert found.dtype == dtype
        assert_relative(found, expected, tolerance)


def cross_stream_plainly(streams, student: str, top_k: int, context: bool, temperature: float):
    """The formula with masks and one softmax a pair, as one would write it down."""
    losses = []
    for teacher in set(streams) - {student}:
        similarities = {
            name: streams[name].queries['query'] @ streams[name].negatives['key'].T
            for name in (student, teacher)
        }
        key = (streams[student].queries['query'] * streams[student].keys['key']).sum(
            1, keepdim=True
        )
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
    head = CrossStreamHead(top_k, context, 0.3)
    results = head.loss(streams, TrainingProgress())
    queries = [stream.queries['query'] for stream in streams.values()]
    for student in names:
        expected = cross_stream_plainly(streams, student, top_k, context, 0.3)
        found = results[student]['loss']
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
    head = CrossStreamHead(2, True, 1e-3)
    total = total_of(head.loss(streams, TrainingProgress()))
    total.backward()
    assert total.isfinite()
    assert all(s.queries['query'].grad.isfinite().all() for s in streams.values())


def test_positives_come_from_the_other_stream():
    """Only the teacher's neighbour, not the student's own, is pulled closer."""
    queue = torch.eye(4, dtype=torch.float64)
    own, others = queue[:1] + 0.1 * queue[2:3], queue[1:2] + 0.1 * queue[3:]
    queries = [F.normalize(q).requires_grad_() for q in (own, others)]
    streams = {name: outputs_of(query, query.detach(), queue) for name, query in zip('ab', queries)}
    head = CrossStreamHead(1, False, 1.0)
    before = head.loss(streams, TrainingProgress())['a']['loss']
    nearer = F.normalize(own + 0.1 * queue[1:2])  # towards what is near in stream b
    streams['a'] = outputs_of(nearer, streams['a'].keys['key'], queue)
    assert head.loss(streams, TrainingProgress())['a']['loss'] < before


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('names', [('sequence', 'graph'), ('sequence', 'graph', 'image')])
def test_inter_skeleton_equals_loops(names, dtype):
    streams = random_streams(names, dtype=dtype)
    results = InterSkeletonHead(0.3).loss(streams, TrainingProgress())
    for name in names:
        loss, correct = 0.0, 0
        for other in set(names) - {name}:
            for clip in range(4):
                query = streams[name].queries['query'][clip]
                key = dots(query, streams[other].keys['key'][clip : clip + 1])
                queue = dots(query, streams[other].negatives['key'])
                loss -= math.log(softmax_slowly(key + queue, 0.3)[0]) / 4
                correct += key[0] > max(queue)
        tolerance = 1e-5 if dtype == torch.float32 else 1e-12
        found = results[name]['loss'].item()
        assert found == pytest.approx(loss, rel=tolerance)
        share = correct / 4 / (len(names) - 1)
        assert results[name]['accuracy'].item() == pytest.approx(share)
        assert set(results[name]) == {'loss', 'accuracy'}
    assert list(results) == list(names)


def test_inter_skeleton_of_equal_streams_is_infonce():
    stream = random_streams(['a'])['a']
    streams = {'a': stream, 'b': stream}
    inter = InterSkeletonHead().loss(streams, TrainingProgress())
    intra = MoCoHead().loss(streams, TrainingProgress())
    torch.testing.assert_close(inter['a']['loss'], intra['a']['loss'])


@pytest.mark.parametrize('type_name', HEADS)
@pytest.mark.parametrize('chosen', list(permutations(STREAMS, 2)))
def test_streams_can_be_chosen(type_name, chosen):
    term, head = build_head('x', dict(type=type_name, streams=chosen), STREAMS)
    assert term.streams == chosen
    streams = random_streams()
    results = head.loss({name: streams[name] for name in term.streams}, TrainingProgress())
    assert list(results) == list(chosen)
    everyone = head.loss(streams, TrainingProgress())
    assert not torch.equal(results[chosen[0]]['loss'], everyone[chosen[0]]['loss'])


@pytest.mark.parametrize('type_name', HEADS)
def test_single_streams_and_doubled_ones_are_refused(type_name):
    for streams in (['joint'], ['joint', 'joint']):
        with pytest.raises(ValueError, match=r'heads.x needs 2 or more different streams, found'):
            build_head('x', dict(type=type_name, streams=streams), STREAMS)
    build_head('x', dict(type=type_name), STREAMS)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (dict(type='CMDHead', top_k=0), 'top_k must be a whole number of at least 1, got 0'),
        (
            dict(type='CMDHead', teacher_temperature=0),
            'teacher_temperature must be a finite number above 0, got 0',
        ),
        (dict(type='CMDHead', student_temperature=-1.0), 'student_temperature must be .* got -1.0'),
        (
            dict(type='CrossStreamHead', top_k=0),
            'top_k must be a whole number of at least 1, got 0',
        ),
    ],
)
def test_wrong_settings(config, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(config)


def test_what_is_read():
    assert CrossStreamHead(top_k=9).reads.queues == {'key': 9}
    for head in (CMDHead(), InterSkeletonHead()):
        assert head.reads.queues == {'key': 1}

"""Heads contrast the views that they are told to, each query view with its key view's queue."""

import pytest
import torch

from halp_mm.models import FeatureQueue, StreamOutputs
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import unit_vectors

STREAMS = ('joint', 'bone')
HALP = dict(type='HaLPHead', num_positives=5, num_prototypes=3, num_newest=6)
#: Heads, and the names under which exchanged views are theirs.
HEADS = {
    'moco': (dict(type='MoCoHead'), {}),
    'cmd': (dict(type='CMDHead', top_k=4), {}),
    'cross': (dict(type='CrossStreamHead', top_k=2), {}),
    'inter': (dict(type='InterSkeletonHead'), {}),
    'halp': (HALP, {}),
    'halp from query': ({**HALP, 'anchor': 'query'}, {}),
    'nnm': (dict(type='NNMHead', miners=['query', 'drop']), dict(miners=['extreme', 'drop'])),
    'd3m': (dict(type='D3MHead', followers=['drop']), {}),
}
QUERIES, KEYS = ('query', 'extreme', 'drop'), ('key', 'other_key')


def outputs_of(stream: str, exchanged: str) -> StreamOutputs:
    """Random embeddings of three query views and two key views; some exchange their names."""
    seed = 100 * STREAMS.index(stream)
    queries = {v: unit_vectors(4, 5, seed=seed + i) for i, v in enumerate(QUERIES)}
    keys = {v: unit_vectors(4, 5, seed=seed + 10 + i) for i, v in enumerate(KEYS)}
    queues = {}
    for i, view in enumerate(KEYS):
        queues[view] = FeatureQueue(8, 5).double()
        queues[view].enqueue(unit_vectors(8, 5, seed=seed + 20 + i))
    if 'queries' in exchanged:
        queries['query'], queries['extreme'] = queries['extreme'], queries['query']
    if 'keys' in exchanged:
        keys['key'], keys['other_key'] = keys['other_key'], keys['key']
        queues['key'], queues['other_key'] = queues['other_key'], queues['key']
    negatives = {view: queue.snapshot() for view, queue in queues.items()}
    return StreamOutputs(stream, queries=queries, keys=keys, queues=queues, negatives=negatives)


def losses_of(config: dict, exchanged: str = '') -> dict[str, torch.Tensor]:
    head = MODELS.build(config)
    network = EmbeddingNetwork(
        dict(type='BiGRU', hidden_size=2, num_layers=1), dict(type='Projector', out_dim=5)
    )
    head.connect(dict.fromkeys(STREAMS, network))
    streams = {stream: outputs_of(stream, exchanged) for stream in STREAMS}
    results = head.double().loss(streams, TrainingProgress())
    return {stream: scalars['loss'] for stream, scalars in results.items()}


@pytest.mark.parametrize('name', HEADS)
@pytest.mark.parametrize(
    ('options', 'exchanged'),
    [
        (dict(view='extreme'), 'queries'),
        (dict(key_view='other_key'), 'keys'),
        (dict(view='extreme', key_view='other_key'), 'queries and keys'),
    ],
)
def test_another_view_is_as_views_that_exchange_their_names(name, options, exchanged):
    config, others = HEADS[name]
    default = losses_of(config)
    if 'view' in options:
        options = {**options, **others}
    found = losses_of({**config, **options})
    expected = losses_of(config, exchanged)
    for stream in STREAMS:
        assert default[stream] != 0
        assert torch.equal(found[stream], expected[stream])
        assert not torch.allclose(found[stream], default[stream])


@pytest.mark.parametrize('name', HEADS)
def test_what_is_read_has_the_names(name):
    config, others = HEADS[name]
    reads = MODELS.build({**config, **others, 'view': 'extreme', 'key_view': 'other_key'}).reads
    assert 'extreme' in reads.queries
    assert 'query' not in reads.queries
    assert reads.keys == {'other_key'}
    assert set(reads.queues) == {'other_key'}
    if 'HaLP' not in config['type']:
        with pytest.raises(ValueError, match=r"key_view='query' is also a query view"):
            MODELS.build({**config, 'key_view': 'query'})

"""What heads read is computed, once, and nothing else."""

from collections import Counter

import pytest
import torch

from halp_mm.models import BiGRU, Projector, Reads
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator
from tests.test_models.test_pretrainer import HALP, MOCO, model_with

BARLOW = dict(type='CrossCorrelationHead', view='query', other_view='extreme')
MASKED = dict(type='MaskedPredictionHead', view='masked', target_view='clean')
CMD = dict(type='CMDHead')
D3M = dict(type='D3MHead', followers=['extreme', 'extreme_drop'])
DROP = dict(extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.7))
VIEWS = ('query', 'extreme', 'key', 'clean', 'masked')


def views_of(*streams: str) -> dict:
    source = generator()
    return {
        view: {stream: torch.randn(5, 2, 8, 25, 3, generator=source) for stream in streams}
        for view in VIEWS
    }


DRAWS = {'masked': {'mask': torch.rand(5, 2, 8, 25, generator=generator()) < 0.5}}


def bare_model(heads: dict, **kwargs):
    return model_with(heads=heads, data_preprocessor=None, **kwargs)


def calls_of(model, streams: list[str], progress: TrainingProgress, monkeypatch) -> dict:
    """How often each encoder and projector of a step sees which view."""
    views = views_of(*streams)
    names = {
        id(clips[source]): f'{stream} {view}'
        for view, clips in views.items()
        for stream, source in model.sources.items()
    }
    counts = Counter()
    networks = {id(n.encoder): 'query' for n in model.query_networks.values()}
    if model.key_networks is not None:
        networks |= {id(n.encoder): 'key' for n in model.key_networks.module.values()}
    forward_map, project = BiGRU.forward_map, Projector.forward

    def watched_map(self, clips):
        counts[f'{networks[id(self)]}: {names[id(clips)]}'] += 1
        return forward_map(self, clips)

    def watched_projection(self, features):
        counts['projections'] += 1
        return project(self, features)

    with monkeypatch.context() as patch:
        patch.setattr(BiGRU, 'forward_map', watched_map)
        patch.setattr(Projector, 'forward', watched_projection)
        model(views, None, DRAWS, progress, mode='loss')
    return dict(counts)


def test_union_of_reads():
    one = Reads(*map(frozenset, ('a', 'b', 'f', 'c', 'k')), {'k': 3})
    other = Reads(queries=frozenset('cd'), queues={'k': 2, 'l': 5})
    both = one | other
    assert both == Reads(*map(frozenset, ('a', 'b', 'f', 'cd', 'k')), {'k': 3, 'l': 5})
    assert both.views == set('abfcdkl')
    assert both.encoded == set('bfcd')
    assert both.embeddings
    assert not Reads(clips=frozenset('a'), maps=frozenset('b')).embeddings
    assert Reads() | one == one


def prefixes(model) -> set[str]:
    return {name.partition('.')[0] for name in model.state_dict()}


def test_without_keys_there_is_no_momentum_copy_and_no_queue():
    model = bare_model(dict(barlow=BARLOW))
    assert prefixes(model) == {'query_networks'}
    assert model.key_networks is None
    assert any('projector' in name for name in model.state_dict())
    model.init_weights()
    assert set(model(views_of('joint'), None, mode='loss')) == {
        'joint/barlow/loss',
        'joint/barlow/correlation',
    }


def test_without_embeddings_there_is_no_projector():
    model = bare_model(dict(masked=MASKED), projector=None)
    assert prefixes(model) == {'query_networks', 'heads'}
    assert not any('projector' in name for name in model.state_dict())
    # A config whose base has a projector does not need to remove it.
    assert model.state_dict().keys() == bare_model(dict(masked=MASKED)).state_dict().keys()


def test_keys_without_queues():
    head = dict(type='PrototypeHead', student_views=['query'], teacher_views=['key'])
    model = bare_model(dict(prototypes=head))
    assert prefixes(model) == {'query_networks', 'key_networks', 'heads'}
    assert not any(name.startswith('queues') for name in model.state_dict())


def test_only_streams_whose_negatives_are_read_have_queues():
    heads = dict(moco={**MOCO, 'streams': ['joint']}, masked={**MASKED, 'streams': ['bone']})
    model = bare_model(heads, streams=['joint', 'bone'])
    names = set(model.state_dict())
    assert 'queues.joint.key.entries' in names
    assert not any(name.startswith('queues.bone') for name in names)
    assert not any(name.startswith('query_networks.bone.projector') for name in names)
    assert set(model.heads['masked'].decoders) == {'bone'}


def test_embeddings_need_a_projector():
    with pytest.raises(ValueError, match=r'which a projector makes; set model\.projector'):
        bare_model(dict(moco=MOCO), projector=None)


@pytest.mark.parametrize('head', [HALP, dict(type='NNMHead', miners=['query'], top_k=6)])
def test_too_small_queues(head):
    with pytest.raises(ValueError, match=r"read the 6 newest keys of view 'key'; .* queue_size=5"):
        bare_model(dict(head=head), queue_size=5)
    bare_model(dict(head=head), queue_size=6)


@pytest.mark.parametrize(
    ('heads', 'expected'),
    [
        (
            dict(barlow=BARLOW),
            {'query: joint query': 1, 'query: joint extreme': 1, 'projections': 2},
        ),
        (dict(masked=MASKED), {'query: joint masked': 1}),
        (dict(moco=MOCO), {'query: joint query': 1, 'key: joint key': 1, 'projections': 2}),
        (
            dict(moco=MOCO, halp=HALP, masked=MASKED, barlow=BARLOW),
            {
                'query: joint query': 1,
                'query: joint extreme': 1,
                'query: joint masked': 1,
                'key: joint key': 1,
                'projections': 3,
            },
        ),
        (
            dict(moco=MOCO, d3m=D3M),
            {
                'query: joint query': 1,
                'query: joint extreme': 1,
                'key: joint key': 1,
                'projections': 4,
            },
        ),
    ],
)
def test_nothing_is_computed_that_is_not_read(heads, expected, monkeypatch):
    model = bare_model(heads, derived_maps=DROP)
    assert calls_of(model, ['joint'], TrainingProgress(), monkeypatch) == expected


def test_a_derived_map_alone_does_not_embed_its_view(monkeypatch):
    model = bare_model(dict(moco={**MOCO, 'view': 'extreme_drop'}), derived_maps=DROP)
    expected = {'query: joint extreme': 1, 'key: joint key': 1, 'projections': 2}
    assert calls_of(model, ['joint'], TrainingProgress(), monkeypatch) == expected


def test_streams_are_run_for_their_own_heads_only(monkeypatch):
    heads = dict(
        moco={**MOCO, 'streams': ['joint']},
        barlow={**BARLOW, 'streams': ['bone']},
        masked={**MASKED, 'streams': ['motion', 'bone']},
    )
    streams = ['joint', 'bone', 'motion']
    model = bare_model(heads, streams=streams)
    assert calls_of(model, streams, TrainingProgress(), monkeypatch) == {
        'query: joint query': 1,
        'key: joint key': 1,
        'query: bone query': 1,
        'query: bone extreme': 1,
        'query: bone masked': 1,
        'query: motion masked': 1,
        'projections': 4,
    }


def test_heads_that_start_late_or_end_cost_nothing_while_silent(monkeypatch):
    heads = dict(
        masked={**MASKED, 'end_epoch': 1},
        barlow={**BARLOW, 'start_epoch': 1, 'end_epoch': 2},
        moco={**MOCO, 'start_epoch': 2, 'end_epoch': 3},
        last={**MASKED, 'start_epoch': 3},
    )
    model = bare_model(heads)
    calls = [calls_of(model, ['joint'], TrainingProgress(epoch), monkeypatch) for epoch in range(4)]
    # Before MoCo starts its queue is filled; when it has ended nothing is.
    keys = {'key: joint key': 1}
    assert calls == [
        {'query: joint masked': 1, **keys, 'projections': 1},
        {'query: joint query': 1, 'query: joint extreme': 1, **keys, 'projections': 3},
        {'query: joint query': 1, **keys, 'projections': 2},
        {'query: joint masked': 1},
    ]


def test_queues_are_filled_before_their_reader_starts():
    heads = dict(masked={**MASKED, 'end_epoch': 2}, halp={**HALP, 'start_epoch': 2})
    model = bare_model(heads)
    enqueued = []
    for epoch in range(3):
        losses = model(views_of('joint'), None, DRAWS, TrainingProgress(epoch, epoch), mode='loss')
        enqueued.append(int(model.queues['joint']['key'].num_enqueued))
    assert enqueued == [5, 10, 15]
    assert losses['joint/halp/loss'] != 0, 'there are prototypes from the first iteration on'


def test_views_that_nothing_reads_are_named():
    with pytest.raises(ValueError, match=r"data_preprocessor.views makes 'query', which nothing"):
        model_with(heads=dict(masked=MASKED), data_preprocessor=dict(
            type='SkeletonPreprocessor',
            views=dict(clean=[], masked=dict(base='clean', transforms=[]), query=[], key=[]),
        ))  # fmt: skip
    with pytest.raises(ValueError, match=r"model has views \['extreme', 'key'\]; data_preproc"):
        model_with(heads=dict(moco={**MOCO, 'view': 'extreme'}))


class WithReadout(BiGRU):
    """An encoder with parameters beyond its maps."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.last = torch.nn.Linear(self.feature_dim, self.feature_dim)

    def readout(self, feature_map: torch.Tensor) -> torch.Tensor:
        return self.last(super().readout(feature_map))


LATE = dict(start_epoch=2)


@pytest.mark.parametrize(
    ('heads', 'expected'),
    [
        (dict(moco=MOCO), False),
        (dict(moco=MOCO, halp={**HALP, **LATE}), False),
        (dict(moco={**MOCO, 'end_epoch': 2}, halp={**HALP, **LATE}), False),
        (dict(halp={**HALP, **LATE}), True),
        (dict(moco={**MOCO, 'end_epoch': 2}), True),
        (dict(masked=MASKED), True),
        (dict(moco=MOCO, masked=MASKED), False),
        (dict(moco=MOCO, masked={**MASKED, **LATE}), True),
        (dict(moco=MOCO, masked={**MASKED, 'end_epoch': 2}), True),
        (dict(moco={**MOCO, 'streams': ['joint']}, masked=MASKED), True),
    ],
)
def test_idle_parameters(heads, expected):
    """Those that get no gradient in some epoch, against what they get."""
    encoder = dict(type=WithReadout, hidden_size=4, num_layers=1)
    model = bare_model(heads, streams=['joint', 'bone'], encoder=encoder)
    views = views_of('joint', 'bone')
    has_idle = False
    for epoch in range(4):
        losses = model(views, None, DRAWS, TrainingProgress(epoch, epoch), mode='loss')
        model.zero_grad()
        total, _ = model.parse_losses(losses)
        if losses:
            total.backward()
        trained = [p for p in model.parameters() if p.requires_grad]
        has_idle |= any(p.grad is None for p in trained)
    assert model.has_idle_parameters == expected
    assert has_idle == expected

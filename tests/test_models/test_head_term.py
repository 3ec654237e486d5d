"""How heads count: names, weights, epochs and streams."""

import pytest
import torch

from halp_mm.models import HeadTerm, MoCoHead
from halp_mm.models.pretrainers.head_term import build_head
from halp_mm.training_progress import TrainingProgress
from tests.test_models.test_pretrainer import HALP, MOCO, model_with, views_of


def test_a_head_and_its_term():
    config = dict(**MOCO, temperature=0.2, weight=0.5, start_epoch=2, end_epoch=4, streams=['b'])
    before = dict(config)
    term, head = build_head('x', config, ['a', 'b'])
    assert term == HeadTerm('x', ('b',), 0.5, 2, 4)
    assert isinstance(head, MoCoHead)
    assert head.temperature == 0.2
    assert config == before
    active = [term.is_active(TrainingProgress(epoch)) for epoch in range(6)]
    assert active == [False, False, True, True, False, False]
    ended = [term.has_ended(TrainingProgress(epoch)) for epoch in range(6)]
    assert ended == [False, False, False, False, True, True]


@pytest.mark.parametrize('settings', [{}, dict.fromkeys(('weight', 'start_epoch', 'end_epoch'))])
def test_defaults(settings):
    term, _ = build_head('x', {**MOCO, **settings}, ['a', 'b'])
    assert term == HeadTerm('x', ('a', 'b'), 1.0, 0, None)
    assert term.is_active(TrainingProgress(10**6))


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(weight=-0.1), r'heads.x.weight must be a finite number of at least 0, got -0.1'),
        (dict(weight=float('nan')), r'heads.x.weight must be a finite number'),
        (dict(start_epoch=-1), r'heads.x.start_epoch must be a whole number of at least 0'),
        (dict(start_epoch=1.5), r'heads.x.start_epoch must be a whole number'),
        (dict(start_epoch=3, end_epoch=3), r'heads.x.end_epoch must be .* at least 4, got 3'),
        (dict(end_epoch=0), r'heads.x.end_epoch must be .* at least 1, got 0'),
        (
            dict(streams=['c', 'a']),
            r"heads.x is for the streams \['c'\]; the model has \['a', 'b'\]",
        ),
        (
            dict(streams=['a', 'a']),
            r"heads.x needs 1 or more different streams, found \['a', 'a'\]",
        ),
        (dict(streams=[]), r'heads.x needs 1 or more different streams, found \[\]'),
        (dict(type=None), r'heads.x has no type'),
    ],
)
def test_wrong_settings(settings, message):
    config = {k: v for k, v in {**MOCO, **settings}.items() if k != 'type' or v}
    with pytest.raises(ValueError, match=message):
        build_head('x', config, ['a', 'b'])


def test_heads_that_are_none_are_omitted():
    model = model_with(heads=dict(moco=MOCO, halp=None))
    assert list(model.heads) == list(model.terms) == ['moco']
    assert set(model(views_of('joint'), None, mode='loss')) == {
        'joint/moco/loss',
        'joint/moco/accuracy',
    }


@pytest.mark.parametrize('heads', [{}, dict(moco=None)])
def test_no_heads_at_all(heads):
    with pytest.raises(ValueError, match='heads is empty; expected configs of one or more heads'):
        model_with(heads=heads)


def test_a_list_of_heads_is_refused():
    with pytest.raises(ValueError, match='heads must be a dict, got'):
        model_with(heads=[MOCO])


def test_weights_are_applied_once_and_to_losses_only():
    views = views_of('joint')
    whole = model_with()(views, None, mode='loss')
    model = model_with(heads=dict(moco={**MOCO, 'weight': 0.25}))
    weighted = model(views, None, mode='loss')
    assert torch.equal(weighted['joint/moco/loss'], 0.25 * whole['joint/moco/loss'])
    assert torch.equal(weighted['joint/moco/accuracy'], whole['joint/moco/accuracy'])
    total, logged = model.parse_losses(weighted)
    assert torch.equal(total, weighted['joint/moco/loss'])
    assert torch.equal(logged['loss'], total)


@pytest.mark.parametrize('name', ['loss', 'loss_x', 'lossless'])
def test_a_heads_name_adds_nothing_to_the_total(name):
    """Whatever a head is called, its metrics are no losses."""
    views = views_of('joint')
    models = [model_with(heads={key: MOCO, 'h': HALP}) for key in ('moco', name)]
    losses = [model(views, None, mode='loss') for model in models]
    totals = [model.parse_losses(these)[0] for model, these in zip(models, losses)]
    assert losses[0]['joint/moco/accuracy'] == losses[1][f'joint/{name}/accuracy']
    assert torch.equal(totals[0], totals[1])
    assert torch.equal(totals[1], losses[1][f'joint/{name}/loss'] + losses[1]['joint/h/loss'])

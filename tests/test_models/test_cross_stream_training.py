"""Heads that learn across streams, in the pre-trainer."""

from copy import deepcopy

import pytest
import torch

from halp_mm.models import PretrainingHead
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, tiny_model
from tests.test_models.test_no_waiting import RefuseToWait
from tests.test_models.test_pretrainer import add_head

STREAMS = ['joint', 'bone', 'motion']
MOCO = dict(type='MoCoHead')
CMD = dict(type='CMDHead', top_k=8)
CROSS = dict(type='CrossStreamHead', top_k=2)
INTER = dict(type='InterSkeletonHead')
HALP = dict(type='HaLPHead', num_positives=5, num_prototypes=3, num_newest=4, update_interval=2)


def model_with(seed: int = 0, streams=tuple(STREAMS), **kwargs):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return tiny_model(streams=list(streams), **kwargs).train()


def views_of(seed: int, views=('query', 'key')) -> dict:
    source = generator(seed)
    return {
        view: {stream: torch.randn(5, 2, 8, 25, 3, generator=source) for stream in STREAMS}
        for view in views
    }


def train(model, steps: int, views=('query', 'key')) -> list[dict]:
    """Steps of SGD, an epoch of two iterations each; the losses of all of them."""
    optimizer = torch.optim.SGD(model.query_networks.parameters(), 0.1, 0.9)
    history = []
    for step in range(steps):
        progress = TrainingProgress(step // 2, step, 2)
        losses = model(views_of(step, views), None, progress=progress, mode='loss')
        optimizer.zero_grad()
        model.parse_losses(losses)[0].backward()
        optimizer.step()
        history.append(losses)
    return history


@pytest.mark.parametrize(
    'heads',
    [
        dict(cmd=CMD),
        dict(cross=CROSS),
        dict(inter=INTER),
        dict(cmd=CMD, halp=HALP),
        dict(cross=CROSS, halp=HALP),
    ],
)
def test_training_steps(heads):
    model = model_with(heads=dict(moco=MOCO, **heads))
    before = deepcopy(model.query_networks.state_dict())
    history = train(model, 4)
    assert all(value.isfinite() for losses in history for value in losses.values())
    names = {name.partition('/')[0] for name in history[-1]}
    assert names == set(STREAMS)
    assert all(p.grad.isfinite().all() for p in model.query_networks.parameters())
    after = model.query_networks.state_dict()
    changed = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert set(dict(model.query_networks.named_parameters())) <= set(changed)
    assert all(p.grad is None for p in model.key_networks.parameters())


@pytest.mark.parametrize('head', [CMD, CROSS, INTER])
def test_a_step_does_not_wait_for_the_device(head):
    model = model_with(heads=dict(head=head))
    with RefuseToWait():
        losses = model(views_of(0), None, mode='loss')
        model.parse_losses(losses)[0].backward()
    assert all(p.grad is not None for p in model.query_networks.parameters())


def test_mining_takes_the_place_of_infonce():
    model = model_with(heads=dict(moco={**MOCO, 'end_epoch': 1}, cross={**CROSS, 'start_epoch': 1}))
    for step, losses in enumerate(train(model, 4)):
        infonce = {f'{stream}/moco/loss' for stream in STREAMS}
        mining = {f'{stream}/cross/loss' for stream in STREAMS}
        assert {name for name in losses if name.endswith('/loss')} == (
            infonce if step < 2 else mining
        )


def test_every_key_network_follows_while_mining():
    """The release goes on with motion's only."""
    model = model_with(heads=dict(cross=CROSS))
    train(model, 1)
    before = deepcopy(model.key_networks.state_dict())
    train(model, 2)
    after = model.key_networks.state_dict()
    for stream in STREAMS:
        names = [name for name in before if f'.{stream}.' in name and 'weight_ih' in name]
        assert names
        assert not any(torch.equal(after[name], before[name]) for name in names)


def test_aimclr_with_mining_across_streams():
    views = ('query', 'extreme', 'key')
    model = model_with(
        encoder=dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=8),
        derived_maps=dict(
            extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.65)
        ),
        heads=dict(d3m=dict(type='D3MHead'), nnm=dict(type='NNMHead'), cross=CROSS),
        data_preprocessor=None,
    )
    losses = train(model, 2, views)[-1]
    expected = {f'{s}/{n}/loss' for s in STREAMS for n in ('d3m', 'nnm', 'cross')}
    assert {name for name in losses if name.endswith('/loss')} == expected
    assert all(value.isfinite() for value in losses.values())


def test_queues_of_all_streams_hold_the_same_clip_at_the_same_place():
    """Also where the queue wraps around in the middle of a batch."""
    model = model_with(heads=dict(moco=MOCO), queue_size=13)
    clips = [[None] * 13 for _ in STREAMS]
    seen = {}

    class Watching(PretrainingHead):
        def loss(self, streams, progress):
            seen.update({name: stream.keys['key'] for name, stream in streams.items()})
            return {'joint': {'loss': streams['joint'].queries['query'].sum() * 0}}

    add_head(model, Watching())
    for step in range(5):
        model(views_of(step), None, mode='loss')
        for places, name in zip(clips, STREAMS):
            for i, key in enumerate(seen[name]):
                (place,) = (
                    (model.queues[name]['key'].entries == key).all(1).nonzero().flatten().tolist()
                )
                places[place] = 5 * step + i
    assert clips[0] == clips[1] == clips[2]
    assert sorted(clips[0]) == list(range(12, 25))


@pytest.mark.parametrize('head', [CMD, CROSS, INTER])
def test_a_weight_of_zero_leaves_a_stream_to_itself(head):
    """Bit for bit what the stream's own model computes from the same state."""
    together = model_with(heads=dict(moco=MOCO, head={**head, 'weight': 0.0}))
    for stream in STREAMS:
        alone = model_with(1, streams=[stream], heads=dict(moco=MOCO))
        state = together.state_dict()
        alone.load_state_dict({name: state[name] for name in alone.state_dict()})
        histories = train(deepcopy(together), 4), train(alone, 4)
        for ours, theirs in zip(*histories):
            assert torch.equal(ours[f'{stream}/moco/loss'], theirs[f'{stream}/moco/loss'])
    apart = train(model_with(heads=dict(moco=MOCO, head=head)), 4)[-1]
    assert not torch.equal(apart[f'{stream}/moco/loss'], ours[f'{stream}/moco/loss'])


def test_single_stream_models_refuse_heads_across_streams():
    with pytest.raises(ValueError, match=r"heads.cmd needs 2 or more .* found \['joint'\]; name"):
        model_with(streams=['joint'], heads=dict(moco=MOCO, cmd=CMD))

"""The pre-trainer, against steps done by hand."""

from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

from halp_mm import models
from halp_mm.models import HeadTerm, PretrainingHead
from halp_mm.training_progress import TrainingProgress
from tests.helpers import generator, tiny_model

MOCO = dict(type='MoCoHead')
HALP = dict(type='HaLPHead', num_positives=5, num_prototypes=3, num_newest=6, update_interval=2)


BOTH = dict(moco=MOCO, halp=HALP)


def add_head(model, head) -> None:
    """Let another head look at the streams."""
    model.terms['another'] = HeadTerm('another', tuple(model.sources))
    model.heads['another'] = head


def model_with(seed: int = 0, **kwargs):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return tiny_model(**kwargs).train()


def views_of(*streams: str, seed: int = 0, count: int = 5) -> dict:
    source = generator(seed)
    return {
        view: {stream: torch.randn(count, 2, 8, 25, 3, generator=source) for stream in streams}
        for view in ('query', 'key')
    }


def cosine_rows(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.square().sum(1, keepdim=True).sqrt()


@pytest.mark.parametrize('steps', [1, 3])
def test_moco_steps_equal_those_by_hand(steps):
    model = model_with(queue_size=13)
    query_network = deepcopy(model.query_networks['joint'])
    key_network = deepcopy(model.query_networks['joint'])
    queue = list(model.queues['joint']['key'].entries.clone())
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    by_hand = torch.optim.SGD(query_network.parameters(), 0.1)
    for step in range(steps):
        views = views_of('joint', seed=step)
        losses = model(views, None, mode='loss')
        with torch.no_grad():
            for mine, theirs in zip(key_network.parameters(), query_network.parameters()):
                mine.copy_(0.9 * mine + 0.1 * theirs)
            encoded = key_network.encoder(views['key']['joint'])
            key = cosine_rows(key_network.projector.layers(encoded))
        encoded = query_network.encoder(views['query']['joint'])
        query = cosine_rows(query_network.projector.layers(encoded))
        positive = (query * key).sum(1) / 0.07
        negative = query @ torch.stack(queue).T / 0.07
        every = torch.cat([positive[:, None], negative], 1)
        expected = (every.exp().sum(1).log() - positive).mean()
        torch.testing.assert_close(losses['joint/moco/loss'], expected, rtol=1e-4, atol=1e-5)
        queue = queue[5:] + list(key)  # the oldest go
        newest = torch.stack(queue[::-1])[: 5 * (step + 1)]  # what is older is random
        found = model.queues['joint']['key'].newest(len(newest))
        torch.testing.assert_close(found, newest, rtol=0, atol=1e-5)
        for loss, opt in ((losses['joint/moco/loss'], optimizer), (expected, by_hand)):
            opt.zero_grad()
            loss.backward()
            opt.step()
    for mine, theirs in zip(model.query_networks['joint'].parameters(), query_network.parameters()):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-4)


def test_key_networks_start_as_copies_of_what_init_cfg_made():
    init = dict(type='Normal', layer='Linear', std=0.5)
    model = model_with(projector=dict(type='Projector', out_dim=6, init_cfg=init))
    before = deepcopy(model.query_networks.state_dict())
    model.init_weights()
    queries, keys = model.query_networks.state_dict(), model.key_networks.module.state_dict()
    assert any(not torch.equal(value, before[name]) for name, value in queries.items())
    assert queries.keys() == keys.keys()
    for name, value in queries.items():
        assert torch.equal(value, keys[name]), name


def test_the_batchs_own_keys_are_no_negatives():
    model = model_with()
    before = model.queues['joint']['key'].snapshot()
    seen = {}

    class Watching(PretrainingHead):
        def loss(self, streams, progress):
            seen.update(streams)
            return {'joint': {'loss': streams['joint'].queries['query'].sum() * 0}}

    add_head(model, Watching())
    model(views_of('joint'), None, mode='loss')
    joint = seen['joint']
    assert torch.equal(joint.negatives['key'], before)
    assert torch.equal(model.queues['joint']['key'].newest(5), joint.keys['key'].flip(0))
    assert int(model.queues['joint']['key'].num_enqueued) == 5
    assert joint.queries['query'].requires_grad
    assert not joint.keys['key'].requires_grad


@pytest.mark.parametrize('heads', [dict(moco=MOCO), BOTH])
def test_key_networks_get_no_gradient(heads):
    model = model_with(heads=heads)
    for _ in range(3):
        losses = model(views_of('joint'), None, mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(p.grad is None for p in model.key_networks.parameters())
    assert all(p.grad is not None for p in model.query_networks.parameters())
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {n for n, _ in model.named_parameters() if n.startswith('query_networks')}


def test_losses_are_added_up_and_figures_are_not():
    model = model_with(heads=BOTH)
    for _ in range(3):
        losses = model(views_of('joint'), None, mode='loss')
    scalars = dict(moco=['loss', 'accuracy'], halp=['loss', 'positives_kept', 't_star'])
    names = [f'joint/{head}/{name}' for head, members in scalars.items() for name in members]
    assert list(losses) == names
    total, logged = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['joint/moco/loss'] + losses['joint/halp/loss'])
    assert set(logged) == {*names, 'loss'}


BIGRU = dict(type='BiGRU', hidden_size=4, num_layers=1)
STGCN = dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=8)


@pytest.mark.parametrize('encoder', [BIGRU, {**STGCN, 'dropout': 0.5}])
@pytest.mark.parametrize('cross', [{}, dict(cmd=dict(type='CMDHead', weight=0.0))])
def test_a_stream_among_others_learns_as_alone(encoder, cross):
    """Bit for bit: weights, queue, losses, with dropout and prototypes."""
    streams = ['joint', 'motion', 'bone']
    settings = dict(encoder=encoder, projector=dict(type='Projector', out_dim=6))
    alone = {
        ','.join(names): model_with(heads={**BOTH, **more}, streams=names, **settings)
        for names, more in ((streams, cross), *(([stream], {}) for stream in streams))
    }
    together = alone.pop('joint,motion,bone')
    for step in range(4):
        views = views_of(*streams, seed=step)
        losses = {}
        for name, model in (('all', together), *alone.items()):
            torch.manual_seed(step)
            progress = TrainingProgress(iteration=step)
            losses[name] = model(views, None, progress=progress, mode='loss')
            model.zero_grad()
            model.parse_losses(losses[name])[0].backward()
            torch.optim.SGD(model.parameters(), 0.1, foreach=False).step()
        for stream, model in alone.items():
            for name, loss in losses[stream].items():
                assert torch.equal(loss, losses['all'][name]), (step, name)
            assert torch.equal(
                together.queues[stream]['key'].entries, model.queues[stream]['key'].entries
            )
            mine = together.query_networks[stream].state_dict()
            for name, value in model.query_networks[stream].state_dict().items():
                assert torch.equal(mine[name], value), (step, name)
    assert losses['all']['bone/halp/loss'].item() != 0


REPRESENTATIONS = dict(
    encoder=dict(sequence=BIGRU, graph=STGCN), streams=dict(sequence='joint', graph='joint')
)


def test_representations_of_one_stream_have_their_own_encoders():
    model = model_with(data_preprocessor=None, **REPRESENTATIONS)
    assert model.data_preprocessor.streams == ('joint',)
    kinds = {name: type(network.encoder) for name, network in model.query_networks.items()}
    assert kinds == {'sequence': models.BiGRU, 'graph': models.STGCN}
    losses = model(views_of('joint'), None, mode='loss')
    assert {'sequence/moco/loss', 'graph/moco/loss'} <= set(losses)
    model.eval()
    clips = views_of('joint')['query']
    features = model({'clip': clips}, None)
    for name, feature in features.items():
        assert torch.equal(feature, model.query_networks[name].encoder(clips['joint']))


def test_a_stream_without_an_encoder_is_named():
    wrong = {**REPRESENTATIONS, 'encoder': dict(sequence=BIGRU)}
    with pytest.raises(ValueError, match=r"no encoder for stream 'graph', only for \['sequence'\]"):
        model_with(data_preprocessor=None, **wrong)


@pytest.mark.parametrize('start', [0, 1, 3])
def test_heads_are_silent_before_their_start_epoch(start):
    model = model_with(heads=dict(moco=MOCO, halp={**HALP, 'start_epoch': start}))
    for epoch in range(5):
        progress = TrainingProgress(epoch, 2 * epoch, 2)
        losses = model(views_of('joint'), None, progress=progress, mode='loss')
        assert ('joint/halp/loss' in losses) == (epoch >= start)
        assert 'joint/moco/loss' in losses


def test_before_the_first_head_starts_queues_are_filled_and_nothing_else_changes():
    model = model_with(heads=dict(moco={**MOCO, 'start_epoch': 1}))
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9, weight_decay=0.1)
    wrapper = OptimWrapper(optimizer)
    for step in range(3):
        before = deepcopy(model.state_dict())
        losses = model(
            views_of('joint', seed=step), None, progress=TrainingProgress(0), mode='loss'
        )
        total, _ = model.parse_losses(losses)
        wrapper.update_params(total)
        assert total == 0
        assert int(model.queues['joint']['key'].num_enqueued) == 5 * (step + 1)
        for name, parameter in model.named_parameters():
            assert torch.equal(parameter, before[name]), name
    losses = model(views_of('joint'), None, progress=TrainingProgress(1), mode='loss')
    wrapper.update_params(model.parse_losses(losses)[0])
    assert not torch.equal(
        model.state_dict()['query_networks.joint.projector.layers.0.weight'],
        before['query_networks.joint.projector.layers.0.weight'],
    )


def test_heads_are_silent_from_their_end_epoch_on():
    model = model_with(heads=dict(moco={**MOCO, 'end_epoch': 2}, halp={**HALP, 'start_epoch': 2}))
    for epoch in range(4):
        progress = TrainingProgress(epoch, 2 * epoch, 2)
        losses = model(views_of('joint'), None, progress=progress, mode='loss')
        assert ('joint/moco/loss' in losses) == (epoch < 2)
        assert ('joint/halp/loss' in losses) == (epoch >= 2)


@pytest.mark.parametrize('encoder', [STGCN, BIGRU])
def test_dropped_views_are_embedded_from_the_same_map(encoder):
    model = model_with(
        encoder=encoder,
        derived_maps=dict(
            extreme_drop=dict(type='EnergyAttentionDrop', view='extreme', keep_margin=0.65)
        ),
        heads=dict(moco=MOCO, d3m=dict(type='D3MHead'), nnm=dict(type='NNMHead')),
        data_preprocessor=None,
    ).eval()
    views = views_of('joint')
    views['extreme'] = views_of('joint', seed=7)['query']
    network = model.query_networks['joint']
    clips = {view: views[view]['joint'] for view in ('query', 'extreme')}
    queries = model.run_networks('joint', views, {}, TrainingProgress()).queries
    assert list(queries) == ['query', 'extreme', 'extreme_drop']
    for view in clips:
        assert torch.equal(queries[view], network(clips[view]))
    feature_map = network.encoder.forward_map(clips['extreme'])
    dropped = network.projector(
        network.encoder.readout(model.derived_maps['extreme_drop'](feature_map))
    )
    assert torch.equal(queries['extreme_drop'], dropped)
    assert not torch.equal(queries['extreme_drop'], queries['extreme'])
    losses = model.train()(views, None, mode='loss')
    assert {'joint/moco/loss', 'joint/d3m/loss', 'joint/nnm/loss'} <= set(losses)
    model.parse_losses(losses)[0].backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_derived_map_needs_its_view():
    message = r'derived_maps.dropped is .*EnergyAttentionDrop.* expected also view, the name'
    with pytest.raises(ValueError, match=message):
        model_with(derived_maps=dict(dropped=dict(type='EnergyAttentionDrop')))


@pytest.mark.parametrize('streams', [['joint'], ['joint', 'motion', 'bone']])
def test_features_come_from_the_encoder(streams):
    model = model_with(streams=streams).eval()
    views = {'clip': views_of(*streams)['query']}
    features = model(views, torch.zeros(5))
    assert list(features) == streams
    for stream, feature in features.items():
        assert feature.shape == (5, 8)
        encoder = model.query_networks[stream].encoder
        assert torch.equal(feature, encoder(views['clip'][stream]))


def test_unknown_mode():
    with pytest.raises(ValueError, match="mode must be 'loss' or 'tensor', got 'predict'"):
        model_with()({}, None, mode='predict')


def test_key_networks_start_as_copies():
    model = model_with(streams=['joint', 'bone'])
    model.init_weights()
    keys = model.key_networks.module.state_dict()
    for name, value in model.query_networks.state_dict().items():
        assert torch.equal(value, keys[name])
    joint, bone = (model.query_networks[s].state_dict() for s in ('joint', 'bone'))
    assert all(torch.equal(value, bone[name]) for name, value in joint.items())


def test_state_goes_round():
    """A model that is loaded goes on as the one that was saved."""
    heads = dict(moco=MOCO, halp={**HALP, 'update_interval': 3})
    model, other = model_with(heads=heads), model_with(1, heads=heads)
    for step in range(4):
        progress = TrainingProgress(iteration=step)
        model(views_of('joint', seed=step), None, progress=progress, mode='loss')
    other.load_state_dict(deepcopy(model.state_dict()))
    progress = TrainingProgress(iteration=4)
    losses = [
        one(views_of('joint', seed=4), None, progress=progress, mode='loss')
        for one in (model, other)
    ]
    assert losses[0]['joint/halp/loss'].item() != 0
    assert all(torch.equal(losses[0][name], losses[1][name]) for name in losses[0])


def test_heads_of_one_type_stand_side_by_side():
    alone = model_with()(views_of('joint'), None, mode='loss')
    heads = dict(sharp=MOCO, soft={**MOCO, 'temperature': 0.2})
    model = model_with(heads=heads)
    losses = model(views_of('joint'), None, mode='loss')
    names = ['joint/sharp/loss', 'joint/sharp/accuracy', 'joint/soft/loss', 'joint/soft/accuracy']
    assert list(losses) == names
    assert torch.equal(losses['joint/sharp/loss'], alone['joint/moco/loss'])
    assert losses['joint/soft/loss'] != losses['joint/sharp/loss']
    total, _ = model.parse_losses(losses)
    assert torch.equal(total, losses['joint/sharp/loss'] + losses['joint/soft/loss'])


def test_similarities_are_computed_once_for_all_heads():
    model = model_with()
    seen = []

    class Similarities(PretrainingHead):
        def loss(self, streams, progress):
            seen.append((streams['joint'].similarities('query'), streams['joint'].labels))
            return {}

    for name in ('one', 'other'):
        model.terms[name] = HeadTerm(name, tuple(model.sources))
        model.heads[name] = Similarities()
    labels = torch.arange(5)
    model(views_of('joint'), labels, mode='loss')
    (first, of_first), (second, of_second) = seen
    assert first is second
    assert of_first is of_second is labels


def test_heads_judge_in_full_precision_under_autocast():
    model = model_with(heads=BOTH)
    products = []

    class Product(PretrainingHead):
        def loss(self, streams, progress):
            stream = streams['joint']
            products.append((stream.queries['query'] @ stream.negatives['key'].T, stream))
            return {}

    add_head(model, Product())
    with torch.autocast('cpu', torch.bfloat16):
        losses = model(views_of('joint'), None, mode='loss')
    product, stream = products[0]
    assert product.dtype == torch.float32
    assert all(value.dtype == torch.float32 for value in losses.values())
    query, key = stream.queries['query'].detach().double(), stream.keys['key'].double()
    negatives = stream.negatives['key'].double()
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ negatives.T], 1)
    expected = F.cross_entropy(logits / 0.07, torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(losses['joint/moco/loss'].double(), expected, rtol=1e-5, atol=1e-5)
    losses['joint/moco/loss'].backward()
    assert all(p.grad.isfinite().all() for p in model.query_networks.parameters())


def test_heads_take_streams_and_length_from_the_pretrainer():
    heads = dict(**BOTH, of_bone={**HALP, 'streams': ['bone']})
    model = model_with(heads=heads, streams=['joint', 'bone'])
    streams = [term.streams for term in model.terms.values()]
    assert streams == [('joint', 'bone')] * 2 + [('bone',)]
    assert model.heads['halp'].prototypes.shape == (2, 3, 6)
    assert model.heads['of_bone'].prototypes.shape == (1, 3, 6)

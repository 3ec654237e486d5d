"""Projector, momentum copy and queue."""

from collections import deque
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from halp_mm.models import FeatureAsEmbedding, FeatureQueue, MomentumCopy, Projector
from halp_mm.models.converters.released_skeletonbt import rename_released_skeletonbt
from tests.helpers import (
    DTYPES,
    assert_relative,
    generator,
    reference,
    unit_vectors,
    with_prefix,
)


@pytest.mark.parametrize('dtype', DTYPES)
def test_projector_equals_a_loop_and_gives_unit_vectors(dtype):
    projector = Projector(12, 7, 5).to(dtype)
    features = torch.randn(20, 12, generator=generator(), dtype=dtype)
    embedding = projector(features)
    assert embedding.shape == (20, 5)
    first, _, second = projector.layers
    for row, feature in zip(embedding, features):
        hidden = (first.weight @ feature + first.bias).clamp(min=0)
        expected = second.weight @ hidden + second.bias
        expected = expected / expected.norm()
        torch.testing.assert_close(row.to(dtype), expected, rtol=0, atol=1e-6)
    assert (embedding.norm(dim=1) - 1).abs().max() < 1e-6


def test_projector_defaults_and_gradient():
    projector = Projector(12)
    assert [tuple(p.shape) for p in projector.parameters()] == [(12, 12), (12,), (128, 12), (128,)]
    assert projector.out_dim == 128
    embedding = projector(torch.randn(1, 12, generator=generator()))
    (embedding[:, 0]).sum().backward()
    assert all(p.grad.any() for p in projector.parameters())


def test_projector_is_exact_under_autocast():
    projector = Projector(12)
    with torch.autocast('cpu', torch.bfloat16):
        embedding = projector(torch.randn(9, 12, generator=generator()))
    assert embedding.dtype == torch.float32
    assert (embedding.norm(dim=1) - 1).abs().max() < 1e-6


@pytest.mark.parametrize('dtype', DTYPES)
def test_projector_of_barlow_twins_equals_the_release(dtype):
    vectors = reference('skeletonbt_loss_released')
    converted = rename_released_skeletonbt(with_prefix(vectors, 'state/'))
    state = with_prefix(converted, 'projector.')
    assert len(state) == len(converted)
    hidden, in_dim = state['layers.0.weight'].shape
    out_dim = len(state['layers.6.weight'])
    projector = Projector(
        in_dim, [hidden, hidden], out_dim, normalize=False, batch_norm=True, bias=False
    )
    projector.load_state_dict(state)
    projector.to(dtype).train()
    for view in 'ab':
        embedding = projector(vectors[f'feature_{view}'].to(dtype))
        assert_relative(embedding, vectors[f'projected_{view}'], 1e-5)


def test_projectors_without_hidden_layers():
    features = torch.randn(3, 12, generator=generator())
    linear = Projector(12, [], 5, normalize=False)
    (layer,) = linear.layers
    torch.testing.assert_close(linear(features), features @ layer.weight.T + layer.bias)
    nothing = FeatureAsEmbedding(12)
    assert nothing.out_dim == 12
    assert torch.equal(nothing(features), features)
    unit = FeatureAsEmbedding(12, normalize=True)(features)
    torch.testing.assert_close(unit, features / features.norm(dim=1, keepdim=True))
    with pytest.raises(ValueError, match='hidden_dim must be a whole number of at least 1, got 0'):
        Projector(12, [4, 0])


def small_network(seed: int = 0) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 2))


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('momentum', [0.999, 0.9, 0.0])
def test_momentum_copy_equals_a_loop(momentum, dtype):
    network = small_network().to(dtype)
    copy = MomentumCopy(network, momentum)
    expected = [p.detach().clone() for p in network.parameters()]
    source = generator()
    for step in range(5):
        with torch.no_grad():
            for p in network.parameters():
                p += torch.randn(p.shape, generator=source, dtype=dtype)
        copy.update_parameters(network)
        assert int(copy.n_averaged) == step + 1
        for i, (mine, theirs) in enumerate(zip(copy.module.parameters(), network.parameters())):
            expected[i] = momentum * expected[i] + (1 - momentum) * theirs.detach()
            # The first update is like the others: not a plain copy.
            torch.testing.assert_close(mine, expected[i], rtol=0, atol=1e-6)
            assert mine.data_ptr() != theirs.data_ptr()


@pytest.mark.parametrize('momentum', [-0.1, 1.0, '0.9'])
def test_a_copy_that_would_not_follow_is_refused(momentum):
    with pytest.raises(ValueError, match=r'momentum must be a number within \[0, 1\), got'):
        MomentumCopy(torch.nn.Linear(2, 2), momentum)


def test_momentum_copy_starts_equal_and_has_no_gradients():
    network = small_network()
    copy = MomentumCopy(network)
    for mine, theirs in zip(copy.module.parameters(), network.parameters()):
        assert torch.equal(mine, theirs)
        assert not mine.requires_grad
        assert theirs.requires_grad
    copy.update_parameters(network)
    assert not any(p.requires_grad for p in copy.parameters())
    assert all(p.grad_fn is None for p in copy.parameters())


def test_momentum_copys_buffers_are_its_own():
    network = small_network().train()
    copy = MomentumCopy(network, 0.5).train()
    network(torch.randn(8, 4, generator=generator()) + 5)
    before = [b.clone() for b in copy.module.buffers()]
    copy.update_parameters(network)
    assert all(torch.equal(a, b) for a, b in zip(before, copy.module.buffers()))
    mine = network[1].running_mean.clone()
    copy(torch.randn(8, 4, generator=generator()) - 5)
    assert not torch.equal(before[0], copy.module[1].running_mean)
    assert torch.equal(mine, network[1].running_mean)


def test_momentum_copy_state_goes_round():
    network = small_network()
    copy = MomentumCopy(network, 0.5)
    copy.update_parameters(small_network(1))
    state = deepcopy(copy.state_dict())
    other = MomentumCopy(small_network(2), 0.5)
    other.load_state_dict(state)
    copy.update_parameters(network)
    other.update_parameters(network)
    assert copy.state_dict().keys() == other.state_dict().keys()
    for name, value in copy.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('size', [1, 4, 7])
def test_queue_equals_a_deque(size, dtype):
    queue = FeatureQueue(size, 3).to(dtype)
    expected = deque(queue.entries.clone(), maxlen=size)
    source = generator()
    total = 0
    for batch in (1, 2, 3, 7, 0, 8, 1, 20, 4, 4, 5, 2, 13, 14, 15, 1):
        keys = torch.randn(batch, 3, generator=source, dtype=dtype)
        queue.enqueue(keys)
        expected.extend(keys)
        total += batch
        assert int(queue.num_enqueued) == total
        now = {tuple(row.tolist()) for row in queue.entries}
        if total >= size:
            assert now == {tuple(row.tolist()) for row in expected}
            newest = torch.stack(list(reversed(expected)))
            for count in range(1, size + 1):
                assert torch.equal(queue.newest(count), newest[:count])
        else:
            enqueued = list(expected)[-total:]
            assert torch.equal(queue.newest(total), torch.stack(enqueued[::-1]))


def test_queue_begins_with_random_unit_vectors():
    queue = FeatureQueue(50, 8)
    assert queue.entries.shape == (50, 8)
    assert (queue.entries.norm(dim=1) - 1).abs().max() < 1e-6
    cosine = queue.entries @ queue.entries.T - torch.eye(50)
    assert cosine.max() < 0.999
    assert int(queue.num_enqueued) == 0
    assert not list(queue.parameters())
    mean = FeatureQueue(4000, 5).entries.mean(0)  # in all directions
    assert mean.abs().max() < 5 * (1 / 5 / 4000) ** 0.5


def test_queue_of_keys_that_are_not_normalized():
    entries = FeatureQueue(2000, 12, unit_length=False).entries
    limit = 1 / (12 / 3) ** 0.5
    assert 0.99 * limit < entries.abs().max() <= limit
    assert entries.square().sum(1).mean().sqrt().item() == pytest.approx(1, abs=0.02)
    assert entries.mean().abs() < 0.01


def test_snapshot_does_not_change():
    queue = FeatureQueue(5, 4)
    snapshot = queue.snapshot()
    before = snapshot.clone()
    queue.enqueue(unit_vectors(3, 4).float())
    assert torch.equal(snapshot, before)
    assert not torch.equal(snapshot, queue.snapshot())


def test_newest_does_not_change():
    queue = FeatureQueue(5, 4)
    queue.enqueue(unit_vectors(5, 4).float())
    newest = queue.newest(5)
    before = newest.clone()
    queue.enqueue(unit_vectors(5, 4, seed=1).float())
    assert torch.equal(newest, before)


def test_queue_holds_no_graph():
    queue = FeatureQueue(5, 4)
    queue.enqueue(F.normalize(torch.randn(3, 4, requires_grad=True), dim=1))
    assert not queue.entries.requires_grad
    assert not queue.newest(2).requires_grad


def test_queue_takes_keys_of_another_precision():
    queue = FeatureQueue(5, 4)
    keys = unit_vectors(2, 4)
    queue.enqueue(keys)
    assert queue.entries.dtype == torch.float32
    torch.testing.assert_close(queue.newest(2), keys.flip(0).float())


def test_queue_state_goes_round():
    queue, other = FeatureQueue(5, 4), FeatureQueue(5, 4)
    queue.enqueue(unit_vectors(8, 4).float())
    other.load_state_dict(queue.state_dict())
    for one in (queue, other):
        one.enqueue(unit_vectors(3, 4, seed=2).float())
    assert torch.equal(queue.newest(5), other.newest(5))


def test_momentum_of_one_would_never_follow():
    with pytest.raises(ValueError, match=r'momentum must be a number within \[0, 1\), got 1'):
        MomentumCopy(torch.nn.Linear(1, 1), 1.0)


@pytest.mark.parametrize('size', [0, -3])
def test_queue_without_room(size):
    with pytest.raises(
        ValueError, match=f'queue_size must be a whole number of at least 1, got {size}'
    ):
        FeatureQueue(size, 4)


def test_more_newest_than_there_are():
    with pytest.raises(ValueError, match='cannot take 6 newest entries of a queue of 5'):
        FeatureQueue(5, 4).newest(6)

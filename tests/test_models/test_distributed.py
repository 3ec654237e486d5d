"""Momentum contrast on two real processes that talk through gloo."""

from pathlib import Path

import torch
from mmengine.model import MMDistributedDataParallel

from halp_mm.models import Pretrainer
from halp_mm.models.modules.gathering import mean_over_ranks, own_rows
from halp_mm.training_progress import TrainingProgress
from tests.ranks import connected, run_ranks

LAYOUT = dict(name='stick', joints=('top', 'bottom'), bones=[('top', 'bottom')], center='top')


def build_model(**settings: object) -> Pretrainer:
    torch.manual_seed(0)
    return Pretrainer(
        encoder=dict(type='BiGRU', layout=LAYOUT, num_people=1, hidden_size=4, num_layers=1),
        projector=dict(type='Projector', out_dim=6),
        heads=dict(
            moco=dict(type='MoCoHead'),
            halp=dict(type='HaLPHead', num_prototypes=3, num_newest=8, update_interval=2),
        ),
        queue_size=24,
        **settings,
    )


def views_of(rank: int, iteration: int) -> dict:
    generator = torch.Generator().manual_seed(10 * iteration + rank)
    clips = torch.randn(2, 4, 1, 5, 2, 3, generator=generator)
    return {'query': {'joint': clips[0]}, 'key': {'joint': clips[1]}}


def train_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        train(rank, folder)


def train(rank: int, folder: str) -> None:
    model = MMDistributedDataParallel(build_model(), broadcast_buffers=False)
    optimizer = torch.optim.SGD(model.module.query_networks.parameters(), 0.1)
    keys = []
    for iteration in range(5):
        progress = TrainingProgress(iteration=iteration, rank=rank)
        losses = model(views_of(rank, iteration), None, progress=progress, mode='loss')
        optimizer.zero_grad()
        (losses['joint/moco/loss'] + losses['joint/halp/loss']).backward()
        optimizer.step()
        keys.append(model.module.queues['joint']['key'].newest(8))
    torch.save({'state': model.module.state_dict(), 'keys': keys}, f'{folder}/rank{rank}.pth')


def encode_keys_as_rank(rank: int, folder: str) -> None:
    with connected(rank, folder):
        model = build_model(batch_norm='shuffled_keys')
        progress = TrainingProgress(rank=rank, world_size=2)
        clips = views_of(rank, 0)['key']['joint']
        reads = model.reads_at(progress, 'joint')
        *_, keys = model.copy_outputs('joint', 'key', clips, progress, reads, {})
        value = torch.tensor([float(rank), 3.0], requires_grad=True)
        mean = mean_over_ranks(value)
        assert not mean.requires_grad
        facts = {'keys': keys, 'value': value.detach(), 'mean': mean, 'own': own_rows(keys)}
        torch.save(facts, f'{folder}/rank{rank}.pth')


def test_keys_are_normalized_among_shuffled_clips(tmp_path: Path):
    ranks = run_ranks(encode_keys_as_rank, tmp_path)
    for i, rank in enumerate(ranks):
        assert rank['value'].tolist() == [i, 3]
        assert rank['mean'].tolist() == [0.5, 3]
        assert torch.equal(rank['own'], rank['keys'][i::2])
    keys = torch.stack([rank['keys'] for rank in ranks], 1).flatten(0, 1)
    clips = torch.stack([views_of(rank, 0)['key']['joint'] for rank in (0, 1)], 1).flatten(0, 1)
    network = build_model().key_networks.module['joint']
    generator = TrainingProgress().generator('cpu', 'shuffled keys key', same_on_all_ranks=True)
    order = torch.randperm(8, generator=generator)
    shares = [order[rank::2] for rank in (0, 1)]
    assert all(set((share % 2).tolist()) == {0, 1} for share in shares)  # each has some of both
    with torch.no_grad():
        for share in shares:
            torch.testing.assert_close(keys[share], network(clips[share]))
        whole = network(clips)
    assert not torch.allclose(keys, whole, atol=1e-3)


def test_ranks_share_weights_queue_and_prototypes(tmp_path: Path):
    first, second = run_ranks(train_as_rank, tmp_path)
    for key, value in first['state'].items():
        if 'running' not in key:  # batch statistics are each rank's own, as in MoCo
            assert torch.equal(value, second['state'][key]), key
    assert first['state']['queues.joint.key.num_enqueued'] == 5 * 2 * 4
    assert first['state']['heads.halp.has_prototypes'].all()

    # The first iteration's keys are those that the initial key network gives to both ranks' clips,
    # in the order of the global batch.
    model = build_model()
    network = model.key_networks.module['joint']
    with torch.no_grad():
        expected = [network(views_of(rank, 0)['key']['joint']) for rank in (0, 1)]
    torch.testing.assert_close(first['keys'][0].flip(0), torch.stack(expected, 1).flatten(0, 1))

"""Clips in pairs of one class."""

from types import SimpleNamespace

import pytest
import torch

from halp_mm.datasets import ClassPairSampler, class_pair_sampler

LABELS = torch.tensor([3, 0, 0, 1, 3, 3, 0, 0, 2, 3, 3, 0])


def dataset(labels=LABELS):
    return SimpleNamespace(labels=labels, data_file='clips.safetensors')


def test_pairs_of_one_class_and_every_clip_once():
    sampler = ClassPairSampler(dataset(), seed=0)
    epochs = []
    for epoch in range(20):
        sampler.set_epoch(epoch)
        drawn = list(sampler)
        assert len(drawn) == len(sampler) == len(set(drawn)) == 8
        pairs = LABELS[torch.tensor(drawn)].view(-1, 2)
        assert torch.equal(pairs[:, 0], pairs[:, 1])
        assert sorted(pairs[:, 0].tolist()) == [0, 0, 3, 3]
        epochs.append(drawn)
    assert len({tuple(drawn) for drawn in epochs}) == 20
    assert {clip for drawn in epochs for clip in drawn} == set(range(12)) - {3, 8}
    sampler.set_epoch(4)
    assert list(sampler) == epochs[4]


def test_ranks_share_the_pairs(monkeypatch):
    alone = list(ClassPairSampler(dataset(), seed=0))
    drawn = []
    for rank in (0, 1, 2):
        monkeypatch.setattr(class_pair_sampler, 'get_dist_info', lambda rank=rank: (rank, 3))
        drawn.append(list(ClassPairSampler(dataset(), seed=0)))
    assert drawn == [alone[0:2], alone[2:4], alone[4:6]]


def test_what_cannot_be_paired():
    with pytest.raises(ValueError, match=r'clips.safetensors: 2 of 4 clips have no label'):
        ClassPairSampler(dataset(torch.tensor([0, -1, 0, -1])))
    with pytest.raises(ValueError, match='the classes have fewer than 1 pairs of clips'):
        ClassPairSampler(dataset(torch.arange(4)))

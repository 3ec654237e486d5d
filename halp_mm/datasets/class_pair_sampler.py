"""Clips in pairs of one class, for heads that contrast classes."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from mmengine.dist import get_dist_info, sync_random_seed
from torch.utils.data import Sampler

from halp_mm.datasets.skeleton_dataset import SkeletonDataset
from halp_mm.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class ClassPairSampler(Sampler[int]):
    """Draw clips two by two, of one class each, so that a batch of an even size has such pairs.

    An epoch has every clip once, but for one of each class with an odd number. Ranks share the
    pairs; as many as there are ranks, less one, may be left out.

    Args:
        dataset: The labelled clips.
        seed: Seed of the draws; the same on all ranks. By default a random one.

    Raises:
        ValueError: if there are clips without labels, or fewer pairs than ranks.
    """

    def __init__(self, dataset: SkeletonDataset, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.labels = dataset.labels
        unlabelled = int((self.labels < 0).sum())
        if unlabelled:
            raise ValueError(
                f'{dataset.data_file}: {unlabelled} of {len(self.labels)} clips have no label; '
                'ClassPairSampler draws pairs of one class'
            )
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.num_pairs = int((self.labels.bincount() // 2).sum()) // self.world_size
        if not self.num_pairs:
            raise ValueError(
                f'{dataset.data_file}: the classes have fewer than {self.world_size} pairs of '
                'clips; ClassPairSampler needs one for each process'
            )

    def __len__(self) -> int:
        return 2 * self.num_pairs

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        shuffled = torch.randperm(len(self.labels), generator=generator)
        by_class = shuffled[self.labels[shuffled].argsort(stable=True)]
        sizes = self.labels.bincount()
        classes = self.labels[by_class]
        place = torch.arange(len(by_class)) - (sizes.cumsum(0) - sizes)[classes]
        pairs = by_class[place < sizes[classes] // 2 * 2].view(-1, 2)
        pairs = pairs[torch.randperm(len(pairs), generator=generator)]
        own = pairs[: self.num_pairs * self.world_size][self.rank :: self.world_size]
        yield from own.flatten().tolist()

    def set_epoch(self, epoch: int) -> None:
        """Draw other pairs from now on."""
        self.epoch = epoch

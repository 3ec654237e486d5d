"""Where a training run stands, and the random draws that belong to that moment."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch

from halp_mm.clip_draws import ClipGenerator


@dataclass(frozen=True)
class TrainingProgress:
    """The moment of a training run that an iteration belongs to.

    Random draws of views and heads come from generators seeded by this moment, so a run that is
    resumed continues with the very draws that it would have made.

    Args:
        epoch: Epochs completed.
        iteration: Iterations completed.
        iterations_per_epoch: Iterations of one epoch.
        seed: The run's seed.
        rank: This process among the distributed ones.
        world_size: How many processes there are.
        start_epoch: The epoch in which whoever is told of this moment became active.
    """

    epoch: int = 0
    iteration: int = 0
    iterations_per_epoch: int = 1
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    start_epoch: int = 0

    @property
    def active_iterations(self) -> int:
        """Iterations completed since the start epoch began; negative before it."""
        return self.iteration - self.start_epoch * self.iterations_per_epoch

    def generator(
        self, device: torch.device | str, purpose: str, same_on_all_ranks: bool = False
    ) -> torch.Generator:
        """A generator for this iteration.

        On several processes it is a :class:`~halp_mm.clip_draws.ClipGenerator`: draws made through
        :mod:`halp_mm.clip_draws` are those of a clip's place in the global batch, all others this
        process's own.

        Args:
            device: Where numbers will be drawn.
            purpose: Keeps the draws of different components apart.
            same_on_all_ranks: Whether all ranks shall draw the same numbers.
        """
        if self.world_size > 1 and not same_on_all_ranks:
            # No process's own numbers are the common ones.
            own_seed = self._seed_of(f'{self.rank} of {self.world_size} {purpose}')
            common_seed = self._seed_of(f'0 {purpose}')
            return ClipGenerator(device, own_seed, common_seed, self.rank, self.world_size)
        rank = 0 if same_on_all_ranks else self.rank
        generator = torch.Generator(device)
        generator.manual_seed(self._seed_of(f'{rank} {purpose}'))
        return generator

    def _seed_of(self, purpose: str) -> int:
        moment = f'{self.seed} {self.epoch} {self.iteration} {purpose}'
        return zlib.crc32(moment.encode())

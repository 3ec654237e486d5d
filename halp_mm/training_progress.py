"""Where a training run stands, and the random draws that belong to that moment."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch


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
        start_epoch: The epoch in which whoever is told of this moment became active.
    """

    epoch: int = 0
    iteration: int = 0
    iterations_per_epoch: int = 1
    seed: int = 0
    rank: int = 0
    start_epoch: int = 0

    @property
    def active_iterations(self) -> int:
        """Iterations completed since the start epoch began; negative before it."""
        return self.iteration - self.start_epoch * self.iterations_per_epoch

    def generator(
        self, device: torch.device | str, purpose: str, same_on_all_ranks: bool = False
    ) -> torch.Generator:
        """A generator for this iteration.

        Args:
            device: Where numbers will be drawn.
            purpose: Keeps the draws of different components apart.
            same_on_all_ranks: Whether all ranks shall draw the same numbers.
        """
        rank = 0 if same_on_all_ranks else self.rank
        moment = f'{self.seed} {self.epoch} {self.iteration} {rank} {purpose}'
        generator = torch.Generator(device)
        generator.manual_seed(zlib.crc32(moment.encode()))
        return generator

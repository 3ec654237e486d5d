"""The progress of a training run, and the random draws that belong to it."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch

from halp_mm.clip_draws import ClipGenerator


@dataclass(frozen=True)
class TrainingProgress:
    """The progress of a training run at an iteration.

    Random draws of views and heads come from generators seeded by the progress. A resumed run
    therefore makes the same draws as an uninterrupted run.

    Args:
        epoch: Number of completed epochs.
        iteration: Number of completed iterations.
        iterations_per_epoch: Number of iterations per epoch.
        seed: The run's seed.
        rank: Rank of this process.
        world_size: Number of processes.
        num_clips: Number of clips of the global batch; by default all processes have as many.
        start_epoch: Epoch in which the component that receives the progress becomes active.
        max_epochs: Number of epochs of the run; None if that is unknown.
    """

    epoch: int = 0
    iteration: int = 0
    iterations_per_epoch: int = 1
    seed: int = 0
    rank: int = 0
    world_size: int = 1
    num_clips: int | None = None
    start_epoch: int = 0
    max_epochs: int | None = None

    @property
    def active_iterations(self) -> int:
        """Number of completed iterations since the start epoch; negative before it."""
        return self.iteration - self.start_epoch * self.iterations_per_epoch

    @property
    def epochs(self) -> float:
        """Number of completed epochs, with the completed share of this one."""
        return self.iteration / self.iterations_per_epoch

    @property
    def share(self) -> float:
        """Completed share of the run, from 0 to 1; 0 if its length is unknown."""
        return min(1.0, self.epochs / self.max_epochs) if self.max_epochs else 0.0

    def generator(
        self, device: torch.device | str, purpose: str, same_on_all_ranks: bool = False
    ) -> torch.Generator:
        """Create the random generator of this iteration.

        With several processes it is a :class:`~halp_mm.clip_draws.ClipGenerator`: draws through
        :mod:`halp_mm.clip_draws` depend on a clip's position in the global batch, all others on
        the process.

        Args:
            device: Device of the draws.
            purpose: Name that separates the draws of different components.
            same_on_all_ranks: Whether all ranks draw the same numbers.
        """
        if self.world_size > 1 and not same_on_all_ranks:
            # No process's own numbers are the common ones.
            own_seed = self._seed_of(f'{self.rank} of {self.world_size} {purpose}')
            common_seed = self._seed_of(f'0 {purpose}')
            places = (self.rank, self.world_size, self.num_clips)
            return ClipGenerator(device, own_seed, common_seed, *places)
        rank = 0 if same_on_all_ranks else self.rank
        generator = torch.Generator(device)
        generator.manual_seed(self._seed_of(f'{rank} {purpose}'))
        return generator

    def _seed_of(self, purpose: str) -> int:
        moment = f'{self.seed} {self.epoch} {self.iteration} {purpose}'
        return zlib.crc32(moment.encode())

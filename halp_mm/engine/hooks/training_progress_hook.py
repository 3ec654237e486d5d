"""Give each batch the progress of training."""

from __future__ import annotations

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.training_progress import TrainingProgress


class TrainingProgressHook(Hook):
    """Before each iteration, give the batch the moment that its random draws belong to.

    PyTorch's own generators, which dropout uses, are seeded by the moment as well, so that a
    resumed run repeats all draws. The SkeletonRunner always has this hook.
    """

    priority = 'VERY_HIGH'

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Put the moment into the batch, as ``progress``."""
        progress = TrainingProgress(
            epoch=runner.epoch,
            iteration=runner.iter,
            iterations_per_epoch=len(runner.train_dataloader),
            seed=runner.seed,
            rank=get_rank(),
            world_size=get_world_size(),
            max_epochs=runner.max_epochs,
        )
        torch.manual_seed(progress.generator('cpu', 'dropout').initial_seed())
        data_batch['progress'] = progress

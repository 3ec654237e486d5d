"""mmengine's loop over epochs, which can stop and go on within an epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import mmengine.runner
from torch.utils.data import DataLoader, Sampler

from halp_mm.engine.stop import kill_workers_at_exit, leave_signals_to_the_main_process
from halp_mm.registry import LOOPS


@LOOPS.register_module()
class EpochBasedTrainLoop(mmengine.runner.EpochBasedTrainLoop):
    """Training by epochs, which can stop after any iteration and go on from there.

    The batches of an epoch depend on the seed and the epoch alone, and all draws on the iteration,
    so a run that goes on within an epoch ends with the weights that it would have had.

    Takes the place of mmengine's loop of this name, and its arguments.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        #: Batches of the next epoch that are behind a resumed run.
        self.batches_done = 0
        init = self.dataloader.worker_init_fn
        kill_workers_at_exit()
        self.dataloader.worker_init_fn = partial(leave_signals_to_the_main_process, init)

    def go_on_from(self, epoch: int, iteration: int, batches_done: int) -> None:
        """Say what a resumed run has behind it.

        Args:
            epoch: Epochs that were completed.
            iteration: Iterations.
            batches_done: Iterations of the epoch that was not completed.
        """
        self._epoch, self._iter, self.batches_done = epoch, iteration, batches_done

    def run_epoch(self) -> None:
        """Iterate one epoch, or the rest of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        with first_batches_omitted(self.dataloader, self.batches_done):
            for idx, data_batch in enumerate(self.dataloader, self.batches_done):
                self.run_iter(idx, data_batch)
                if self.runner.stop.is_agreed and idx + 1 < len(self.dataloader):
                    self.runner.save_and_stop()
        self.batches_done = 0
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        if self.runner.stop.agree(0, is_last=True) and self._epoch < self._max_epochs:
            self.runner.save_and_stop()

    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Iterate one batch."""
        self.runner.call_hook('before_train_iter', batch_idx=idx, data_batch=data_batch)
        outputs = self.runner.model.train_step(data_batch, optim_wrapper=self.runner.optim_wrapper)
        self.runner.stop.agree(idx + 1, is_last=idx + 1 == len(self.dataloader))
        self.runner.call_hook(
            'after_train_iter', batch_idx=idx, data_batch=data_batch, outputs=outputs
        )
        self._iter += 1


class _RestOfSamples(Sampler):
    """What is left of a sampler's samples; as long as all of them, as hooks expect."""

    def __init__(self, sampler: Sampler, count: int) -> None:
        self.sampler = sampler
        self.count = count

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        samples = iter(self.sampler)
        for _ in range(self.count):
            next(samples, None)
        yield from samples


@contextmanager
def first_batches_omitted(dataloader: DataLoader, count: int) -> Iterator[None]:
    """Within ``with``, let a loader begin after so many batches, without loading them.

    Args:
        dataloader: A loader whose batches are made of a sampler's samples.
        count: How many batches.
    """
    if not count:
        yield
        return
    batches = dataloader.batch_sampler
    sampler = batches.sampler
    batches.sampler = _RestOfSamples(sampler, count * batches.batch_size)
    try:
        yield
    finally:
        batches.sampler = sampler

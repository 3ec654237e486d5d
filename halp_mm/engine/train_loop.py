"""mmengine's loop over epochs, which can stop and continue within an epoch."""

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
    """Training by epochs, which can stop after any iteration and continue there.

    The batches of an epoch depend only on the seed and the epoch, and all draws depend on the
    iteration. So a run that continues within an epoch ends with the weights of an uninterrupted
    run.

    It replaces mmengine's loop of this name and takes the same arguments.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        #: Batches of the next epoch that a resumed run has completed.
        self.batches_done = 0
        #: Whether batches are gathered from clips that are on a device, without the loader.
        self.gathers_batches = False
        init = self.dataloader.worker_init_fn
        kill_workers_at_exit()
        self.dataloader.worker_init_fn = partial(leave_signals_to_the_main_process, init)

    def go_on_from(self, epoch: int, iteration: int, batches_done: int) -> None:
        """Set what a resumed run has completed.

        Args:
            epoch: The completed epochs.
            iteration: The completed iterations of all epochs.
            batches_done: The completed iterations of the unfinished epoch.
        """
        self._epoch, self._iter, self.batches_done = epoch, iteration, batches_done

    def run_epoch(self) -> None:
        """Iterate one epoch, or the rest of it."""
        self.runner.call_hook('before_train_epoch')
        self.runner.model.train()
        with first_batches_omitted(self.dataloader, self.batches_done):
            for idx, data_batch in enumerate(self.epoch_batches(), self.batches_done):
                self.run_iter(idx, data_batch)
                if self.runner.stop.is_agreed and idx + 1 < len(self.dataloader):
                    self.runner.save_and_stop()
        self.batches_done = 0
        self.runner.call_hook('after_train_epoch')
        self._epoch += 1
        if self.runner.stop.agree(0, is_last=True) and self._epoch < self._max_epochs:
            self.runner.save_and_stop()

    def epoch_batches(self) -> Iterator[dict]:
        """The batches of one epoch, from the loader or gathered from clips that are on a device."""
        return gathered_batches(self.dataloader) if self.gathers_batches else iter(self.dataloader)

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
    """The remaining samples of a sampler; its length is that of all samples, as hooks expect."""

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


def gathered_batches(dataloader: DataLoader) -> Iterator[dict]:
    """A loader's batches, in its order, gathered in this process from clips that are on a device.

    Args:
        dataloader: A loader of a data set whose clips are kept; see ``SkeletonDataset.keep_on``.
    """
    for indices in dataloader.batch_sampler:
        yield dataloader.collate_fn(dataloader.dataset.__getitems__(indices))


@contextmanager
def first_batches_omitted(dataloader: DataLoader, count: int) -> Iterator[None]:
    """Within ``with``, let a loader skip the first batches without loading them.

    Args:
        dataloader: A loader whose batches are made of a sampler's samples.
        count: The number of batches to skip.
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

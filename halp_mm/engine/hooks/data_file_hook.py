"""Stop in one sentence if a data file shrinks under a run."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner


class DataFileHook(Hook):
    """Before each epoch, look whether the training set's data file is still whole.

    To read a mapped file beyond its end kills a process without a word. The SkeletonRunner has
    this hook without being asked.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Compare the file's size."""
        check = getattr(runner.train_dataloader.dataset, 'check_data_file_size', None)
        if check is not None:
            check()

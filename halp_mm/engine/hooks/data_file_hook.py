"""Stop with a clear error if a data file shrinks during a run."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner


class DataFileHook(Hook):
    """Check before each epoch that the training set's data file is still complete.

    Reading a mapped file beyond its end kills the process without a message. The SkeletonRunner
    always has this hook.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Compare the file's size."""
        check = getattr(runner.train_dataloader.dataset, 'check_data_file_size', None)
        if check is not None:
            check()

"""Write the identity of the run into each checkpoint."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.run_identity import run_identity
from halp_mm.sha256 import files_sha256


class RunIdentityHook(Hook):
    """Write the run's identity into ``meta/run_identity`` of its checkpoints.

    The SkeletonRunner always has this hook. The training file is read for its SHA-256 when the
    first checkpoint is saved, so that nothing waits for it earlier. A Runner that was built from
    objects instead of a config has no identity.
    """

    def __init__(self) -> None:
        self.identity: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Take the identity from config, training set, seed and processes."""
        if 'model' in runner.cfg:
            self.identity = run_identity(runner.cfg, getattr(_dataset(runner), 'metainfo', None))
            self.identity |= {'seed': runner.seed, 'processes': runner.world_size}

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the identity."""
        if self.identity is None:
            return
        data = self.identity['data']
        data_files = getattr(_dataset(runner), 'data_files', None)
        if data['file_sha256'] is None and data_files is not None:
            data['file_sha256'] = files_sha256(data_files)
        checkpoint['meta']['run_identity'] = self.identity


def _dataset(runner: Runner) -> object:
    return runner.train_dataloader.dataset

"""mmengine's CheckpointHook, which can be killed at any moment."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mmengine.hooks
from mmengine.dist import is_main_process
from mmengine.runner import Runner

from halp_mm.engine.resume import STOPPED, note_last_checkpoint
from halp_mm.registry import HOOKS


@HOOKS.register_module()
class CheckpointHook(mmengine.hooks.CheckpointHook):
    """Save a checkpoint every n epochs, and remove older ones after the new one is complete.

    mmengine's own hook removes the old one first and notes the new one in a file that is empty for
    a moment. This hook replaces it and takes its arguments: ``interval``, ``max_keep_ckpts`` and
    so on.
    """

    def before_train(self, runner: Runner) -> None:
        """Find out where checkpoints go, as mmengine does."""
        with without_deprecations(runner.logger):
            super().before_train(runner)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        outdated = []
        if self.max_keep_ckpts > 0 and step not in self.keep_ckpt_ids:
            while len(self.keep_ckpt_ids) >= self.max_keep_ckpts:
                outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            note_last_checkpoint(self.last_ckpt, runner.work_dir)
            for name in (*outdated, STOPPED):
                if name != filename:
                    Path(self.out_dir, name).unlink(missing_ok=True)


@contextmanager
def without_deprecations(logger: logging.Logger) -> Iterator[None]:
    """Meanwhile, drop warnings that something will be deprecated.

    mmengine's hook asks for a ``FileClient`` whatever its arguments are, and warns of that: nobody
    who reads it could do anything about it.
    """

    def is_wanted(record: logging.LogRecord) -> bool:
        return 'will be deprecated' not in record.getMessage()

    logger.addFilter(is_wanted)
    try:
        yield
    finally:
        logger.removeFilter(is_wanted)

"""mmengine's Runner, with what it lacks."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.runner import Runner
from torch import nn

import halp_mm.engine.checkpoint  # noqa: F401 - makes the Runner read checkpoints safely
from halp_mm.engine.distributed import init_distributed
from halp_mm.engine.hooks.classes_hook import ClassesHook
from halp_mm.engine.hooks.plain_checkpoint_hook import PlainCheckpointHook
from halp_mm.engine.hooks.preflight_hook import PreflightHook
from halp_mm.engine.hooks.training_progress_hook import TrainingProgressHook
from halp_mm.registry import RUNNERS


@RUNNERS.register_module()
class SkeletonRunner(Runner):
    """A Runner that tells models where training stands, and can train on several CPUs.

    Its checkpoints are written whole or not at all, and hold tensors and plain containers only.
    """

    @property
    def last_checkpoint(self) -> Path | None:
        """The checkpoint that was written last into the work directory, if there is one."""
        note = Path(self.work_dir, 'last_checkpoint')
        return Path(note.read_text()) if note.is_file() else None

    @property
    def log_file(self) -> Path:
        """The text of the log."""
        return Path(self.log_dir, f'{self.timestamp}.log')

    def register_hooks(self, *args, **kwargs) -> None:
        """Register the config's hooks, and those that no training can do without."""
        super().register_hooks(*args, **kwargs)
        self.register_hook(PreflightHook())
        self.register_hook(ClassesHook())
        self.register_hook(TrainingProgressHook())
        self.register_hook(PlainCheckpointHook())

    def setup_env(self, env_cfg: dict) -> None:
        """Set up the environment, after the processes have been connected."""
        init_distributed(self._launcher)
        super().setup_env(env_cfg)

    def wrap_model(self, model_wrapper_cfg: dict | None, model: nn.Module) -> nn.Module:
        """Wrap the model for distributed training, which on CPUs knows no device ids."""
        if self.distributed and model_wrapper_cfg is None and not torch.cuda.is_available():
            return MMDistributedDataParallel(module=model, broadcast_buffers=False)
        return super().wrap_model(model_wrapper_cfg, model)

    def save_checkpoint(self, out_dir: str, filename: str, *args, **kwargs) -> None:
        """Save under a temporary name, then rename: a file of this name is always complete."""
        partial = f'{filename}.{os.getpid()}.partial'
        partial_path = os.path.join(out_dir, partial)
        try:
            super().save_checkpoint(out_dir, partial, *args, **kwargs)
            if os.path.exists(partial_path):  # other ranks than the first write nothing
                os.replace(partial_path, os.path.join(out_dir, filename))
        except OSError as error:
            raise OSError(
                f'cannot write the checkpoint {os.path.join(out_dir, filename)}: {error}. '
                'Make room or choose another --work-dir, then continue with --resume'
            ) from error
        finally:
            if os.path.exists(partial_path):
                os.remove(partial_path)

"""The same buffers on all ranks."""

from __future__ import annotations

from mmengine.dist import broadcast, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.engine.distributed import model_of
from halp_mm.registry import HOOKS


@HOOKS.register_module()
class BuffersHook(Hook):
    """After each epoch, give all ranks the buffers of the first one.

    Those are batch norm's running statistics, of which each rank has its own. What is evaluated
    then is the model that is saved, since the first rank saves. An average would use more clips,
    but a run that stops within an epoch could not be resumed to the same weights: the other ranks'
    statistics are not in the checkpoint. The SkeletonRunner has this hook without being asked.
    """

    priority = 'NORMAL'  # before evaluation and saving

    def after_train_epoch(self, runner: Runner) -> None:
        """Broadcast the buffers."""
        if is_distributed():
            for buffer in model_of(runner).buffers():
                broadcast(buffer, src=0)

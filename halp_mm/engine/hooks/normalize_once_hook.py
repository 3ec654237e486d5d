"""Normalise the training set once instead of in every epoch."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.argument_checks import check_at_least
from halp_mm.engine.distributed import model_of
from halp_mm.registry import HOOKS


@HOOKS.register_module()
class NormalizeOnceHook(Hook):
    """Before training, run the data preprocessor's normalisation over the whole training set.

    The result stays in shared memory, where all workers of the process see it. A larger training
    set is normalised batch by batch in every epoch, on the device.

    Args:
        max_gigabytes: Size of the training set's coordinates up to which this is done.
    """

    def __init__(self, max_gigabytes: float = 4.0) -> None:
        check_at_least(0, max_gigabytes=max_gigabytes)
        self.max_gigabytes = max_gigabytes

    def before_train(self, runner: Runner) -> None:
        """Normalise, if the training set is small enough."""
        model = model_of(runner)
        normalization = model.data_preprocessor.normalization
        if normalization.is_random:
            raise ValueError('a normalisation with random draws cannot be done once for all')
        device = model.data_preprocessor.device
        runner.train_dataloader.dataset.normalize_once(normalization, self.max_gigabytes, device)

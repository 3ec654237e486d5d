"""Collect logged scalars without waiting for the device in every iteration."""

from __future__ import annotations

import math
from itertools import accumulate

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner

from halp_mm.argument_checks import check_count
from halp_mm.registry import HOOKS


@HOOKS.register_module()
class DeferredRuntimeInfoHook(RuntimeInfoHook):
    """mmengine's RuntimeInfoHook, which reads losses off the device only every few iterations.

    The original reads every scalar in every iteration, so the CPU waits for the GPU each time.
    Here scalars stay on the device until they are logged, and are then read in one transfer, as
    means over all ranks. A scalar that is no longer reported, such as the loss of a head that has
    ended, is dropped from the log; the original repeats it for ever. The original also keeps the
    whole history in memory and in every checkpoint, and copies it in every iteration; here the
    history is bounded.

    Args:
        interval: Iterations of an epoch between two transfers; the LoggerHook's interval.
        history: How many values of each scalar are kept.
    """

    def __init__(self, interval: int = 10, history: int = 10_000) -> None:
        super().__init__()
        check_count(interval=interval, history=history)
        self.interval = interval
        self.history = history
        self._waiting: list[dict[str, torch.Tensor]] = []
        self._reported: set[str] = set()

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        """Keep the outputs, or hand everything kept to the message hub.

        Raises:
            ValueError: if a loss is NaN or infinite.
        """
        self._waiting.append(outputs)
        last = self.end_of_epoch(runner.train_dataloader, batch_idx) or runner.stop.is_agreed
        if not (last or self.every_n_inner_iters(batch_idx, self.interval)):
            return
        names = [key for output in self._waiting for key in output]
        scalars = [value.reshape(()) for output in self._waiting for value in output.values()]
        together = torch.stack(scalars)
        all_reduce(together, op='mean')
        fetched = together.tolist()
        self._check_losses(runner, batch_idx, names, fetched)
        values = iter(fetched)
        for output in self._waiting:
            for key in output:
                runner.message_hub.update_scalar(f'train/{key}', next(values))
        histories = runner.message_hub.log_scalars
        current = {f'train/{key}' for key in self._waiting[-1]}
        losses = {key for key in histories if key.startswith('train/') and 'loss' in key}
        for key in (self._reported | losses) - current:
            histories.pop(key, None)
        self._reported = current
        self._waiting.clear()
        for buffer in histories.values():
            buffer.max_length = self.history

    def _check_losses(
        self, runner: Runner, batch_idx: int, names: list[str], values: list[float]
    ) -> None:
        """Stop training that has diverged, before anything of it is saved."""
        bad = (
            i
            for i, (name, value) in enumerate(zip(names, values))
            if 'loss' in name and not math.isfinite(value)
        )
        first = next(bad, None)
        if first is None:
            return
        sizes = accumulate(len(output) for output in self._waiting)
        position = next(i for i, size in enumerate(sizes) if first < size)
        # The sum of all losses comes first and says least: a single term says more.
        terms = self._waiting[position]
        start = sum(len(output) for output in self._waiting[:position])
        found = {
            name: value
            for name, value in zip(terms, values[start : start + len(terms)])
            if 'loss' in name and not math.isfinite(value)
        }
        name = next((name for name in found if name != 'loss'), 'loss')
        iteration = batch_idx + 2 - len(self._waiting) + position
        raise ValueError(
            f'{name} is {found[name]} in epoch {runner.epoch + 1}, iteration {iteration} of '
            f'{len(runner.train_dataloader)}: training has diverged and stops. Checkpoints of '
            'earlier epochs are as they were. Try a smaller learning rate, and look at the data '
            'with tools/data/inspect_data.py'
        )

"""Before a training: what mixed precision would gain on this CPU."""

from __future__ import annotations

import copy
import statistics
import time

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner

from halp_mm.argument_checks import check_count
from halp_mm.engine.bfloat16 import has_bfloat16
from halp_mm.engine.distributed import model_of
from halp_mm.registry import HOOKS
from halp_mm.training_progress import TrainingProgress


@HOOKS.register_module()
class PrecisionProbeHook(Hook):
    """Time a few steps in float32 and in bfloat16, and log what ``--amp`` would gain.

    The steps are those of a copy of the model, in the stage of training in which all its heads are
    active, on the first clips of the training set. The training itself is the same with and without
    the hook.

    Args:
        steps: Steps of each precision, after one to warm up.
    """

    priority = 'LOW'

    def __init__(self, steps: int = 3) -> None:
        check_count(steps=steps)
        self.steps = steps

    def before_train(self, runner: Runner) -> None:
        """Probe, or say why there is nothing to probe."""
        model = model_of(runner)
        if next(model.parameters()).is_cuda:
            runner.logger.info('precision: not probed, the model is on a GPU; --amp is for it')
        elif not has_bfloat16():
            runner.logger.info('precision: float32, this CPU has no bfloat16 instructions')
        else:
            full, mixed = self.probe(model, runner)
            runner.logger.info(
                f'precision: a step takes {1000 * full:.0f} ms of CPU time in float32, '
                f'{1000 * mixed:.0f} ms in bfloat16, {full / mixed:.2f} times as fast; --amp '
                'trains so, with results that differ by more than rounding in float32'
            )

    def probe(self, model: BaseModel, runner: Runner) -> tuple[float, float]:
        """Median CPU seconds of a step in float32 and in bfloat16."""
        loader = runner.train_dataloader
        count = min(loader.batch_size, len(loader.dataset))
        batch = loader.collate_fn([loader.dataset[i] for i in range(count)])
        terms = getattr(model, 'terms', {}).values()
        epoch = max((term.start_epoch for term in terms), default=0)
        batch['progress'] = TrainingProgress(epoch, epoch * len(loader), len(loader))
        seconds: dict[bool, list[float]] = {False: [], True: []}
        with torch.random.fork_rng(devices=[]):
            copied = copy.deepcopy(model).train()
            for _ in range(self.steps + 1):
                for is_mixed, times in seconds.items():
                    start = time.process_time()
                    with torch.autocast('cpu', torch.bfloat16, enabled=is_mixed):
                        losses = copied(**copied.data_preprocessor(batch, True), mode='loss')
                    copied.zero_grad()
                    copied.parse_losses(losses)[0].backward()
                    times.append(time.process_time() - start)
        full, mixed = (statistics.median(times[1:]) for times in seconds.values())
        return full, mixed

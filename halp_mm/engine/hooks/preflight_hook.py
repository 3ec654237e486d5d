"""Before the first step: whether there is one, and whether model and clips fit each other."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.datasets import SkeletonDataset
from halp_mm.datasets.split_comparison import compare_clips, compare_units
from halp_mm.engine.distributed import model_of
from halp_mm.engine.training_summary import training_summary
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.registry import DATASETS


class PreflightHook(Hook):
    """Stop before a training that would not do what its config says, and say how long epochs are.

    Whether training clips are test clips as well, and whether both are in the same unit, is said
    too. The SkeletonRunner has this hook without being asked. It looks at some clips, once.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Look at the data loader, and at some of its clips.

        Raises:
            ValueError: if an epoch has no step, an encoder is built for other joints, people or
                channels than the clips have, or all test clips are trained on.
        """
        loader = runner.train_dataloader
        runner.logger.info(steps_of_an_epoch(len(loader.sampler), loader.batch_size, len(loader)))
        check_encoders(model_of(runner), loader.dataset)
        given = runner.cfg.get('test_dataset')
        test_dataset = DATASETS.build(given) if given else None
        runner.logger.info(training_summary(runner, test_dataset))
        if isinstance(loader.dataset, SkeletonDataset) and test_dataset is not None:
            allowed = bool(runner.cfg.get('train_on_test_clips'))
            for warning in (
                *compare_clips(loader.dataset, test_dataset, allowed),
                compare_units(loader.dataset, test_dataset),
            ):
                if warning:
                    runner.logger.warning(warning)


def steps_of_an_epoch(num_clips: int, batch_size: int, num_steps: int) -> str:
    """Say how many steps an epoch has, and how many clips are dropped.

    Args:
        num_clips: Clips of the process.
        batch_size: Clips of a step.
        num_steps: Steps of an epoch.

    Returns:
        Such as ``'100 clips, batch 64: 1 step an epoch, 36 clips dropped'``.

    Raises:
        ValueError: if there is no step.
    """
    if not num_steps:
        raise ValueError(
            f'{num_clips} clips (of each process) do not fill a batch of {batch_size}, and '
            f'train_dataloader.drop_last drops the rest: there would be no step. Set '
            f'train_dataloader.batch_size={num_clips} or less, or train_dataloader.drop_last=False'
        )
    dropped = max(0, num_clips - num_steps * batch_size)
    steps = f'{num_steps} step{"s" if num_steps > 1 else ""} an epoch'
    lost = f', {dropped} clips dropped' if dropped else ''
    return f'{num_clips} clips, batch {batch_size}: {steps}{lost}'

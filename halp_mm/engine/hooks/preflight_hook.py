"""Before the first step: whether there is one, and whether model and clips fit each other."""

from __future__ import annotations

from collections.abc import Collection

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.datasets import pad_clips
from halp_mm.engine.distributed import model_of
from halp_mm.skeletons import Clips, SkeletonLayout


class PreflightHook(Hook):
    """Stop before a training that would not do what its config says, and say how long epochs are.

    The SkeletonRunner has this hook without being asked. It looks at one clip, once.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Look at the data loader, and at the first clip.

        Raises:
            ValueError: if an epoch has no step, or an encoder's joints are not those of the clips.
        """
        loader = runner.train_dataloader
        runner.logger.info(steps_of_an_epoch(len(loader.sampler), loader.batch_size, len(loader)))
        model = model_of(runner)
        batch = pad_clips([loader.dataset[0]])
        clips = Clips(batch['clips'], batch['num_frames'], batch['layout'])
        if not batch['normalized']:
            device = model.data_preprocessor.device
            clips = Clips(clips.coordinates.to(device), clips.num_frames.to(device), clips.layout)
            clips = model.data_preprocessor.normalization(clips)
        for encoder in model.encoders.values():
            check_layout(encoder.layout, clips.layout)


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


def check_layout(encoder: SkeletonLayout, clips: SkeletonLayout) -> None:
    """Raise a ValueError unless an encoder is built for joints as the clips have them.

    Args:
        encoder: The encoder's layout. Its bones may be others than the clips'.
        clips: The layout of the normalised clips.
    """
    if encoder.joints != clips.joints:
        first = next(
            (pair for pair in zip(encoder.joints, clips.joints) if pair[0] != pair[1]), None
        )
        raise ValueError(
            f'model.encoder.layout is {encoder.name!r} of {_count(encoder.joints)}, but the clips '
            f'have {clips.name!r} of {_count(clips.joints)}'
            + (f', the first that differs: {first[0]!r} and {first[1]!r}' if first else '')
            + f'. Set model.encoder.layout to {clips.name!r}, or convert the clips by '
            "dict(type='ConvertLayout', layout=...) in data_preprocessor.normalization"
        )


def _count(joints: Collection[str]) -> str:
    return f'{len(joints)} joints'

"""Where the clips of a training are: on its device as one tensor, or in their file."""

from __future__ import annotations

import os
from collections.abc import Sized
from dataclasses import dataclass

import torch
from mmengine.runner import Runner

from halp_mm.available_memory import available_memory
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine.distributed import model_of
from halp_mm.engine.hooks.normalize_once_hook import NormalizeOnceHook
from halp_mm.engine.train_loop import EpochBasedTrainLoop

#: The values of the config's ``data_on_device``.
SETTINGS = ('auto', True, False, 'half')
_HOST_SHARE, _DEVICE_SHARE = 1 / 2, 1 / 3  # of the free memory, which clips may take


@dataclass(frozen=True)
class ClipsPlace:
    """Where clips are while a model trains on them.

    Args:
        device: The device on which all of them are; None if they are read batch by batch.
        dtype: The type in which they are kept there.
        text: What the first screen of the training says of it.
    """

    device: torch.device | None
    dtype: torch.dtype
    text: str


def choose_place(runner: Runner) -> ClipsPlace:
    """Choose where the training clips are, by the config's ``data_on_device``.

    ``True`` keeps them on the device, ``'half'`` in half precision, ``False`` reads them batch by
    batch. By default, ``'auto'``, they are kept on the device if they fit there with room to spare:
    on a CPU if they are in memory anyway, or take half of what is free, or less; on a GPU if they
    take a third of what is free, or less.

    Args:
        runner: The Runner, with its model and data loader built.

    Returns:
        The place. If clips are read batch by batch although the config does not say so, its text
        has the reason.
    """
    setting = runner.cfg.get('data_on_device', 'auto')
    dtype = torch.float16 if setting == 'half' else torch.float32
    dataset = runner.train_dataloader.dataset
    device = torch.device(model_of(runner).data_preprocessor.device)
    why_not = _obstacle(runner, dataset)
    if setting is False:
        why_not = 'data_on_device=False'
    elif why_not is None and setting == 'auto':
        why_not = _lack_of_memory(runner, dataset, device)
    if why_not is not None:
        return ClipsPlace(None, dtype, f'read batch by batch: {why_not}')
    size = dataset.num_bytes * dtype.itemsize // 4
    name = str(dtype).removeprefix('torch.')
    text = f'all on {device} as one tensor, {_gigabytes(size)} of {name}, gathered by index'
    return ClipsPlace(device, dtype, text)


def _obstacle(runner: Runner, dataset: Sized) -> str | None:
    """The reason why clips cannot be kept on the device; None if they can."""
    if not isinstance(dataset, SkeletonDataset):
        return f'a {type(dataset).__name__} is no SkeletonDataset'
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        return f'a {type(runner.train_loop).__name__} does not go by epochs'
    return None


def _lack_of_memory(runner: Runner, dataset: SkeletonDataset, device: torch.device) -> str | None:
    """The reason why clips would take too much memory; None if they would not."""
    size = dataset.num_bytes
    limits = [hook.max_gigabytes for hook in runner.hooks if isinstance(hook, NormalizeOnceHook)]
    is_in_memory = any(size <= gigabytes * 1e9 for gigabytes in limits)
    free = available_memory()
    if not is_in_memory:  # a GPU's clips go through the CPU's memory as well
        if free is None:
            return f'{_gigabytes(size)}, and the system does not say what memory is free'
        processes = int(os.environ.get('LOCAL_WORLD_SIZE', runner.world_size))
        if size * processes > free * _HOST_SHARE:
            each = '' if processes == 1 else f' for each of {processes} processes'
            return f'{_gigabytes(size)}{each}, more than half of the {_gigabytes(free)} free'
    if device.type == 'cuda':
        free, _ = torch.cuda.mem_get_info(device)
        if size > free * _DEVICE_SHARE:
            return (
                f'{_gigabytes(size)}, more than a third of the {_gigabytes(free)} free on {device}'
            )
    return None


def _gigabytes(size: float) -> str:
    return f'{size / 1e9:.3g} GB'

"""The first screen of a training: what it does, in a few lines."""

from __future__ import annotations

import os
from collections.abc import Sized
from pathlib import Path

import torch
from mmengine.runner import Runner
from torch import nn

from halp_mm.available_cpus import available_cpus
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine.distributed import model_of
from halp_mm.engine.hooks.data_on_device_hook import DataOnDeviceHook
from halp_mm.engine.train_loop import EpochBasedTrainLoop
from halp_mm.models import Pretrainer
from halp_mm.models.pretrainers.head_term import HeadTerm
from halp_mm.run_identity import run_identity

_WIDTH = 11


def training_summary(runner: Runner, test_dataset: Sized | None = None) -> str:
    """Describe a training that is about to begin.

    Args:
        runner: The Runner, with its model and data loader built.
        test_dataset: The clips to follow training by, if there are any.

    Returns:
        A line each on the method and seed, the data, where clips are, the schedule, the model, its
        encoder and streams, each head and optimizer, the device, the files and the log.
    """
    model, config = model_of(runner), runner.cfg
    identity = run_identity(config)
    places = [
        hook.place(runner).text for hook in runner.hooks if isinstance(hook, DataOnDeviceHook)
    ]
    facts = [
        ('training', f'{identity["method"]}, seed {runner.seed}'),
        ('data', _clips(runner.train_dataloader.dataset)),
        *(('clips', text) for text in places),
        *([] if test_dataset is None else [('test', _clips(test_dataset))]),
        ('schedule', _schedule(runner)),
        ('model', f'{type(model).__name__}, {_parameters(model)}'),
        ('encoder', ', '.join(dict.fromkeys(identity['encoder'].values()))),
        ('streams', ', '.join(identity['streams'])),
        *_heads(model, runner.max_epochs),
        ('optimizer', _optimizer(config.optim_wrapper.get('optimizer', {}))),
        *(
            ('optimizer', f'{_optimizer(one)}, of {name}')
            for name, one in (config.optim_wrapper.get('separate') or {}).items()
        ),
        ('device', _device(model, runner.world_size) + _precision(config.optim_wrapper)),
        ('files', f'{os.path.relpath(runner.work_dir)}, with the config'),
        ('log', f'{Path(runner.log_dir).name}/{runner.timestamp}.log, with the environment'),
    ]
    lines = [f'  {name:<{_WIDTH}}{text}' for name, text in facts]
    return '\n'.join(['this training:', *lines])


def _clips(dataset: Sized) -> str:
    if not isinstance(dataset, SkeletonDataset):
        return f'{type(dataset).__name__} of {len(dataset)} clips'
    layout = dataset.layout
    return (
        f'{dataset.metainfo["dataset"]} {dataset.split}, {len(dataset)} clips, '
        f'{layout.num_joints} joints ({layout.name})'
    )


def _schedule(runner: Runner) -> str:
    loader = runner.train_dataloader
    steps = f'{runner.max_epochs} epochs x {len(loader)} steps'
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        steps = f'{runner.max_iters} steps'
    return f'{steps} x {loader.batch_size} clips'


def _parameters(model: nn.Module) -> str:
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    others = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    return f'{trained:,} parameters trained' + (f', {others:,} not' if others else '')


def _heads(model: nn.Module, max_epochs: int) -> list[tuple[str, str]]:
    """A line for each head; none for a model without heads."""
    if not isinstance(model, Pretrainer):
        return []
    return [
        ('head', f'{type(model.heads[term.name]).__name__}, {_term(term, max_epochs)}')
        for term in model.terms.values()
    ]


def _term(term: HeadTerm, max_epochs: int) -> str:
    """A head's epochs, counted from 1 as in the log, and what is unusual about it."""
    end = max_epochs if term.end_epoch is None else min(term.end_epoch, max_epochs)
    first = term.start_epoch + 1
    epochs = f'epochs {first} to {end}' if first <= end else f'never: it begins at epoch {first}'
    weight = '' if term.weight == 1 else f', weight {term.weight:g}'
    return f'{epochs}, {", ".join(term.streams)}{weight}'


def _optimizer(settings: dict) -> str:
    rate = settings.get('lr')
    return f'{settings.get("type", "?")}' + (f', learning rate {rate:g}' if rate else '')


def _device(model: nn.Module, world_size: int) -> str:
    device = next(model.parameters()).device
    if device.type == 'cuda':
        name = torch.cuda.get_device_name(device)
    else:
        threads = torch.get_num_threads()
        name = f'{device.type}, {threads} thread{"s" if threads > 1 else ""}{busy_note(threads)}'
    return name if world_size == 1 else f'{name}; {world_size} processes'


def _precision(settings: dict) -> str:
    is_mixed = settings.get('type') in ('AmpOptimWrapper', 'Bfloat16OptimWrapper')
    return ', mixed precision' if is_mixed else ''


def busy_note(threads: int) -> str:
    """Advice for several threads that have to share the CPUs with other programs.

    The number stays as it is: with another one sums are rounded differently, and the same seed
    would not give the same results.
    """
    if threads == 1 or not hasattr(os, 'getloadavg'):  # Windows has none
        return ''
    load, cpus = os.getloadavg()[0], available_cpus()
    if load + threads <= cpus + 0.5:
        return ''
    return f' (other programs have {load:.1f} of {cpus} CPUs; OMP_NUM_THREADS=1 may be faster)'

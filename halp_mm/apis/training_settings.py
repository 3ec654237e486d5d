"""Ranges of the settings of mmengine's and PyTorch's components that a training uses.

These components check little themselves: a learning rate of NaN or zero epochs would pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

from halp_mm.argument_checks import (
    check_at_least,
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_positive,
)
from halp_mm.component_building import suggestion
from halp_mm.engine.clips_place import SETTINGS

Check = Callable[..., None]

_WHOLE = partial(check_count, 0)
_NOT_NEGATIVE = partial(check_at_least, 0)
_BELOW_ONE = partial(check_fraction, below_one=True)
_ABOVE_ZERO = partial(check_fraction, above_zero=True)


def _check_milestones(**values: Any) -> None:
    for name, milestones in values.items():
        if not isinstance(milestones, Sequence) or isinstance(milestones, str):
            raise ValueError(f'{name} must be a list of epochs, got {milestones!r}')
        for milestone in milestones:
            check_count(**{name: milestone})
        if any(later <= earlier for earlier, later in pairwise(milestones)):
            raise ValueError(f'{name} must be a list of growing epochs, got {milestones!r}')


def _check_interval(**values: Any) -> None:
    """Check whole numbers from 1, or -1, which means never in mmengine."""
    for name, value in values.items():
        if value != -1:
            check_count(**{name: value})


def _check_betas(**values: Any) -> None:
    for name, betas in values.items():
        if not isinstance(betas, Sequence) or len(betas) != 2:
            raise ValueError(f'{name} must be a list of 2 numbers, got {betas!r}')
        for beta in betas:
            _BELOW_ONE(**{name: beta})


OPTIMIZER: dict[str, Check] = {
    'lr': check_positive,
    'momentum': _BELOW_ONE,
    'dampening': check_fraction,
    'weight_decay': _NOT_NEGATIVE,
    'nesterov': check_flag,
    'betas': _check_betas,
    'eps': check_positive,
}
SCHEDULER: dict[str, Check] = {
    'milestones': _check_milestones,
    'gamma': _ABOVE_ZERO,
    'factor': _ABOVE_ZERO,
    'start_factor': _ABOVE_ZERO,
    'end_factor': check_fraction,
    'step_size': check_count,
    'T_max': check_count,
    'eta_min': _NOT_NEGATIVE,
    'eta_min_ratio': _NOT_NEGATIVE,  # a weight decay may grow
    'power': check_positive,
    'total_steps': check_count,
    'begin': _WHOLE,
    'end': check_count,
    'by_epoch': check_flag,
}
LOOP: dict[str, Check] = {'max_epochs': check_count}
HOOK: dict[str, Check] = {'interval': _check_interval, 'max_keep_ckpts': _check_interval}
DATA_LOADER: dict[str, Check] = {
    'batch_size': check_count,
    'num_workers': _WHOLE,
    'prefetch_factor': check_count,
    'num_batch_per_epoch': check_count,
    'timeout': _NOT_NEGATIVE,
    'drop_last': check_flag,
    'pin_memory': check_flag,
    'persistent_workers': check_flag,
}
SAMPLER: dict[str, Check] = {'shuffle': check_flag, 'round_up': check_flag, 'seed': _WHOLE}
OPTIM_WRAPPER: dict[str, Check] = {'accumulative_counts': check_count}
CLIP_GRADIENTS: dict[str, Check] = {'max_norm': check_positive, 'clip_value': check_positive}
MULTIPLIERS: dict[str, Check] = dict.fromkeys(
    (
        *('lr_mult', 'decay_mult', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult'),
        *('dwconv_decay_mult', 'flat_decay_mult', 'dcn_offset_lr_mult'),
    ),
    _NOT_NEGATIVE,
)
RANDOMNESS: dict[str, Check] = {
    'seed': _WHOLE,
    'deterministic': check_flag,
    'diff_rank_seed': check_flag,
}
SCALING: dict[str, Check] = {'enable': check_flag, 'base_batch_size': check_count}
LOG: dict[str, Check] = {'window_size': check_count, 'by_epoch': check_flag}
LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']


def check_training_settings(config: Mapping) -> None:
    """Check the settings of loop, optimiser, schedule, hooks, data loader and runtime.

    Raises:
        ValueError: if a setting is out of its range; the message names its dotted key.
    """
    check = partial(_check_section, config)
    check('train_cfg', LOOP)
    if config.get('train_cfg', {}).get('max_epochs') is None:
        raise ValueError('train_cfg.max_epochs must be a whole number of at least 1, got None')
    check('optim_wrapper', OPTIM_WRAPPER)
    check('optim_wrapper.optimizer', OPTIMIZER)
    if config.get('optim_wrapper', {}).get('optimizer', {}).get('lr', 0) is None:
        raise ValueError('optim_wrapper.optimizer.lr must be a finite number above 0, got None')
    for name in _section(config, 'optim_wrapper.separate'):
        check(f'optim_wrapper.separate.{name}', OPTIMIZER)
    check('optim_wrapper.clip_grad', CLIP_GRADIENTS)
    check('optim_wrapper.paramwise_cfg', MULTIPLIERS)
    groups = 'optim_wrapper.paramwise_cfg.custom_keys'
    for name, settings in _section(config, groups).items():
        for key in set(settings) - {'lr_mult', 'decay_mult'}:
            near = suggestion(key, ['lr_mult', 'decay_mult'])
            raise ValueError(f'{groups}.{name} has no {key!r}{near}')
        _check_values(settings, f'{groups}.{name}', MULTIPLIERS)
    schedulers = config.get('param_scheduler') or []
    for i, _ in enumerate([schedulers] if isinstance(schedulers, Mapping) else schedulers):
        place = '' if isinstance(schedulers, Mapping) else f'.{i}'
        check(f'param_scheduler{place}', SCHEDULER)
        if is_stuck(_section(config, f'param_scheduler{place}')):
            raise ValueError(
                f'param_scheduler{place} begins and ends within an epoch, and would stay at its '
                'start_factor for good. Let it end later, or add convert_to_iter_based=True'
            )
    for name in config.get('default_hooks') or {}:
        check(f'default_hooks.{name}', HOOK)
    for i, _ in enumerate(config.get('custom_hooks') or []):
        check(f'custom_hooks.{i}', HOOK)
    check('train_dataloader', DATA_LOADER)
    check('train_dataloader.sampler', SAMPLER)
    check('randomness', RANDOMNESS)
    check('auto_scale_lr', SCALING)
    check('log_processor', LOG)
    if config.get('num_threads') is not None:
        check_count(num_threads=config['num_threads'])
    check_choice(SETTINGS, data_on_device=config.get('data_on_device', 'auto'))
    check_choice(LEVELS, log_level=config.get('log_level', 'INFO'))
    launchers = ['none', 'pytorch', 'slurm', 'mpi']
    check_choice(launchers, launcher=config.get('launcher', 'none'))


def is_stuck(scheduler: Mapping) -> bool:
    """Whether a linear schedule never leaves its start, as mmengine's of a single epoch does."""
    is_linear = str(scheduler.get('type')).startswith('Linear')
    counts_epochs = scheduler.get('by_epoch', True) and not scheduler.get('convert_to_iter_based')
    epochs = scheduler.get('end', float('inf')) - scheduler.get('begin', 0)
    return bool(is_linear and counts_epochs and epochs < 2)


def _check_section(config: Mapping, place: str, checks: Mapping[str, Check]) -> None:
    _check_values(_section(config, place), place, checks)


def _check_values(settings: Mapping, place: str, checks: Mapping[str, Check]) -> None:
    for key, check in checks.items():
        if settings.get(key) is not None:
            check(**{f'{place}.{key}': settings[key]})


def _section(config: Mapping, place: str) -> Mapping:
    """The dict at a place of the config; empty if there is none."""
    here: Any = dict(config.items())
    for key in place.split('.'):
        if isinstance(here, (list, tuple)):
            here = here[int(key)]
        else:
            here = here.get(key) if isinstance(here, Mapping) else None
    return here if isinstance(here, Mapping) else {}

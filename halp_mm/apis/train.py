"""Train from a config."""

from __future__ import annotations

import os
from collections.abc import Mapping

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from halp_mm.apis.config import check_data_files, default_work_dir, load_config
from halp_mm.apis.config_checks import located
from halp_mm.apis.training_settings import check_training_settings
from halp_mm.engine import parse_duration
from halp_mm.engine.bfloat16 import has_bfloat16
from halp_mm.engine.resume import checkpoint_names
from halp_mm.engine.threads import limited_threads
from halp_mm.registry import RUNNERS


def training_config(
    config: str | os.PathLike | Config,
    work_dir: str | os.PathLike | None = None,
    cfg_options: Mapping | None = None,
    seed: int | None = None,
    resume: str | os.PathLike | bool = False,
    amp: bool = False,
    validate: bool = True,
    auto_scale_lr: bool = False,
    deterministic: bool = False,
    launcher: str | None = None,
    stop_after: str | float | None = None,
) -> Config:
    """Prepare the config of a training: apply the settings, and check everything.

    Args:
        config: A Python config, or a config that was read already, which is not changed.
        work_dir: Where checkpoints and logs go; by default the config's, else
            ``work_dirs/METHOD/NAME``.
        cfg_options: New values by dotted key, such as ``{'train_cfg.max_epochs': 10}``.
        seed: The random seed; by default the config's.
        resume: Continue a run: from this checkpoint, or, if True, from the latest in the work
            directory.
        amp: Whether to train in mixed precision, on a GPU or on a CPU that has bfloat16.
        validate: Whether to evaluate during training.
        auto_scale_lr: Whether to scale the learning rate with the number of GPUs.
        deterministic: Whether to use deterministic algorithms only.
        launcher: What started the processes: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``;
            by default the config's.
        stop_after: Save and stop after this time, such as ``'3h50m'``.

    Returns:
        A new config.

    Raises:
        FileNotFoundError: if the config, a data file or the checkpoint to resume from is missing.
        ValueError: if an option names a key that the config does not have, there is no work
            directory, ``stop_after`` is not a time, or the machine has no mixed precision.
    """
    config = load_config(config, cfg_options, seed)
    check_training_settings(config)
    check_data_files(config)
    if isinstance(resume, (str, os.PathLike)) and not os.path.isfile(resume):
        raise FileNotFoundError(f'there is no checkpoint {resume} to resume from')
    if amp and not (torch.cuda.is_available() or has_bfloat16()):
        raise ValueError(
            'mixed precision (amp) needs a GPU, or a CPU with bfloat16 instructions (avx512_bf16, '
            'amx_bf16); here is neither; omit it'
        )
    work_dir = work_dir or config.get('work_dir')
    if not work_dir and not config.filename:
        raise ValueError('the config was not read from a file and has no work_dir; give a work_dir')
    config.work_dir = os.fspath(work_dir or default_work_dir(config.filename))
    if resume is True:
        # A run that starts anew starts from the config's weights.
        config.resume = not config.get('load_from') or bool(checkpoint_names(config.work_dir))
        if config.resume:
            config.load_from = None
    elif resume:
        config.resume, config.load_from = True, os.fspath(resume)
    if amp:
        on_gpu = dict(type='AmpOptimWrapper', loss_scale='dynamic')
        on_cpu = dict(type='Bfloat16OptimWrapper')
        config.optim_wrapper.update(on_gpu if torch.cuda.is_available() else on_cpu)
    if not validate:
        config.default_hooks.evaluation = None
    if auto_scale_lr:
        config.auto_scale_lr.enable = True
    if deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # cuBLAS needs it too
        config.randomness.deterministic = True
    if launcher is not None:
        config.launcher = launcher
    if stop_after is not None:
        parse_duration(stop_after)
        config.stop_after = stop_after
    return config


def train(
    config: str | os.PathLike | Config,
    work_dir: str | os.PathLike | None = None,
    cfg_options: Mapping | None = None,
    seed: int | None = None,
    **settings,
) -> Runner:
    """Train the model of a config: a pre-trainer without labels, or a classifier with labels.

    Args:
        config: A Python config, or a config that was read already, which is not changed.
        work_dir: Where checkpoints and logs go; by default the config's, else
            ``work_dirs/METHOD/NAME``.
        cfg_options: New values by dotted key, such as ``{'train_cfg.max_epochs': 10}``.
        seed: The random seed; by default the config's.
        **settings: Other settings, such as ``resume=True``; see :func:`training_config`.

    Returns:
        The Runner. :func:`evaluate` and :class:`SkeletonInferencer` take its ``last_checkpoint``.
        ``log_file`` and ``work_dir`` are the paths of the log and of all files, and ``model`` is
        the trained model.

    Raises:
        FileNotFoundError: if the config, a data file or the checkpoint to resume from is missing.
        ValueError: if the settings do not fit the config or the machine, training diverges, or
            there are checkpoints in the work directory and ``resume`` is not set.
        TrainingStopped: if a signal or ``stop_after`` stopped training, after it was saved.

    Example:
        >>> runner = train('configs/halp/bigru_synthetic_xsub.py', 'work_dirs/first', seed=1)
        >>> runner.last_checkpoint
        PosixPath('work_dirs/first/epoch_400.pth')
    """
    config = training_config(config, work_dir, cfg_options, seed, **settings)
    with located(config), limited_threads(config.get('num_threads')):
        runner = RUNNERS.get(config.runner_type).from_cfg(config)
        runner.train()
    return runner

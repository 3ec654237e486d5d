"""Configs on their way from a file to a run."""

from __future__ import annotations

import os
from collections.abc import Mapping

from mmengine.config import Config

from halp_mm.datasets import check_data_file


def load_config(path: str | os.PathLike, options: Mapping | None = None) -> Config:
    """Read a config and override some of it.

    Args:
        path: A Python config.
        options: New values by dotted key, such as ``{'train_cfg.max_epochs': 10}``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if an option names a place that the config does not have.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f'there is no config {path}')
    config = Config.fromfile(path)
    try:
        config.merge_from_dict(dict(options or {}))
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f'{path} cannot be overridden by {dict(options)}: {error}') from error
    return config


def check_data_files(config: Config) -> None:
    """Stop at once if a data file of the config is missing, and say which command makes it.

    Raises:
        FileNotFoundError: if a data file is missing.
    """
    for dataset in (config.train_dataloader.dataset, config.test_dataset):
        check_data_file(dataset.data_file, dataset.get('prepare_with', ''))


def default_work_dir(path: str | os.PathLike) -> str:
    """The work directory of a config file: ``work_dirs/METHOD/NAME``."""
    stem, _ = os.path.splitext(os.fspath(path))
    return os.path.join('work_dirs', *stem.split(os.sep)[-2:])

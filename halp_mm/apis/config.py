"""Configs on their way from a file to a run."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping

from mmengine.config import Config

from halp_mm.apis.config_checks import check_config, check_option_keys
from halp_mm.apis.config_reading import read_config
from halp_mm.apis.data_layout import fill_layouts
from halp_mm.apis.packaged_configs import config_path
from halp_mm.datasets import check_data_file
from halp_mm.run_identity import record_overrides


def load_config(
    config: str | os.PathLike | Config, options: Mapping | None = None, seed: int | None = None
) -> Config:
    """Read a config and override some of it.

    Args:
        config: A Python config, or one that was read before, which stays as it is. The name
            ``halp_mm::METHOD/NAME.py`` is a config that comes with the package.
        options: New values by dotted key, such as ``{'train_cfg.max_epochs': 10}``.
        seed: The random seed; by default the config's.

    Returns:
        A config of its own, which remembers the options for the run's identity. Encoders without
        a layout have got that of the training clips, if there is the data file.

    Raises:
        FileNotFoundError: if there is no such file, or one that it inherits.
        ValueError: if it cannot be read, has keys or asks for things that a run would ignore, or an
            option names a place that the config does not have.
    """
    if isinstance(config, Config):
        loaded = copy.deepcopy(config)
    elif (path := config_path(config)).is_file():
        loaded = read_config(path)
    else:
        raise FileNotFoundError(f'there is no config {config}')
    check_option_keys(loaded, options or {})
    try:
        loaded.merge_from_dict(copy.deepcopy(dict(options or {})))
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f'{loaded.filename} cannot be overridden by {dict(options)}: {error}'
        ) from error
    record_overrides(loaded, options or {})
    if seed is not None:
        loaded.randomness.seed = seed
    check_config(loaded)
    fill_layouts(loaded)
    return loaded


def check_data_files(config: Config) -> None:
    """Stop at once if a data file of the config is missing, and say which command makes it.

    Raises:
        FileNotFoundError: if a data file is missing.
    """
    datasets = [config.train_dataloader.dataset, config.get('test_dataset')]
    datasets += (config.get('evaluation_data') or {}).values()
    for dataset in filter(None, datasets):
        check_data_file(dataset.data_file, dataset.get('prepare_with', ''))


def required_test_dataset(config: Config, advice: str) -> Mapping:
    """The config of the test clips.

    Args:
        config: A config; one for clips without labels has no ``test_dataset``.
        advice: What to do without one.

    Raises:
        ValueError: if there is none.
    """
    if not config.get('test_dataset'):
        raise ValueError(f'{config.filename} has no test_dataset, {advice}')
    return config.test_dataset


def default_work_dir(path: str | os.PathLike) -> str:
    """The work directory of a config file: ``work_dirs/METHOD/NAME``."""
    stem, _ = os.path.splitext(os.fspath(path))
    return os.path.join('work_dirs', *stem.split(os.sep)[-2:])

"""Pre-training from a config."""

from __future__ import annotations

from mmengine.config import Config
from mmengine.runner import Runner

from halp_mm.apis.config import check_data_files
from halp_mm.registry import RUNNERS


def pretrain(config: Config) -> Runner:
    """Pre-train as a config says.

    Args:
        config: A config with ``work_dir``.

    Returns:
        The Runner; its ``model`` is trained, its ``work_dir`` holds checkpoints and logs.

    Raises:
        FileNotFoundError: if a data file is missing; says which command makes it.
    """
    check_data_files(config)
    runner = RUNNERS.get(config.runner_type).from_cfg(config)
    runner.train()
    return runner

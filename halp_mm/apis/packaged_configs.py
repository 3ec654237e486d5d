"""Configs that come with the installed package: ``halp_mm::moco/bigru_ntu60_xsub.py``.

They are in the package's folder ``.mim``, as in all packages of OpenMMLab.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from mmengine.config import Config

import halp_mm

PREFIX = 'halp_mm::'


def config_path(name: str | os.PathLike) -> Path:
    """The file of a config.

    Args:
        name: A path, or ``halp_mm::METHOD/NAME.py`` for a config that comes with the package.
    """
    text = os.fspath(name)
    if not text.startswith(PREFIX):
        return Path(text)
    package = Path(halp_mm.__file__).parent
    folder = package / '.mim' / 'configs'
    if not folder.is_dir():  # a checkout on Windows, where git makes no link of it
        folder = package.parent / 'configs'
    return Path(folder, text.removeprefix(PREFIX)).resolve()


def let_configs_inherit_packaged_ones() -> None:
    """Make mmengine read ``_base_ = 'halp_mm::METHOD/NAME.py'``.

    By itself mmengine 0.10 knows OpenMMLab's own packages only, and asks ``pkg_resources`` for
    them, which setuptools no longer has since version 82.
    """
    mmengines = Config._get_cfg_path
    if getattr(mmengines, 'knows_halp_mm', False):
        return

    @functools.wraps(mmengines)
    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith(PREFIX):
            return str(config_path(cfg_path)), None
        return mmengines(cfg_path, filename)

    get_cfg_path.knows_halp_mm = True
    Config._get_cfg_path = staticmethod(get_cfg_path)

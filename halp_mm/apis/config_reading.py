"""Read a config file, and say in a line what is wrong with one that cannot be read."""

from __future__ import annotations

import traceback
from pathlib import Path

from mmengine.config import Config

from halp_mm.apis.packaged_configs import let_configs_inherit_packaged_ones


def read_config(path: Path) -> Config:
    """Read a config file.

    Args:
        path: The file.

    Raises:
        FileNotFoundError: if a config that it inherits is missing.
        ValueError: if it is no Python, or fails when it is run: a config is a program.
    """
    let_configs_inherit_packaged_ones()
    try:
        read = Config.fromfile(path)
    except Exception as error:
        kind = FileNotFoundError if isinstance(error, FileNotFoundError) else ValueError
        raise kind(f'{path} {_what_is_wrong(error)}') from error
    # By default, yapf lays the text out anew at each start and in each checkpoint: 0.05 s each.
    return Config(read.to_dict(), read.text, path, read.env_variables, format_python_code=False)


def _what_is_wrong(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if frame.name == '<module>']  # in a config
    if places:
        where = f'{places[-1].filename}, line {places[-1].lineno}'
        return f'cannot be read as a config: {type(error).__name__}: {error} ({where})'
    if isinstance(error, FileNotFoundError):
        return f'inherits a config that is not there: {error.filename}. Correct its _base_'
    if isinstance(error, RecursionError):
        return 'inherits itself. Correct its _base_'
    if isinstance(error, SyntaxError):
        line = f'{error.msg} (line {error.lineno})'
        return f'or a config that it inherits is no Python: {line}'
    return f'cannot be read as a config: {type(error).__name__}: {error}'

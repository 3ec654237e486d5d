"""A layout given on the command line: a name, or a JSON file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import LAYOUTS


def read_layout(name_or_file: str | os.PathLike) -> SkeletonLayout:
    """Find a built-in layout by name, or read a layout from a file.

    Args:
        name_or_file: The name of a built-in layout, or a file ``*.json`` that holds an object of
            :class:`SkeletonLayout`'s arguments.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if there is no such layout, or the file does not describe one.
    """
    name = os.fspath(name_or_file)
    if name in LAYOUTS:
        return LAYOUTS[name]
    path = Path(name)
    if path.suffix != '.json':
        raise ValueError(
            f'unknown skeleton layout {name!r}; the built-in ones are {sorted(LAYOUTS)}. For '
            'another, give a file .json with name, joints, bones and center'
        )
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no layout file {path}; expected a JSON object with name, joints, bones and '
            'center'
        )
    try:
        description = json.loads(path.read_text(encoding='utf-8-sig'))
        if not isinstance(description, dict):
            raise TypeError('it is not a JSON object')
        return SkeletonLayout.from_dict(description)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f'{path} does not describe a skeleton layout: {error}. Expected a JSON object with '
            'name, joints, bones and center; see docs/data.md'
        ) from error

"""The encoders that come with the package: ``shipped:kinect_v1`` names one instead of a file.

They have learned to tell apart improvised pieces, whoever performs them, see
:mod:`halp_mm.synthetic.improvisation`, in one layout each. Their files are published models
with their cards, in the package's folder of this name.
"""

from __future__ import annotations

import os
from pathlib import Path

import halp_mm
from halp_mm.component_building import suggestion

PREFIX = 'shipped:'


def shipped_encoders() -> dict[str, Path]:
    """The files of the encoders that come with the package, by layout."""
    folder = Path(halp_mm.__file__).parent / 'shipped_encoders'
    return {path.stem.rpartition('-')[0]: path for path in sorted(folder.glob('*.pth'))}


def checkpoint_path(name: str | os.PathLike) -> str:
    """The path or address of a checkpoint.

    Args:
        name: A path or an address, which stays as it is, or ``shipped:LAYOUT`` for an encoder that
            comes with the package.

    Raises:
        ValueError: if no encoder of such a name comes with the package.
    """
    text = os.fspath(name)
    if not text.startswith(PREFIX):
        return text
    found = shipped_encoders()
    layout = text.removeprefix(PREFIX)
    if layout not in found:
        raise ValueError(
            f'no encoder {text!r} comes with halp_mm{suggestion(layout, found)}; there are '
            f'{", ".join(PREFIX + known for known in found) or "none"}'
        )
    return os.fspath(found[layout])

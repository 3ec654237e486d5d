"""Checkpoints as safetensors files: tensors, and everything else as JSON in the file's header."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

#: How such a file's name ends.
SUFFIX = '.safetensors'
#: The key of the checkpoint's ``meta`` in the header.
KEY = 'halp_mm'


def write_safetensors_checkpoint(checkpoint: Mapping, path: str | os.PathLike) -> None:
    """Write a checkpoint's ``state_dict`` and ``meta``.

    Args:
        checkpoint: The checkpoint; ``meta`` is of plain containers.
        path: The file.
    """
    state = {key: value.contiguous() for key, value in checkpoint['state_dict'].items()}
    save_file(state, path, {'format': 'pt', KEY: json.dumps(checkpoint['meta'])})


def read_safetensors_checkpoint(
    path: str | os.PathLike,
    map_location: str | torch.device | None = 'cpu',
    only_meta: bool = False,
) -> dict:
    """Read a checkpoint.

    Args:
        path: The file.
        map_location: Where tensors go; None for the CPU.
        only_meta: Whether to leave the tensors on disk.

    Returns:
        ``state_dict``, and ``meta`` if the file has one.

    Raises:
        ValueError: if the file is damaged.
    """
    device = torch.device('cpu' if map_location is None else map_location)
    try:
        with safe_open(path, 'pt', device=str(device)) as file:
            meta = json.loads((file.metadata() or {}).get(KEY, '{}'))
            names = [] if only_meta else file.keys()
            state = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(
            f'{path} cannot be read as a checkpoint: it is truncated or damaged ({error}). Use '
            'another checkpoint'
        ) from error
    return {'meta': meta, 'state_dict': state}

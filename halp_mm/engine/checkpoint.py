"""Checkpoints that are whole when they are there, and cannot run code when they are read."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader


@CheckpointLoader.register_scheme(prefixes='', force=True)
def load_checkpoint_file(filename: str, map_location: str | torch.device | None = 'cpu') -> dict:
    """Read a checkpoint with ``weights_only=True``. Replaces mmengine's loader of local files.

    Args:
        filename: The file.
        map_location: Where tensors go, as in ``torch.load``.

    Returns:
        The checkpoint. An entry ``meta/config`` is left out: mmengine's resume would execute it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated, not a checkpoint, or holds anything but tensors and
            plain containers.
    """
    path = Path(filename).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = str(error).strip().split('\n')[0]
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) cannot be read as a checkpoint: it is '
            f'truncated, damaged, or holds more than tensors and plain containers ({reason}). '
            'Use another checkpoint, or train again'
        ) from error
    if not isinstance(checkpoint, dict):
        raise ValueError(f'{path} holds a {type(checkpoint).__name__}; expected a checkpoint dict')
    if isinstance(checkpoint.get('meta'), dict):
        checkpoint['meta'].pop('config', None)
    return checkpoint


def load_weights(model: torch.nn.Module, filename: str | os.PathLike) -> None:
    """Load a checkpoint's weights into a model that they must fit exactly.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, or was made with another model.
    """
    checkpoint = load_checkpoint_file(os.fspath(filename))
    state = checkpoint.get('state_dict', checkpoint)
    own = model.state_dict()
    missing, unexpected = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    reshaped = [
        f'{key} is {list(state[key].shape)}, expected {list(own[key].shape)}'
        for key in sorted(own.keys() & state.keys())
        if state[key].shape != own[key].shape
    ]
    if missing or unexpected or reshaped:
        problems = [
            *(f'{key} is missing' for key in missing),
            *(f'{key} is not in the model' for key in unexpected),
            *reshaped,
        ]
        more = f'; and {len(problems) - 4} more' if len(problems) > 4 else ''
        raise ValueError(
            f'{filename} was made with another model than this config: '
            f'{"; ".join(problems[:4])}{more}. Use the config that it was trained with'
        )
    model.load_state_dict(state)

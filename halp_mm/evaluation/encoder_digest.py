"""A digest of encoders' weights."""

from __future__ import annotations

import hashlib

import torch
from mmengine.model import BaseModel


def encoder_digest(model: BaseModel) -> str:
    """The SHA-256 of the encoders' weights: features are comparable if it is the same."""
    digest = hashlib.sha256()
    for stream, encoder in sorted(model.encoders.items()):
        for key, value in sorted(encoder.state_dict().items()):
            digest.update(f'{stream} {key} {value.dtype} {list(value.shape)}'.encode())
            digest.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()

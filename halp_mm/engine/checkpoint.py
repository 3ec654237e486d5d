"""Checkpoints from a file or a web address, read without running code."""

from __future__ import annotations

import os
import re
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader

from halp_mm.engine.checkpoint_file import read_checkpoint_file
from halp_mm.engine.shipped_encoders import checkpoint_path

#: The largest checkpoint that is fetched from a web address.
MAX_DOWNLOAD_BYTES = 8 << 30

_SOME = 1 << 20


def load_checkpoint_file(
    filename: str | os.PathLike, map_location: str | torch.device | None = 'cpu'
) -> dict:
    """Read a checkpoint with ``weights_only=True``.

    It replaces all loaders of mmengine, so ``load_from``, ``init_cfg`` and everything else that
    loads a checkpoint through mmengine uses it.

    Args:
        filename: A file, an address that begins with ``http://`` or ``https://``, or
            ``shipped:LAYOUT`` for an encoder that comes with the package.
        map_location: Where tensors go, as in ``torch.load``.

    Returns:
        The checkpoint. An entry ``meta/config`` is omitted: mmengine's resume would execute it.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if the address cannot be reached.
        ValueError: if the file is truncated or changed, not a checkpoint, or holds anything but
            tensors and plain containers; or if the address is of another kind.
    """
    filename = checkpoint_path(filename)
    if re.match(r'https?://', filename):
        return _download(filename, map_location)
    if re.match(r'[\w.+-]+(:[\w.+-]+)*://', filename):
        raise ValueError(
            f'{filename}: checkpoints are read from files and from http:// and https:// addresses '
            'only. Download it, and give the file'
        )
    return read_checkpoint_file(filename, map_location)


# One loader for every prefix: mmengine's own loaders would unpickle what they find.
CheckpointLoader._schemes.clear()
CheckpointLoader.register_scheme(prefixes='', loader=load_checkpoint_file)


def _download(address: str, map_location: str | torch.device | None) -> dict:
    with tempfile.TemporaryDirectory(prefix='halp_mm_') as folder:
        path = Path(folder, 'checkpoint.pth')
        try:
            with urllib.request.urlopen(address, timeout=60) as source, path.open('wb') as file:
                announced = int(source.headers.get('Content-Length') or 0)
                while block := source.read(_SOME):
                    file.write(block)
                    if max(file.tell(), announced) > MAX_DOWNLOAD_BYTES:
                        raise ValueError(
                            f'{address} is larger than {MAX_DOWNLOAD_BYTES >> 30} GB; download '
                            'it yourself, and give the file'
                        )
                if file.tell() < announced:
                    raise OSError(f'the connection ended after {file.tell()} of {announced} bytes')
        except (OSError, urllib.error.URLError) as error:
            raise OSError(f'cannot fetch the checkpoint {address}: {error}') from error
        try:
            return read_checkpoint_file(path, map_location)
        except ValueError as error:
            raise ValueError(str(error).replace(os.fspath(path), address)) from error

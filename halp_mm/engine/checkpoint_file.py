"""The file of a checkpoint: sealed by a checksum, bounded, and read without running code."""

from __future__ import annotations

import hashlib
import os
import pickle
import re
import struct
import zipfile
from pathlib import Path

import torch

from halp_mm.engine.safetensors_checkpoint import SUFFIX, read_safetensors_checkpoint

#: The maximum number of entries. A checkpoint has one for each tensor, and a few more.
MAX_ENTRIES = 100_000
#: The maximum bytes of the pickle, which lists the tensors and holds everything else.
MAX_PICKLE_BYTES = 1 << 26

_SEAL = b'halp_mm sha256 '
_SEAL_BYTES = len(_SEAL) + 64
_END = struct.Struct('<4s4H2LH')  # how every zip file ends, before its comment
_SOME = 1 << 20


def seal_checkpoint_file(path: str | os.PathLike) -> None:
    """Write the SHA-256 of a checkpoint into the comment at its end, and flush it to disk.

    PyTorch's checkpoints are zip files, whose comment ``torch.load`` ignores.

    Args:
        path: A file that ``torch.save`` made.
    """
    with open(path, 'r+b') as file:
        file.seek(-2, os.SEEK_END)
        file.write(struct.pack('<H', _SEAL_BYTES))
        file.write(_SEAL + _digest(file, file.tell()))
        file.flush()
        os.fsync(file.fileno())


def read_checkpoint_file(
    path: str | os.PathLike,
    map_location: str | torch.device | None = 'cpu',
    only_meta: bool = False,
) -> dict:
    """Read a checkpoint with ``weights_only=True``, after checks of its size and checksum.

    Args:
        path: The file, a safetensors file if its name ends in ``.safetensors``.
        map_location: Where tensors go, as in ``torch.load``.
        only_meta: Whether to leave the tensors on disk and skip the checksum: fast, for reading
            the metadata alone.

    Returns:
        The checkpoint. An entry ``meta/config`` is omitted: mmengine would execute it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated or changed, not a checkpoint, larger unpacked than packed, or
            holds anything but tensors and plain containers.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f'there is no checkpoint {path}')
    if path.suffix == SUFFIX:
        return read_safetensors_checkpoint(path, map_location, only_meta)
    try:
        _check_file(path, only_meta)
        checkpoint = torch.load(
            path,
            map_location='cpu' if only_meta else map_location,
            weights_only=True,
            mmap=only_meta and zipfile.is_zipfile(path),
        )
    except MemoryError as error:
        raise ValueError(f'{path} cannot be read as a checkpoint: it asks for too much') from error
    except (
        pickle.UnpicklingError,
        zipfile.BadZipFile,
        *(AttributeError, EOFError, KeyError, IndexError, OSError, RuntimeError, TypeError),
        ValueError,
    ) as error:
        reason = _reason(error)
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


def _reason(error: Exception) -> str:
    """What is wrong, in a line; of PyTorch's long messages what its unpickler says."""
    text = str(error).strip()
    found = re.search(r'WeightsUnpickler error: *([^\n]*)', text)
    return (found[1] if found else text.split('\n')[0]) or type(error).__name__


def _check_file(path: Path, only_meta: bool) -> None:
    """Raise a ValueError or BadZipFile if a file is not safe for ``torch.load``."""
    size = path.stat().st_size
    with path.open('rb') as file:
        if file.read(4) != b'PK\x03\x04':
            return  # PyTorch's older format, a pickle without a directory
        sealed = _check_seal(file, size, only_meta)
        if not sealed:
            _check_directory_size(file, size)
        file.seek(0)
        with zipfile.ZipFile(file) as archive:
            _check_entries(archive, size)
            if not (sealed or only_meta):
                _check_sums(archive)


def _check_seal(file, size: int, only_meta: bool) -> bool:
    """Whether a file is sealed; a broken seal is an error."""
    if size < _SEAL_BYTES:
        return False
    file.seek(size - _SEAL_BYTES)
    seal = file.read(_SEAL_BYTES)
    if not re.fullmatch(re.escape(_SEAL) + rb'[0-9a-f]{64}', seal):
        return False
    if not only_meta and _digest(file, size - _SEAL_BYTES) != seal[len(_SEAL) :]:
        raise ValueError('its content does not match its checksum')
    return True


def _check_directory_size(file, size: int) -> None:
    """Refuse a list of entries that takes more memory than any checkpoint's."""
    file.seek(max(0, size - _END.size - 0xFFFF))
    tail = file.read()
    end = tail.rfind(b'PK\x05\x06')
    if end < 0 or len(tail) - end < _END.size:
        raise ValueError('its end is missing')
    entries, directory, comment = (_END.unpack_from(tail, end)[i] for i in (4, 5, 7))
    if comment or end + _END.size != len(tail):
        raise ValueError('its end is damaged')
    # 0xFFFF and 0xFFFFFFFF stand for "more than fits here", said in a longer form of the end.
    if 0xFFFF > entries > MAX_ENTRIES or 0xFFFFFFFF > directory > MAX_PICKLE_BYTES:
        raise ValueError(f'it lists {entries} entries in {directory} bytes')


def _check_entries(archive: zipfile.ZipFile, size: int) -> None:
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise ValueError(f'it has {len(entries)} entries; at most {MAX_ENTRIES} are expected')
    total = sum(entry.file_size for entry in entries)
    if total > size or any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError(f'its {len(entries)} entries are compressed or overlap: {total} bytes')
    if len({entry.filename for entry in entries}) != len(entries):
        raise ValueError('several of its entries have one name')
    for entry in entries:
        if entry.filename.endswith('/data.pkl') or entry.filename == 'data.pkl':
            if entry.file_size > MAX_PICKLE_BYTES:
                raise ValueError(
                    f'what it says besides tensors takes {entry.file_size} bytes; at most '
                    f'{MAX_PICKLE_BYTES} are expected'
                )
            if b'bytearray' in archive.read(entry):  # which a pickle can ask for in any size
                raise ValueError('it holds a bytearray')


def _check_sums(archive: zipfile.ZipFile) -> None:
    """Read all entries; zipfile raises an error if a CRC-32 does not match."""
    for entry in archive.infolist():
        with archive.open(entry) as content:
            while content.read(_SOME):
                pass


def _digest(file, end: int) -> bytes:
    """The SHA-256, in hexadecimal digits, of the first bytes of a file; moves to their end."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_SOME))
    file.seek(0)
    while end > 0 and (count := file.readinto(buffer[: min(end, _SOME)])):
        digest.update(buffer[:count])
        end -= count
    return digest.hexdigest().encode()

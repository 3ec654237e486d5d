"""Features of clips as a file: ``.safetensors``, ``.npz`` or ``.csv``.

A ``.safetensors`` file is also a gallery: :class:`SkeletonInferencer` compares new clips with its
clips. It has the tensors ``features/STREAM`` (float32 ``[N, D]``), ``label`` (int64 ``[N]``, -1
without one), ``source`` (int64 ``[N]``) and ``name`` (UTF-8, a line each), and in its metadata
``format``, and as JSON ``classes``, ``sources`` and ``encoders``.

An ``.npz`` file has ``features/STREAM``, ``labels``, ``names``, ``classes`` and ``sources``,
without pickled objects. A ``.csv`` file has a line a clip: ``name``, ``action``, and ``STREAM_0``,
... of each stream.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from halp_mm.apis.features import ClipFeatures
from halp_mm.atomic_write import atomic_write
from halp_mm.datasets.storage import UNLABELLED

FORMAT = 'halp_mm features 1'
_FEATURES = 'features/'
_TENSORS = {'label', 'source', 'name'}
_METADATA = {'format', 'classes', 'sources', 'encoders'}


def write_features(clips: ClipFeatures, path: str | os.PathLike) -> None:
    """Write features of clips, and what the clips are.

    Args:
        clips: The features.
        path: The ``.safetensors``, ``.npz`` or ``.csv`` file to make.

    Raises:
        ValueError: if the file is of another kind.
        OSError: if it cannot be written.
    """
    check_features_path(path)
    with atomic_write(path) as partial:
        _WRITERS[Path(path).suffix](clips, partial)


def check_features_path(path: str | os.PathLike) -> None:
    """Raise a ValueError if no file of features has such a name."""
    if Path(path).suffix not in _WRITERS:
        raise ValueError(
            f'{os.fspath(path)} is called {Path(path).suffix or "without a suffix"}; expected one '
            f'of {", ".join(_WRITERS)}'
        )


def is_features_file(path: str | os.PathLike) -> bool:
    """Whether a file is one of features that :func:`read_features` reads, by its metadata."""
    if Path(path).suffix != '.safetensors' or not Path(path).is_file():
        return False
    try:
        with safe_open(path, framework='pt') as file:
            return (file.metadata() or {}).get('format') == FORMAT
    except SafetensorError:
        return False


def read_features(path: str | os.PathLike) -> ClipFeatures:
    """Read a ``.safetensors`` file of :func:`write_features`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, of another kind, or contradicts itself.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'there is no file of features {os.fspath(path)}')
    advice = 'Make it again with tools/extract_features.py or SkeletonInferencer.save'
    try:
        with safe_open(path, framework='pt') as file:
            metadata = file.metadata() or {}
            if metadata.get('format') != FORMAT:
                raise ValueError(f'its format is {metadata.get("format")!r}, expected {FORMAT!r}')
            # Copies, aligned as PyTorch's own tensors are: products are the same to the last bit,
            # and the file may change later.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118
        return _from_parts(metadata, tensors)
    except (SafetensorError, ValueError, RecursionError) as error:
        raise ValueError(f'{os.fspath(path)} is no file of features: {error}. {advice}') from error


def _from_parts(metadata: dict, tensors: dict[str, torch.Tensor]) -> ClipFeatures:
    """The content of a file.

    Raises:
        ValueError: if it contradicts itself.
    """
    features = {
        key.removeprefix(_FEATURES): value
        for key, value in tensors.items()
        if key.startswith(_FEATURES)
    }
    missing = (_TENSORS - set(tensors)) | (_METADATA - set(metadata))
    if missing or not features:
        raise ValueError(f'it lacks {sorted(missing) or "features"}')
    classes, sources, encoders = (
        json.loads(metadata[key]) for key in ('classes', 'sources', 'encoders')
    )
    for key, texts in (('classes', classes), ('sources', sources)):
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f'{key} are no list of texts')
    labels, source = tensors['label'], tensors['source']
    names = bytes(tensors['name'].flatten().tolist()).decode().split('\n')
    for stream, tensor in features.items():
        if tensor.dtype != torch.float32 or tensor.ndim != 2 or len(tensor) != len(names):
            raise ValueError(
                f'features/{stream} is {tensor.dtype} {list(tensor.shape)} of {len(names)} clips'
            )
    for key, tensor, end in (('label', labels, len(classes)), ('source', source, len(sources))):
        if tensor.dtype != torch.int64 or tensor.shape != (len(names),):
            raise ValueError(f'{key} is {tensor.dtype} {list(tensor.shape)} of {len(names)} clips')
        if not -1 <= tensor.min() <= tensor.max() < end:
            raise ValueError(f'{key} has numbers outside 0 to {end - 1}')
    by_clip = [sources[i] for i in source.tolist()] if sources else []
    return ClipFeatures(features, labels, names, classes, by_clip, encoders)


def _write_safetensors(clips: ClipFeatures, path: Path) -> None:
    for name in clips.names:
        if '\n' in name:
            raise ValueError(f'the name {name!r} is not on one line')
    sources = list(dict.fromkeys(clips.sources))
    position = {source: i for i, source in enumerate(sources)}
    known = [position[source] for source in clips.sources] or [-1] * len(clips.names)
    tensors = {
        'label': clips.labels.cpu().long(),
        'source': torch.tensor(known),
        'name': torch.frombuffer(bytearray('\n'.join(clips.names).encode()), dtype=torch.uint8),
    }
    for stream, features in clips.features.items():
        tensors[f'{_FEATURES}{stream}'] = features.cpu().float().contiguous()
    facts = {'classes': clips.classes, 'sources': sources, 'encoders': clips.encoders}
    metadata = {key: json.dumps(value) for key, value in facts.items()}
    save_file(tensors, path, {'format': FORMAT, **metadata})


def _write_npz(clips: ClipFeatures, path: Path) -> None:
    arrays = {
        'labels': clips.labels.cpu().numpy(),
        **{key: np.array(getattr(clips, key), np.str_) for key in ('names', 'classes', 'sources')},
    }
    for stream, features in clips.features.items():
        arrays[f'{_FEATURES}{stream}'] = features.cpu().numpy()
    with path.open('wb') as file:
        np.savez(file, **arrays)


def _write_csv(clips: ClipFeatures, path: Path) -> None:
    head = [
        f'{stream}_{i}'
        for stream, features in clips.features.items()
        for i in range(features.shape[1])
    ]
    values = np.concatenate([part.cpu().numpy() for part in clips.features.values()], 1)
    with path.open('w', newline='', encoding='utf-8') as file:
        writer = csv.writer(file)
        writer.writerow(['name', 'action', *head])
        for name, label, row in zip(clips.names, clips.labels.tolist(), values):
            action = '' if label == UNLABELLED else clips.classes[label]
            writer.writerow([name, action, *map(str, row)])


_WRITERS = {'.safetensors': _write_safetensors, '.npz': _write_npz, '.csv': _write_csv}

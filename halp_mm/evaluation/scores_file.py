"""Class scores of an evaluation as a file: a NumPy archive without pickled objects.

Its arrays:

==============================  ===============================================================
``scores``                      float32 or float64 ``[num_test, classes]``: higher is better
``labels``                      int64 ``[num_test]``: the true classes
``names``                       text ``[num_test]``: the names of the clips
``classes``                     text ``[classes]``: the names of the classes
``dataset``, ``split``          text: which clips
``protocol``                    text: what gave the scores, such as ``LinearProtocol``
``num_train``                   int64 ``[classes]``: how many training clips each class has
``protocol_name``               text: the protocol's name in the config, such as ``linear``
``train_split``                 text: the split of the training clips
``run``                         text: the identity of the run that made the encoder, as JSON
``config``, ``config_sha256``   text: the config's file, and a hash of all its values
``target``                      text: the config of the clips, if they are another data set's
``checkpoint``,                 text: the checkpoint and a hash of the file; an untrained encoder
``checkpoint_sha256``           has none
``seed``                        int64
``features/STREAM``             float32 ``[num_test, D]``: the encoder's features of the clips, of
                                each stream; none where a protocol trains the encoder
==============================  ===============================================================

A file without those from ``num_train`` on is read as well.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from halp_mm.atomic_write import atomic_write
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import ORIGIN, EvaluationResult

_TEXTS = ('dataset', 'split', 'protocol')
_ARRAYS = ('scores', 'labels', 'names', 'classes', *_TEXTS)
_FEATURES = 'features/'
_DTYPES = {str: np.str_, int: np.int64}
_DAMAGED = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


def write_scores(result: EvaluationResult, path: str | os.PathLike) -> None:
    """Write an evaluation's class scores and what they are scores of.

    Args:
        result: An evaluation's outcome; its metrics are not written.
        path: The ``.npz`` file to make.
    """
    arrays = {
        'scores': result.scores.numpy(),
        'labels': result.labels.numpy(),
        'names': np.array(result.names, np.str_),
        'classes': np.array(result.classes, np.str_),
        **{key: np.array(getattr(result, key), np.str_) for key in _TEXTS},
        **{key: np.array(value, _DTYPES[ORIGIN[key]]) for key, value in result.origin.items()},
    }
    if result.num_train is not None:
        arrays['num_train'] = np.array(result.num_train, np.int64)
    for stream, features in result.features.items():
        arrays[f'{_FEATURES}{stream}'] = features.numpy()
    with atomic_write(path) as partial, partial.open('wb') as file:
        np.savez(file, **arrays)


def read_scores(path: str | os.PathLike) -> EvaluationResult:
    """Read a file of :func:`write_scores`.

    Args:
        path: The file.

    Returns:
        The result, with ``top1``, ``top5`` and ``num_test`` as metrics.

    Raises:
        FileNotFoundError: if there is no such file; says which command makes it.
        ValueError: if the file is damaged or not one of scores, holds pickled objects, or its
            arrays do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no file of scores {path}. Make it with: '
            f'python tools/test.py CONFIG CHECKPOINT --dump {path}'
        )
    again = f'Make it again with: python tools/test.py CONFIG CHECKPOINT --dump {path}'
    if not zipfile.is_zipfile(path):
        raise ValueError(
            f'{path} ({path.stat().st_size} bytes) is truncated or not a NumPy archive. {again}'
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            known = {*_ARRAYS, 'num_train', *ORIGIN}
            arrays = {
                key: archive[key]
                for key in archive.files
                if key in known or key.startswith(_FEATURES)
            }
    except _DAMAGED as error:
        raise ValueError(
            f'{path} is damaged or holds more than plain arrays: {error}. {again}'
        ) from error
    missing = [key for key in _ARRAYS if key not in arrays]
    if missing:
        raise ValueError(f'{path} lacks the arrays {missing}. {again}')
    problem = _find_problem(arrays)
    if problem:
        raise ValueError(f'{path}: {problem}. {again}')
    scores = torch.from_numpy(arrays['scores'])
    labels = torch.from_numpy(arrays['labels'].astype(np.int64))
    return EvaluationResult(
        {f'top{k}': top_k_accuracy(scores, labels, k) for k in (1, 5)} | {'num_test': len(labels)},
        scores,
        labels,
        arrays['names'].tolist(),
        arrays['classes'].tolist(),
        **{key: arrays[key].item() for key in _TEXTS},
        num_train=arrays['num_train'].tolist() if 'num_train' in arrays else None,
        origin={key: arrays[key].item() for key in ORIGIN if key in arrays},
        features={
            key.removeprefix(_FEATURES): torch.from_numpy(array)
            for key, array in arrays.items()
            if key.startswith(_FEATURES)
        },
    )


def _find_problem(arrays: Mapping[str, np.ndarray]) -> str | None:
    """What is wrong with the arrays, if anything is."""
    scores, labels = arrays['scores'], arrays['labels']
    if scores.ndim != 2 or scores.dtype not in (np.float32, np.float64) or not scores.size:
        return f'scores are {_described(scores)}; expected float32 [clips, classes]'
    num_clips, num_classes = scores.shape
    if labels.shape != (num_clips,) or labels.dtype.kind not in 'iu':
        return f'labels are {_described(labels)}; expected int64 [{num_clips}]'
    shapes = {'names': (num_clips,), 'classes': (num_classes,), **dict.fromkeys(_TEXTS, ())}
    for key, shape in shapes.items():
        if arrays[key].shape != shape or arrays[key].dtype.kind != 'U':
            found, expected = _described(arrays[key]), list(shape)
            return f'{key} is {found}; expected text {expected} beside scores {list(scores.shape)}'
    if 'num_train' in arrays:
        counts = arrays['num_train']
        if counts.shape != (num_classes,) or counts.dtype.kind not in 'iu':
            return f'num_train is {_described(counts)}; expected int64 [{num_classes}]'
    for key in ORIGIN.keys() & arrays.keys():
        kind = np.dtype(_DTYPES[ORIGIN[key]]).kind
        if arrays[key].shape != () or arrays[key].dtype.kind != kind:
            expected = 'text' if kind == 'U' else 'int64'
            return f'{key} is {_described(arrays[key])}; expected {expected} []'
    for key in (key for key in arrays if key.startswith(_FEATURES)):
        array = arrays[key]
        if array.ndim != 2 or len(array) != num_clips or array.dtype != np.float32:
            return f'{key} is {_described(array)}; expected float32 [{num_clips}, D]'
    if not 0 <= labels.min() <= labels.max() < num_classes:
        return f'labels are {labels.min()} to {labels.max()}; expected 0 to {num_classes - 1}'
    bad = ~np.isfinite(scores).all(1)
    if bad.any():
        return (
            f'scores of {bad.sum()} of {num_clips} clips are NaN or infinite, such as those of '
            f'{str(arrays["names"][bad.argmax()])!r}; has the training diverged? '
            'Expected finite numbers'
        )
    return None


def _described(array: np.ndarray) -> str:
    kind = 'text' if array.dtype.kind == 'U' else array.dtype
    return f'{kind} {list(array.shape)}'

"""Which test clips were recognised, as a small file: a NumPy archive without pickled objects.

Its arrays are ``names``, text ``[num_test]``, and for each metric ``hits/METRIC``, float32
``[num_test]``; see :class:`~halp_mm.evaluation.protocol.EvaluationResult`. Differences between
evaluations are judged clip by clip with them.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from typing import Any

import numpy as np

from halp_mm.atomic_write import atomic_write
from halp_mm.evaluation.protocol import EvaluationResult

_HITS = 'hits/'
_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


def write_hits(result: EvaluationResult, path: str | os.PathLike) -> None:
    """Write how often an evaluation recognised each test clip.

    Args:
        result: The evaluation.
        path: The ``.npz`` file to make.
    """
    arrays: dict[str, Any] = {
        f'{_HITS}{metric}': hits.numpy() for metric, hits in result.hits.items()
    }
    with atomic_write(path) as partial, partial.open('wb') as file:
        np.savez_compressed(file, names=np.array(result.names, np.str_), **arrays)


def read_hits(path: str | os.PathLike) -> tuple[list[str], dict[str, np.ndarray]]:
    """Read a file of :func:`write_hits`.

    Args:
        path: The file.

    Returns:
        The names of the test clips, and the hits ``[num_test]`` by metric.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged.
    """
    try:
        with open(path, 'rb') as file, np.load(file, allow_pickle=False) as archive:
            names = archive['names'].tolist()
            hits = {
                key.removeprefix(_HITS): archive[key]
                for key in archive.files
                if key.startswith(_HITS)
            }
    except FileNotFoundError:
        raise
    except _DAMAGED as error:
        raise ValueError(
            f'{path} is damaged: {error}. Delete it and the .json file beside it, and do it again'
        ) from error
    if any(array.shape != (len(names),) for array in hits.values()):
        raise ValueError(f'{path} has {len(names)} clips, but hits of another number')
    return names, hits

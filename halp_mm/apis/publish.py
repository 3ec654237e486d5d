"""A model to give to others: its weights without the training's state, and a card."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from halp_mm.apis.model_card import model_card
from halp_mm.atomic_write import atomic_write, replace_durably
from halp_mm.engine import resolve_checkpoint
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.engine.run_identity import read_run_identity
from halp_mm.engine.saved_model import load_model, save_model
from halp_mm.run_identity import NEUTRAL
from halp_mm.sha256 import file_sha256

#: Digits of the SHA-256 in a published file's name, as in OpenMMLab.
DIGITS = 8


class PublishedModel(NamedTuple):
    """The files of a published model."""

    model: Path  #: ``NAME-DIGITS.pth``
    card: Path  #: ``NAME-DIGITS.md``
    num_bytes: int  #: The size of the model


def publish_model(
    checkpoint: str | os.PathLike,
    name: str,
    data_licence: str,
    out_dir: str | os.PathLike = '.',
    results: Sequence[str | os.PathLike] | None = None,
    about: str | None = None,
) -> PublishedModel:
    """Write a model's encoders and classifiers to a file of their own, with a card.

    Optimiser, schedules, heads, queues and key networks are left out, and so are paths of this
    machine. The same model gives the same file.

    Args:
        checkpoint: A model that ``tools/test.py --save`` wrote, a checkpoint of a training, or a
            work directory, which stands for its newest checkpoint.
        name: The beginning of the files' names; the digits of the model's SHA-256 follow.
        data_licence: What the licence of the training data allows, for the card.
        out_dir: The folder to write to.
        results: JSON files of ``tools/test.py``, for the card's accuracies.
        about: A sentence on the model, for the card.

    Raises:
        FileNotFoundError: if there is no such checkpoint or results file.
        ValueError: if the checkpoint is damaged or does not describe its model, a result is of
            another checkpoint, or the name has other characters than letters, digits, ``.``, ``_``
            and ``-``.
        OSError: if a file cannot be written.
    """
    if not re.fullmatch(r'[\w.-]+', name):
        raise ValueError(f'name is {name!r}; expected letters, digits, ".", "_" and "-"')
    if not data_licence.strip():
        raise ValueError("data_licence is empty; say what the training data's licence allows")
    checkpoint = resolve_checkpoint(checkpoint)
    model, description = load_model(checkpoint)
    origin = without_paths({**_origin_of_training(checkpoint), **description.origin})
    description = replace(description, origin={**origin, 'data_licence': data_licence})
    known = {file_sha256(checkpoint), origin.get('checkpoint_sha256')}
    found = [_read_results(path, known) for path in results or ()]
    folder = Path(out_dir)
    unnamed = folder / f'{name}.unnamed.pth'
    try:
        save_model(unnamed, model, description)
        digest = file_sha256(unnamed)
        path = folder / f'{name}-{digest[:DIGITS]}.pth'
        with atomic_write(path.with_suffix('.md')) as card:
            text = model_card(path.name, digest, model, description, found, about or '')
            card.write_text(text, encoding='utf-8')
        replace_durably(unnamed, path)
    finally:
        unnamed.unlink(missing_ok=True)
    return PublishedModel(path, path.with_suffix('.md'), path.stat().st_size)


def without_paths(origin: Mapping) -> dict:
    """An origin without paths of a machine: the data's, and the folders of the config."""
    origin = dict(origin)
    if isinstance(origin.get('run'), Mapping):
        run = dict(origin['run'])
        run['overrides'] = {
            key: value
            for key, value in run.get('overrides', {}).items()
            if key.rpartition('.')[2] not in (*NEUTRAL, 'work_dir')
        }
        if run.get('config') and os.path.isabs(run['config']):
            run['config'] = Path(run['config']).name
        origin['run'] = run
    return origin


def _origin_of_training(checkpoint: Path) -> dict:
    """What a training wrote into its checkpoint; nothing of a saved model."""
    identity = read_run_identity(checkpoint)
    if identity is None:
        return {}
    meta = load_checkpoint_file(checkpoint)['meta']
    return {
        'run': identity,
        'epoch': meta.get('epoch'),
        'checkpoint_sha256': file_sha256(checkpoint),
    }


def _read_results(path: str | os.PathLike, known: set[str | None]) -> dict:
    """Read an evaluation's results, which must be of one of some checkpoints."""
    try:
        results = json.loads(Path(path).read_text(encoding='utf-8'))
        digest, _ = results['checkpoint_sha256'], results['metrics']
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f'{path} does not hold results of tools/test.py ({error})') from error
    if digest is None or digest not in known:
        raise ValueError(
            f'{path} is of the checkpoint {results.get("checkpoint")} ({str(digest)[:12]}), not of '
            'this model. Give results of the same checkpoint'
        )
    return results

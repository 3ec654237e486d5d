"""The identity of the run that made a checkpoint, beside that of a config."""

from __future__ import annotations

import os
from collections.abc import Mapping

from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.run_identity import describe_run, find_problem


def read_run_identity(checkpoint: str | os.PathLike) -> dict | None:
    """Read the identity of the run that made a checkpoint.

    Args:
        checkpoint: The checkpoint's file.

    Returns:
        The identity, see :mod:`halp_mm.run_identity`; None if the checkpoint has none, such as a
        converted one.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged or its identity is not one.
    """
    meta = load_checkpoint_file(os.fspath(checkpoint)).get('meta')
    identity = None
    if isinstance(meta, Mapping):
        identity = meta.get('run_identity') or _run_of_published(meta)
    problem = None if identity is None else find_problem(identity)
    if problem:
        raise ValueError(
            f'{checkpoint}: meta/run_identity is damaged: {problem}. Train again, or remove the '
            'entry'
        )
    return identity


def _run_of_published(meta: Mapping) -> object:
    """The run that the description of a published model says, see :mod:`.saved_model`."""
    for key in ('inference', 'origin', 'run'):
        meta = meta.get(key) if isinstance(meta, Mapping) else None
    return meta


def check_same_run(
    checkpoint: str | os.PathLike, found: Mapping | None, expected: Mapping
) -> str | None:
    """Compare a checkpoint's identity with that of the config that it is used with.

    Args:
        checkpoint: The checkpoint's file.
        found: Its identity, or None.
        expected: The config's identity.

    Returns:
        A warning about a checkpoint that can be used, or None.

    Raises:
        ValueError: if it is of another encoder or of other streams; the message names both.
    """
    if found is None:
        return (
            f'{checkpoint} does not say which run made it: method, encoder and streams are those '
            'of the config, and its seed is unknown'
        )
    if any(found[key] != expected[key] for key in ('encoder', 'streams')):
        raise ValueError(
            f'{checkpoint} is of {describe_run(found)}, but the config is of '
            f'{describe_run(expected)}; use the config and the --cfg-options that it was trained '
            'with'
        )
    if found['method'] != expected['method']:
        return (
            f'{checkpoint} was trained by {found["method"]}, but the config is of '
            f'{expected["method"]}; the weights fit, and the results are of {found["method"]}'
        )
    return None

"""The config and data of a run, as its checkpoints record them, and how a resumed run differs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from halp_mm.datasets.opening import data_files
from halp_mm.sha256 import joined_digest

#: Settings of where a run goes and how it is started and ended: they may differ silently.
_OF_NO_CONSEQUENCE = (
    'work_dir',
    'resume',
    'load_from',
    'load_encoder_from',
    'launcher',
    'stop_after',
    'experiment_name',
    'log_level',
    'visualizer',
)
#: Settings that come from the checkpoint's optimiser and schedules, whatever the config says.
_OF_THE_CHECKPOINT = (
    'optim_wrapper.optimizer.',
    'optim_wrapper.separate.',
    'param_scheduler.',
    'randomness.seed',
)
_MAX_LINES = 20
_WHOLE_BYTES = 1 << 26  # a data file up to this size is hashed completely
_BLOCK = 1 << 16
_BLOCKS = 256


def flat_config(config: Mapping) -> dict[str, str]:
    """A config's values as texts by dotted key, such as ``{'train_cfg.max_epochs': '10'}``."""
    return dict(_flat(config, ''))


def _flat(value: object, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, f'{key}.{name}' if key else str(name))
    elif isinstance(value, Sequence) and any(isinstance(item, Mapping) for item in value):
        for i, item in enumerate(value):
            yield from _flat(item, f'{key}.{i}')
    else:
        plain = isinstance(value, (str, int, float, bool, type(None), list, tuple, Mapping))
        yield key, repr(value) if plain else getattr(value, '__qualname__', type(value).__name__)


def data_digest(path: str | os.PathLike) -> str:
    """The SHA-256 of a data file's size and content.

    For a file of more than 64 MB, only the first and last 8 MB, which hold header and index, and
    256 blocks of 64 kB between them are read, so that the time does not grow with the file.
    """
    size = Path(path).stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with open(path, 'rb') as file:
        if size <= _WHOLE_BYTES:
            digest.update(file.read())
        else:
            digest.update(file.read(_BLOCK * 128))
            for i in range(_BLOCKS):
                file.seek(size * (i + 1) // (_BLOCKS + 1))
                digest.update(file.read(_BLOCK))
            file.seek(-_BLOCK * 128, os.SEEK_END)
            digest.update(file.read())
    return digest.hexdigest()


def data_facts(config: Mapping) -> dict[str, dict[str, str]]:
    """Files, splits and digests of a config's training, test and evaluation clips."""
    digest = lru_cache(data_digest)
    facts = {}
    for role, dataset in _datasets(
        {
            'training': config.get('train_dataloader', {}).get('dataset', {}),
            'test': config.get('test_dataset', {}),
            'evaluation_data': config.get('evaluation_data') or {},
        }
    ):
        files = data_files(dataset['data_file'])
        if files and all(map(os.path.isfile, files)):
            facts[role] = {
                'file': ' + '.join(files),
                'split': str(dataset.get('split', '')),
                'sha256': joined_digest([digest(file) for file in files]),
            }
    return facts


def _datasets(config: Mapping, role: str = '') -> Iterator[tuple[str, Mapping]]:
    """The dicts with a ``data_file`` at any depth, by dotted key."""
    for key, value in config.items():
        if isinstance(value, Mapping):
            inner = f'{role}.{key}' if role else key
            if isinstance(value.get('data_file'), (str, os.PathLike, list, tuple)):
                yield inner, value
            yield from _datasets(value, inner)


def check_data(then: Mapping, now: Mapping, filename: str | os.PathLike) -> None:
    """Check that the clips are those that a checkpoint was trained on.

    Args:
        then: :func:`data_facts` of the run to resume.
        now: :func:`data_facts` of now.
        filename: The checkpoint.

    Raises:
        ValueError: if a file's content or a split has changed. A moved file is accepted.
    """
    for role in (role for role in then if role in now):
        before, after = then[role], now[role]
        if before['sha256'] != after['sha256']:
            what = f'the {role} clips in {after["file"]} are not those of {before["file"]} then'
        elif before['split'] != after['split']:
            what = f'the {role} split is {after["split"]!r}, it was {before["split"]!r}'
        else:
            continue
        raise ValueError(
            f'{filename} cannot be resumed with other data: {what} (sha256 '
            f'{after["sha256"][:12]}, was {before["sha256"][:12]}). Bring the data back, or start '
            f'a new run from its weights with load_from={filename}'
        )


def config_differences(
    then: Mapping[str, str], now: Mapping[str, str], filename: str | os.PathLike
) -> list[str]:
    """Describe how a resumed run's config differs from its first config, one line a value.

    Args:
        then: :func:`flat_config` of the run to resume.
        now: :func:`flat_config` of now.
        filename: The checkpoint.

    Raises:
        ValueError: if the optimiser or a schedule is of another kind, whose state is missing.
    """
    lines = []
    for key in sorted(then.keys() | now.keys()):
        before, after = then.get(key, 'not set'), now.get(key, 'not set')
        if before == after or key.split('.')[0] in _OF_NO_CONSEQUENCE:
            continue
        used = 'config'
        if key.startswith(_OF_THE_CHECKPOINT):
            used = 'checkpoint'
            if key.endswith('.type'):
                raise ValueError(
                    f'{filename} cannot be resumed with another optimiser or schedule: {key} is '
                    f'{after}, it was {before}. Start a new run from its weights with '
                    f'load_from={filename}'
                )
        lines.append(f"{key} was {before}, is {after} in the config: the {used}'s is used")
    if len(lines) > _MAX_LINES:
        lines[_MAX_LINES:] = [f'and {len(lines) - _MAX_LINES} more values of the config differ']
    return lines

"""The results of an evaluation with their origin, so that they can be checked and repeated."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import mmengine
import numpy as np
import torch
from mmengine.config import Config

from halp_mm.atomic_write import atomic_write
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import EvaluationResult, confusion_matrix
from halp_mm.run_identity import COORDINATES, describe_run
from halp_mm.sha256 import file_sha256, unchanged_file_sha256
from halp_mm.version import __version__

#: The fields that differ between results of the same evaluation.
TIME_FIELDS = ('finished', 'seconds')

_NOTES = {
    'best_top1': 'highest after any epoch, chosen by the test clips',
    'best_epoch': 'the epoch of best_top1',
    'features/top1': 'without the autoencoder',
    'recall1': 'nearest training clip is of the class',
    'recall5': 'one of the nearest five is of the class',
    'map': 'mean average precision',
}


def make_origin(
    config: Config,
    checkpoint: str | os.PathLike | None,
    protocol: str,
    train_dataset: SkeletonDataset,
    run: Mapping,
    target: Config | None = None,
) -> dict[str, str | int]:
    """Describe the origin of class scores, as score files hold it besides the scores.

    Args:
        config: The config.
        checkpoint: The checkpoint; None for the untrained encoder, whose origin has no entry.
        protocol: The protocol's name in the config.
        train_dataset: The clips whose labels are known.
        run: The identity of the run that made the encoder, see :mod:`halp_mm.run_identity`.
        target: The config of the clips, if they belong to another data set than the encoder's.
    """
    origin = {
        'protocol_name': protocol,
        'train_split': train_dataset.split,
        'run': json.dumps(run),
        'config_sha256': config_sha256(config),
        'seed': config.randomness.seed,
    }
    if config.filename is not None:  # a config can also be made from a dict
        origin['config'] = os.fspath(config.filename)
    if target is not None and target.filename is not None:
        origin['target'] = os.fspath(target.filename)
    if checkpoint is not None:
        origin['checkpoint'] = os.fspath(checkpoint)
        origin['checkpoint_sha256'] = file_sha256(checkpoint)
    return origin


def make_results(
    result: EvaluationResult,
    settings: Mapping,
    data_files: Sequence[str | os.PathLike],
    seconds: float,
    warnings: Sequence[str] = (),
) -> dict:
    """Describe an evaluation, in plain containers.

    Data files are read completely for their SHA-256: a few seconds for the largest data sets.

    Args:
        result: The outcome, with the origin that :func:`make_origin` gives.
        settings: The protocol's settings.
        data_files: Where the clips came from.
        seconds: How long the evaluation took.
        warnings: Warnings about the checkpoint.
    """
    origin = result.origin
    by_class = _by_class(result)
    return {
        'protocol': origin['protocol_name'],
        'dataset': result.dataset,
        'train_split': origin['train_split'],
        'test_split': result.split,
        'run': json.loads(origin['run']),
        'metrics': dict(result.metrics),
        **by_class,
        'warnings': [*by_class['warnings'], *warnings],
        'checkpoint': origin.get('checkpoint'),
        'checkpoint_sha256': origin.get('checkpoint_sha256'),
        'config': origin.get('config'),
        'config_sha256': origin['config_sha256'],
        'target': origin.get('target'),
        'settings': dict(settings),
        'seed': origin['seed'],
        'data_files': [
            {'file': path, 'bytes': os.path.getsize(path), 'sha256': unchanged_file_sha256(path)}
            for path in dict.fromkeys(map(os.fspath, data_files))
        ],
        **machine_facts(),
        'finished': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'seconds': seconds,
    }


def machine_facts() -> dict:
    """What results may depend on: ``versions``, the ``device`` and the number of ``threads``."""
    return {
        'versions': {
            'halp_mm': __version__,
            'python': platform.python_version(),
            'torch': torch.__version__,
            'mmengine': mmengine.__version__,
            'numpy': np.__version__,
        },
        'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        'threads': torch.get_num_threads(),
    }


def make_fused_results(
    fused: EvaluationResult, results: Mapping[str, EvaluationResult], weights: Sequence[float]
) -> dict:
    """Describe scores that were fused, in plain containers.

    Args:
        fused: The result of :func:`halp_mm.evaluation.fuse_scores`.
        results: The fused evaluations, by file.
        weights: The weight of each file.
    """
    origin = _with_run(fused.origin)
    return {
        'protocol': origin.pop('protocol_name', fused.protocol),
        'dataset': fused.dataset,
        'train_split': origin.pop('train_split', None),
        'test_split': fused.split,
        'metrics': {name: fused.metrics[name] for name in ('top1', 'top5', 'num_test')},
        **_by_class(fused),
        **origin,
        'fused': [
            {
                'file': file,
                'weight': weight,
                **{k: fused.metrics[f'{file}/{k}'] for k in ('top1', 'top5')},
                # No checkpoint beside a config: the encoder was untrained.
                **({'checkpoint': None} if 'config_sha256' in result.origin else {}),
                **_with_run(result.origin),
            }
            for (file, result), weight in zip(results.items(), weights)
        ],
    }


def config_sha256(config: Config) -> str:
    """The SHA-256 of all of a config's values, with its bases and overrides, in any order of keys.

    The file's name and the division of values among base files do not matter.
    """
    text = json.dumps(config.to_dict(), sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def results_table(results: Mapping) -> str:
    """Describe results in a few lines of text."""
    lines = [f'{results["protocol"]} on {results["dataset"]} {results["test_split"]}']
    metrics, notes = results['metrics'], dict(_NOTES)
    if 'best_top1' in metrics:
        notes |= dict.fromkeys(('top1', 'top5'), 'after the last epoch')
    notes |= {
        name: 'highest of so many classifiers, chosen by the test clips'
        for name in metrics
        if name.startswith('best_of_')
    }
    width = max(12, *(len(name) + 2 for name in metrics))
    for name, value in metrics.items():
        number = f'{value:.2f}' if isinstance(value, float) else value
        note = notes.get(name.rpartition('/')[2])
        lines.append(f'  {name:<{width}}{number:>8}' + (f'  {note}' if note else ''))
    judged = [row for row in results['classes'] if row['top1'] is not None]
    worst = sorted(judged, key=lambda row: row['top1'])[:3]
    lowest = ', '.join(f'{row["class"]} {row["top1"]:.1f}' for row in worst)
    lines.append(f'  lowest top-1: {lowest}')
    run_seed = results['run']['seed']
    lines.append(
        f'  run: {describe_run(results["run"])}'
        + ('' if run_seed is None else f', seed {run_seed}')
    )
    lines += [
        f'  {what}: {name} ({digest[:12]})' if digest else f'  {what}: untrained'
        for what, name, digest in (
            ('config', results['config'], results['config_sha256']),
            *(
                [('checkpoint', results['checkpoint'], results['checkpoint_sha256'])]
                if results['protocol'] != COORDINATES
                else []
            ),
            *(('data', file['file'], file['sha256']) for file in results['data_files']),
        )
    ]
    lines.append(f'  seed {results["seed"]}, {results["device"]}, {results["threads"]} threads')
    lines += [f'  warning: {warning}' for warning in results['warnings']]
    return '\n'.join(lines)


def write_results(results: Mapping, path: str | os.PathLike) -> None:
    """Write results as JSON."""
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(results, indent=2) + '\n', encoding='utf-8')


def _with_run(origin: Mapping) -> dict:
    """An origin with the run's identity in plain containers instead of as text."""
    return {**origin, **({'run': json.loads(origin['run'])} if 'run' in origin else {})}


def _by_class(result: EvaluationResult) -> dict[str, list]:
    """Warnings, accuracies and confusions, class by class."""
    confusion = confusion_matrix(result.scores, result.labels)
    num_test = confusion.sum(1).tolist()
    right = confusion.diagonal().tolist()
    num_train = result.num_train or [None] * len(num_test)
    classes = [
        {
            'class': name,
            'top1': 100 * hits / test if test else None,
            'num_train': train,
            'num_test': test,
        }
        for name, hits, train, test in zip(result.classes, right, num_train, num_test)
    ]
    return {
        'warnings': _warnings(classes),
        'classes': classes,
        'confusion': confusion.tolist(),
    }


def _warnings(classes: list[dict]) -> list[str]:
    absent = [row for row in classes if row['num_train'] == 0]
    if not absent:
        return []
    names = ', '.join(repr(row['class']) for row in absent[:5])
    more = f' and {len(absent) - 5} more' if len(absent) > 5 else ''
    num_test = sum(row['num_test'] for row in absent)
    return [
        f'{len(absent)} of {len(classes)} classes have no training clips ({names}{more}): what is '
        f'learned from the training clips cannot recognise their {num_test} test clips'
    ]

"""What an evaluation was of, so that its figures can be trusted and repeated."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from datetime import datetime, timezone

import mmengine
import numpy as np
import torch
from mmengine.config import Config

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation import EvaluationResult, per_class_accuracy
from halp_mm.version import __version__
from halp_mm.whole_files import written_whole

#: What differs between reports of the same evaluation.
TIME_FIELDS = ('finished', 'seconds')

_NOTES = {
    'best_top1': 'highest after any epoch, chosen by the test clips',
    'best_epoch': 'the epoch of best_top1',
    'recall1': 'nearest training clip is of the class',
    'recall5': 'one of the nearest five is of the class',
    'map': 'mean average precision',
}


def make_report(
    config: Config,
    checkpoint: str | os.PathLike | None,
    protocol: str,
    settings: Mapping,
    train_dataset: SkeletonDataset,
    result: EvaluationResult,
    seconds: float,
) -> dict:
    """All that there is to know of an evaluation, in plain containers.

    Files are read whole for their SHA-256, a few seconds for the largest data sets.

    Args:
        config: The config.
        checkpoint: The checkpoint; None for the untrained encoder.
        protocol: The protocol's name in the config.
        settings: The protocol's settings.
        train_dataset: The clips whose labels were known.
        result: The outcome.
        seconds: How long the evaluation took.
    """
    classes = _class_rows(train_dataset, result)
    return {
        'protocol': protocol,
        'dataset': result.dataset,
        'train_split': train_dataset.split,
        'test_split': result.split,
        **result.metrics,
        'warnings': _warnings(classes),
        'classes': classes,
        'checkpoint': None if checkpoint is None else os.fspath(checkpoint),
        'checkpoint_sha256': None if checkpoint is None else file_sha256(checkpoint),
        'config': config.filename,
        'config_sha256': config_sha256(config),
        'settings': dict(settings),
        'seed': config.randomness.seed,
        'data_files': _data_files(config),
        'versions': {
            'halp_mm': __version__,
            'python': platform.python_version(),
            'torch': torch.__version__,
            'mmengine': mmengine.__version__,
            'numpy': np.__version__,
        },
        'device': torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu',
        'threads': torch.get_num_threads(),
        'finished': datetime.now(timezone.utc).isoformat(timespec='seconds'),
        'seconds': seconds,
    }


def file_sha256(path: str | os.PathLike) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(2**20))
    with open(path, 'rb', buffering=0) as file:
        while size := file.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def config_sha256(config: Config) -> str:
    """The SHA-256 of all of a config's values, with its bases and overrides, in any order of keys.

    Neither the file's name nor how values are divided among base files matters.
    """
    text = json.dumps(config.to_dict(), sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()


def report_table(report: Mapping) -> str:
    """The main things of a report, for the eye."""
    lines = [f'{report["protocol"]} on {report["dataset"]} {report["test_split"]}']
    notes = dict(_NOTES)
    if 'best_top1' in report:
        notes |= dict.fromkeys(('top1', 'top5'), 'after the last epoch')
    for name, value in _metrics(report).items():
        figure = f'{value:>8.2f}' if isinstance(value, float) else f'{value:>8}'
        note = notes.get(name.rpartition('/')[2])
        lines.append(f'  {name:<12}{figure}' + (f'  {note}' if note else ''))
    judged = [row for row in report['classes'] if row['top1'] is not None]
    worst = sorted(judged, key=lambda row: row['top1'])[:3]
    lowest = ', '.join(f'{row["class"]} {row["top1"]:.1f}' for row in worst)
    lines.append(f'  lowest top-1: {lowest}')
    lines += [
        f'  {what}: {name} ({digest[:12]})' if digest else f'  {what}: untrained'
        for what, name, digest in (
            ('config', report['config'], report['config_sha256']),
            ('checkpoint', report['checkpoint'], report['checkpoint_sha256']),
            *(('data', file['file'], file['sha256']) for file in report['data_files']),
        )
    ]
    lines.append(f'  seed {report["seed"]}, {report["device"]}, {report["threads"]} threads')
    lines += [f'  warning: {warning}' for warning in report['warnings']]
    return '\n'.join(lines)


def write_report(report: Mapping, path: str | os.PathLike) -> None:
    """Write a report as JSON."""
    with written_whole(path) as partial:
        partial.write_text(json.dumps(report, indent=2) + '\n')


def _metrics(report: Mapping) -> dict[str, float]:
    """The figures, which stand between the splits and the warnings."""
    names = list(report)
    metrics = names[names.index('test_split') + 1 : names.index('warnings')]
    return {name: report[name] for name in metrics}


def _class_rows(train_dataset: SkeletonDataset, result: EvaluationResult) -> list[dict]:
    num_classes = len(result.classes)
    num_train, num_test = (
        torch.bincount(labels.cpu(), minlength=num_classes).tolist()
        for labels in (train_dataset.labels, result.labels)
    )
    accuracies = per_class_accuracy(result.scores, result.labels)
    return [
        {'class': name, 'top1': top1, 'num_train': train, 'num_test': test}
        for name, top1, train, test in zip(result.classes, accuracies, num_train, num_test)
    ]


def _warnings(classes: list[dict]) -> list[str]:
    absent = [row for row in classes if not row['num_train']]
    if not absent:
        return []
    names = ', '.join(repr(row['class']) for row in absent[:5])
    more = f' and {len(absent) - 5} more' if len(absent) > 5 else ''
    num_test = sum(row['num_test'] for row in absent)
    return [
        f'{len(absent)} of {len(classes)} classes have no training clips ({names}{more}); none of '
        f'their {num_test} test clips can be recognised'
    ]


def _data_files(config: Config) -> list[dict]:
    paths = [
        dataset.data_file for dataset in (config.train_dataloader.dataset, config.test_dataset)
    ]
    return [
        {'file': path, 'bytes': os.path.getsize(path), 'sha256': file_sha256(path)}
        for path in dict.fromkeys(map(os.fspath, paths))
    ]

"""The result files under a folder: found, checked and taken apart."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from halp_mm.reporting.settings import (
    ConfigName,
    Setting,
    details_of,
    joined_streams,
    protocol_name,
    read_config_name,
    split_name,
)

_REQUIRED = {
    'dataset': str,
    'test_split': str,
    'protocol': str,
    'metrics': dict,
    'classes': list,
    'confusion': list,
}
_OWN = {'config': str, 'seed': int, 'settings': dict}
_AGAIN = 'Make it again with: python tools/test.py CONFIG CHECKPOINT --out'


@dataclass(frozen=True)
class Result:
    """One figure of a result file with what goes with it.

    A file has several of several streams or parts of the labels.

    Args:
        file: The path of the file below the folder of results.
        setting: What was evaluated how.
        seed: The run's seed; those of a fused result's runs, joined by ``+``, if they differ.
        metrics: ``top1``, ``top5`` and more, per cent.
        classes: The classes' names.
        confusion: ``[classes, classes]``, true by predicted class; None where the file has only the
            confusion of another figure, such as that of all streams together.
        checkpoint: The checkpoint's path, or None.
        finished: When, as ISO 8601, or nothing.
        warnings: What the evaluation warned of.
        config_sha256: Of the config's values, or nothing.
    """

    file: str
    setting: Setting
    seed: str
    metrics: Mapping[str, float]
    classes: Sequence[str]
    confusion: Sequence[Sequence[int]] | None
    checkpoint: str | None
    finished: str
    warnings: Sequence[str]
    config_sha256: str


def read_results(folder: str | os.PathLike) -> tuple[list[Result], list[str]]:
    """Read all results of ``tools/test.py`` and ``tools/analysis/fuse_streams.py`` under a folder.

    Other JSON files, such as mmengine's logs, are passed over.

    Args:
        folder: Where to look, in folders below as well.

    Returns:
        The results, by the name of their file, and for each bad file what is wrong with it.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if there is no good result in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f'there is no folder of results {folder}')
    results, problems = [], []
    for path in sorted(folder.rglob('*.json')):
        if path.parent.name == 'vis_data' or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        try:
            report = _load(path)
            if report is not None:
                results += results_of(report, name)
        except (OSError, ValueError) as error:
            problems.append(f'{name}: {error}')
    if not results:
        found = ''.join(f'\n  {problem}' for problem in problems)
        raise ValueError(
            f'there is no result under {folder}. {_AGAIN} {folder}/NAME.json'
            + (f'. Bad files:{found}' if found else '')
        )
    return results, problems


def _load(path: Path) -> Mapping | None:
    """A result file's content; None for a JSON file of another kind."""

    def refuse(constant: str) -> None:
        raise ValueError(f'it holds {constant}; expected finite numbers. {_AGAIN} {path}')

    try:
        report = json.loads(path.read_text(encoding='utf-8'), parse_constant=refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f'it is truncated or not JSON ({error}). {_AGAIN} {path}') from error
    is_result = isinstance(report, dict) and {'protocol', 'dataset', 'test_split'} <= report.keys()
    return report if is_result else None


def results_of(report: Mapping, file: str) -> list[Result]:
    """Take a result file's content apart.

    Args:
        report: The content.
        file: The file's name.

    Raises:
        ValueError: if something is missing or not what it should be.
    """
    _check(report)
    fused = report.get('fused')
    parts = [report] if fused is None else fused
    names = [read_config_name(part['config']) for part in parts]
    seeds = list(dict.fromkeys(str(part['seed']) for part in parts))
    first = names[0]
    same = ('method', 'encoder', 'dataset', 'split', 'variant')
    if any(getattr(name, key) != getattr(first, key) for name in names for key in same):
        configs = ', '.join(part['config'] for part in parts)
        raise ValueError(
            f'it fuses runs of different methods or data ({configs}); expected configs that differ '
            'by their stream only. Fuse the streams of one method'
        )
    streams = joined_streams([name.stream for name in names])
    if len(names) > len({name.stream for name in names}):
        streams = f'fusion of {len(names)}'  # their names do not tell the streams
    split = split_name(report['test_split'])
    own_data = first.dataset.replace('-', '_') == report['dataset'].replace('-', '_')
    is_own = not first.dataset or (own_data and first.split == split)
    if fused is None:
        untrained, details = report.get('checkpoint') is None, details_of(report['settings'])
    else:
        untrained = all(part.get('checkpoint') is None for part in parts)
        details = json.dumps({'weights': sorted(_weights(parts, names))})

    results = []
    for (fraction, stream), metrics in _figures(report, streams).items():
        setting = Setting(
            dataset=report['dataset'],
            split=split,
            protocol=protocol_name(report['protocol']),
            label_fraction=fraction,
            method=first.method,
            encoder=first.encoder,
            stream=stream,
            variant=first.variant,
            pretrained_on='' if is_own else f'{first.dataset} {first.split}',
            untrained=untrained,
            details=details,
        )
        results.append(
            Result(
                file,
                setting,
                '+'.join(seeds),
                metrics,
                [row['class'] for row in report['classes']],
                # The confusion is that of the headline.
                None if results else report['confusion'],
                report.get('checkpoint'),
                report.get('finished') or '',
                report.get('warnings') or [],
                report.get('config_sha256') or '',
            )
        )
    return results


def _weights(parts: Sequence[Mapping], names: Sequence[ConfigName]) -> list[tuple[str, float]]:
    """The streams' weights, so that the order of the files does not matter."""
    for part in parts:
        weight = part.get('weight')
        if not isinstance(weight, (int, float)) or isinstance(weight, bool):
            raise ValueError(f'a file in fused: weight is {_kind(weight)}; expected a number')
    return [(name.stream, part['weight']) for name, part in zip(names, parts)]


def _figures(report: Mapping, streams: str) -> dict[tuple[str, str], dict[str, float]]:
    """The metrics by part of the labels and stream, the headline's first.

    Names are ``top1``, ``STREAM/top1``, ``FRACTION/top1`` or ``FRACTION/STREAM/top1``. Of a fused
    result the file's own names stand where the stream's would; they have results of their own.
    """
    is_fused = report.get('fused') is not None
    figures: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    several = set()
    for name, value in report['metrics'].items():
        *place, metric = name.split('/')
        if is_fused and place:
            continue
        fraction = place.pop(0) if place and _is_number(place[0]) else ''
        stream = '/'.join(place)
        several.add(stream)
        figures[fraction, stream][metric] = value
    if any(fraction for fraction, _ in figures):
        figures.pop(('', ''), None)  # the same as the first part's
    together = joined_streams(sorted(several - {''})) or streams
    return {
        (fraction, stream or together): metrics
        for (fraction, stream), metrics in sorted(
            figures.items(), key=lambda item: (_number(item[0][0]), bool(item[0][1]))
        )
        if 'top1' in metrics
    }


def _check(report: Mapping) -> None:
    """Raise a ValueError that names the first thing that is wrong."""
    fused = report.get('fused')
    _check_fields(report, _REQUIRED | ({} if fused is not None else _OWN), '')
    if fused is not None:
        if not isinstance(fused, list) or not fused:
            raise ValueError(f'fused is {_kind(fused)}; expected a list of files')
        for part in fused:
            if not isinstance(part, dict):
                raise ValueError(f'a file in fused is {_kind(part)}; expected an object')
            _check_fields(part, {'config': str, 'seed': int}, 'a file in fused: ')
    for key, value in report['metrics'].items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise ValueError(f'metrics: {key} is {_kind(value)}; expected a number. {_AGAIN} FILE')
        if key.rpartition('/')[2] in ('top1', 'top5', 'best_top1') and not 0 <= value <= 100:
            raise ValueError(f'metrics: {key} is {value}; expected 0 to 100 per cent')
    if 'top1' not in report['metrics']:
        raise ValueError(f'metrics has no top1, only {sorted(report["metrics"])}. {_AGAIN} FILE')
    for row in report['classes']:
        if not isinstance(row, dict) or not isinstance(row.get('class'), str):
            raise ValueError(f"classes holds {_kind(row)}; expected objects with a 'class'")
    size = len(report['classes'])
    rows = report['confusion']
    fits = len(rows) == size and all(
        isinstance(row, list)
        and len(row) == size
        and all(type(count) is int and count >= 0 for count in row)
        for row in rows
    )
    if not fits:
        raise ValueError(
            f'confusion has {len(rows)} rows and is not of counts [{size}, {size}], as there are '
            f'{size} classes. {_AGAIN} FILE'
        )
    for key in ('checkpoint', 'finished', 'config_sha256'):
        if not isinstance(report.get(key), (str, type(None))):
            raise ValueError(f'{key} is {_kind(report[key])}; expected a text')
    warnings = report.get('warnings') or []
    if not isinstance(warnings, list) or not all(isinstance(text, str) for text in warnings):
        raise ValueError(f'warnings is {_kind(warnings)}; expected a list of texts')


def _check_fields(fields: Mapping, kinds: Mapping[str, type], where: str) -> None:
    for key, kind in kinds.items():
        if key not in fields:
            raise ValueError(f'{where}it has no {key!r}; was an older halp_mm used? {_AGAIN} FILE')
        if not isinstance(fields[key], kind) or isinstance(fields[key], bool):
            raise ValueError(
                f'{where}{key} is {_kind(fields[key])}; expected {_NAMES[kind]}. {_AGAIN} FILE'
            )


_NAMES = {str: 'a text', int: 'a whole number', dict: 'an object', list: 'a list'}


def _kind(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) < 40 else f'{text[:36]}...'


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(text: str) -> float:
    return float(text) if text else 0.0

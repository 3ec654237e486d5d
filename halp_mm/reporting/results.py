"""Find, check and parse the result files under a folder."""

from __future__ import annotations

import json
import math
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from halp_mm.reporting.settings import (
    SHOT,
    Setting,
    details_of,
    joined_streams,
    protocol_name,
    split_name,
)
from halp_mm.run_identity import (
    COORDINATES,
    encoder_name,
    find_problem,
    overrides_that_count,
    stream_names,
)

_REQUIRED = {
    'dataset': str,
    'test_split': str,
    'protocol': str,
    'metrics': dict,
    'classes': list,
    'confusion': list,
}
_OWN = {'run': dict, 'seed': int, 'settings': dict}
_AGAIN = 'Make it again with: python tools/test.py CONFIG CHECKPOINT --out'


@dataclass(frozen=True)
class Result:
    """One accuracy of a result file, with its setting.

    A file with several streams or fractions of labels gives several results.

    Args:
        file: The path of the file below the folder of results.
        setting: The setting.
        seed: The run's seed; for a fused result, the different seeds of its runs, joined by ``+``.
            Empty if there is none, or it is unknown.
        metrics: ``top1``, ``top5`` and more, per cent.
        classes: The classes' names.
        confusion: ``[classes, classes]``, true by predicted class; None where the file has only the
            confusion of another accuracy, such as that of all streams together.
        checkpoint: The checkpoint's path, or None.
        finished: The time of the end, as ISO 8601, or nothing.
        warnings: The warnings of the evaluation.
        overrides: What the command line changed in the run's config, by dotted key.
        config: The run's config file, or nothing.
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
    overrides: Mapping[str, object]
    config: str


def read_results(folder: str | os.PathLike) -> tuple[list[Result], list[str]]:
    """Read all results of ``tools/test.py`` and ``tools/analysis/fuse_streams.py`` under a folder.

    Other JSON files, such as mmengine's logs, are skipped.

    Args:
        folder: The folder to search, with its subfolders.

    Returns:
        The results, ordered by file name, and a message about each bad file.

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
            content = _load(path)
            if content is not None:
                results += results_of(content, name)
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
        content = json.loads(path.read_text(encoding='utf-8'), parse_constant=refuse)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f'it is truncated or not JSON ({error}). {_AGAIN} {path}') from error
    is_result = (
        isinstance(content, dict) and {'protocol', 'dataset', 'test_split'} <= content.keys()
    )
    return content if is_result else None


def results_of(content: Mapping, file: str) -> list[Result]:
    """Parse the content of a result file.

    Args:
        content: The content.
        file: The file's name.

    Raises:
        ValueError: if something is missing or of the wrong kind.
    """
    _check(content)
    fused = content.get('fused')
    parts = [content] if fused is None else fused
    runs = [part['run'] for part in parts]
    _check_same_kind(runs)
    metrics = _metrics(content, _streams_of(runs))
    # A result without an encoder has one metric for each protocol instead of each stream.
    is_coordinates = runs[0]['method'] == COORDINATES and any(name for _, name in metrics)
    if is_coordinates:
        # Those without a name are the same as the first protocol's.
        metrics = {place: found for place, found in metrics.items() if place[1]}
    facts = _shared_facts(content, parts)
    seeds = dict.fromkeys(str(run['seed']) for run in runs if run['seed'] is not None)
    results = []
    for (fraction, stream), of_part in metrics.items():
        setting = Setting(
            protocol=stream if is_coordinates else protocol_name(content['protocol']),
            label_fraction=fraction,
            encoder='+'.join(dict.fromkeys(encoder_name(run, stream) for run in runs)),
            stream='' if is_coordinates else stream,
            **facts,
        )
        results.append(
            Result(
                file,
                setting,
                '+'.join(seeds),
                of_part,
                [row['class'] for row in content['classes']],
                # The confusion is that of the headline.
                None if results else content['confusion'],
                content.get('checkpoint'),
                content.get('finished') or '',
                content.get('warnings') or [],
                common_items([overrides_that_count(run['overrides']) for run in runs]),
                ', '.join(dict.fromkeys(run['config'] for run in runs if run['config'])),
            )
        )
    return results


def _shared_facts(content: Mapping, parts: Sequence[Mapping]) -> dict:
    """The fields of a setting that all results of a file share."""
    run = parts[0]['run']
    split = split_name(content['test_split'])
    untrained = all(part.get('checkpoint') is None for part in parts)
    is_fused = content.get('fused') is not None
    return {
        'dataset': content['dataset'],
        'split': split,
        'method': run['method'],
        'epochs': str(run['epochs'] or ''),
        'pretrained_on': '' if untrained else _other_data(run, content, split),
        'untrained': untrained,
        'details': _weights(parts) if is_fused else details_of(content['settings']),
        'run': ' '.join(sorted({_run_key(part) for part in parts})),
    }


def _check_same_kind(runs: Sequence[Mapping]) -> None:
    """Raise a ValueError if fused runs are of different methods or data."""
    if len({_kind_of(run) for run in runs}) > 1:
        found = '; '.join(' '.join(_kind_of(run)) for run in runs)
        raise ValueError(
            f'it fuses runs of different methods or data ({found}); expected runs that differ by '
            'their streams only. Fuse the streams of one method'
        )


def _streams_of(runs: Sequence[Mapping]) -> str:
    """The streams of all runs together, as one name."""
    names = [name for run in runs for name in stream_names(run['streams'])]
    if len(names) > len(set(names)):
        return f'fusion of {len(runs)}'  # their names do not tell the streams
    return joined_streams(names)


def _kind_of(run: Mapping) -> tuple[str, str, str]:
    data = run['data']
    return run['method'], data['dataset'] or '', data['train_split'] or ''


def _other_data(run: Mapping, content: Mapping, split: str) -> str:
    """Data set and split of the training, unless the test is of the same."""
    dataset, train_split = run['data']['dataset'], run['data']['train_split']
    if dataset is None:
        # A checkpoint that does not say what it was trained on, evaluated on another data set.
        return '' if content.get('target') is None else 'unknown data'
    own = content.get('train_split') or train_split
    if dataset == content['dataset'] and split_name(train_split or '') in (split_name(own), split):
        return ''
    return f'{dataset} {split_name(train_split or "")}'.strip()


def _run_key(part: Mapping) -> str:
    """The hashes that tell runs apart, and the processes if there were several."""
    run = part['run']
    settings = run['config_sha256'] or part.get('checkpoint_sha256') or ''
    processes = run['processes'] or 1
    facts = [
        settings[:12],
        (run['data']['file_sha256'] or '')[:12],
        f'{processes} processes' if processes > 1 else '',
    ]
    return ' '.join(fact for fact in facts if fact)


def common_items(mappings: Sequence[Mapping]) -> dict:
    """The items that all of one or more mappings have."""
    first, *others = mappings
    return {
        key: value
        for key, value in first.items()
        if all((key, value) in other.items() for other in others)
    }


def _weights(parts: Sequence[Mapping]) -> str:
    """The streams' weights as JSON, whatever the order of the files."""
    for part in parts:
        weight = part.get('weight')
        if not isinstance(weight, (int, float)) or isinstance(weight, bool):
            raise ValueError(f'a file in fused: weight is {_kind(weight)}; expected a number')
    weights = [
        (joined_streams(stream_names(part['run']['streams'])), part['weight']) for part in parts
    ]
    return json.dumps({'weights': sorted(weights)})


def _metrics(content: Mapping, streams: str) -> dict[tuple[str, str], dict[str, float]]:
    """The metrics by part of the labels and stream, the headline's first.

    Names are ``top1``, ``STREAM/top1``, ``FRACTION/top1`` or ``FRACTION/STREAM/top1``, where a
    fraction may also be such as ``5_shot``. Of a fused result the file's own names stand where the
    stream's would; they have results of their own.
    """
    is_fused = content.get('fused') is not None
    metrics: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    several = set()
    for name, value in content['metrics'].items():
        *place, metric = name.split('/')
        if is_fused and place:
            continue
        fraction = place.pop(0) if place and _is_number(place[0]) else ''
        stream = '/'.join(place)
        several.add(stream)
        metrics[fraction, stream][metric] = value
    if any(fraction for fraction, _ in metrics):
        metrics.pop(('', ''), None)  # the same as the first part's
    is_of_streams = content.get('run', {}).get('method') != COORDINATES
    together = (joined_streams(sorted(several - {''})) or streams) if is_of_streams else ''
    return {
        (fraction, stream or together): found
        for (fraction, stream), found in sorted(
            metrics.items(), key=lambda item: (_number(item[0][0]), bool(item[0][1]))
        )
        if 'top1' in found
    }


def _check(content: Mapping) -> None:
    """Raise a ValueError that names the first thing that is wrong."""
    fused = content.get('fused')
    _check_fields(content, _REQUIRED | ({} if fused is not None else _OWN), '')
    if fused is not None:
        if not isinstance(fused, list) or not fused:
            raise ValueError(f'fused is {_kind(fused)}; expected a list of files')
        for part in fused:
            if not isinstance(part, dict):
                raise ValueError(f'a file in fused is {_kind(part)}; expected an object')
            _check_fields(part, {'run': dict}, 'a file in fused: ')
    for part in [content] if fused is None else fused:
        problem = find_problem(part['run'])
        if problem:
            raise ValueError(f'run: {problem}. {_AGAIN} FILE')
    for key, value in content['metrics'].items():
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value):
            raise ValueError(f'metrics: {key} is {_kind(value)}; expected a number. {_AGAIN} FILE')
        if key.rpartition('/')[2] in ('top1', 'top5', 'best_top1') and not 0 <= value <= 100:
            raise ValueError(f'metrics: {key} is {value}; expected 0 to 100 per cent')
    if 'top1' not in content['metrics']:
        raise ValueError(f'metrics has no top1, only {sorted(content["metrics"])}. {_AGAIN} FILE')
    for row in content['classes']:
        if not isinstance(row, dict) or not isinstance(row.get('class'), str):
            raise ValueError(f"classes holds {_kind(row)}; expected objects with a 'class'")
    size = len(content['classes'])
    rows = content['confusion']
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
    for key in ('checkpoint', 'checkpoint_sha256', 'finished', 'target', 'train_split'):
        if not isinstance(content.get(key), (str, type(None))):
            raise ValueError(f'{key} is {_kind(content[key])}; expected a text')
    warnings = content.get('warnings') or []
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
        return math.isfinite(_number(text))
    except ValueError:
        return False


def _number(text: str) -> float:
    """The fraction of labels, or the number of labels of each class, of a metric's part."""
    return float(text.removesuffix(SHOT)) if text else 0.0

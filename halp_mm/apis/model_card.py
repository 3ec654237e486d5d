"""The card of a published model, in Markdown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from halp_mm.engine.saved_model import ModelDescription
from halp_mm.models import InferenceModel
from halp_mm.version import __version__

#: Metrics of the table of accuracies, with the names of their columns.
_METRICS = {'top1': 'top-1', 'top5': 'top-5'}
_CONDITIONS = {
    'method': 'Method',
    'config': 'Config',
    'overrides': 'Changed by options',
    'epochs': 'Epochs of the training',
    'seed': 'Seed',
    'processes': 'Processes',
    'config_sha256': 'SHA-256 of the settings',
}

_USE = """```python
from halp_mm.apis import SkeletonInferencer

inferencer = SkeletonInferencer.from_checkpoint('{file}')
{call}
```"""


def model_card(
    file: str,
    digest: str,
    model: InferenceModel,
    description: ModelDescription,
    results: Sequence[Mapping] = (),
    about: str = '',
) -> str:
    """Describe a model for those who get its file.

    Args:
        file: The name of the file.
        digest: The SHA-256 of its content.
        model: The model.
        description: Its description; ``origin`` may have ``data_licence``.
        results: Results of evaluations.
        about: A sentence at the beginning.
    """
    origin = description.origin
    run = origin.get('run') or {}
    own = [origin] if 'metrics' in origin else []
    sections = [
        f'# {file.rpartition("-")[0]}',
        about,
        _table(_model_rows(model, description)),
        '## Training',
        _table(_training_rows(origin, run)),
        f'Licence of the data: {origin["data_licence"]}' if 'data_licence' in origin else '',
        '## Accuracy',
        _accuracies([*own, *results]),
        '## Use',
        _USE.format(
            file=file,
            call='answer = inferencer(clip)  # [M, T, V, C], or a file'
            if description.classes
            else 'features = inferencer.encode([clip])  # [M, T, V, C], or files',
        ),
        f'Made by halp_mm {origin.get("halp_mm", __version__)}. SHA-256 of `{file}`: `{digest}`',
    ]
    return '\n\n'.join(filter(None, sections)) + '\n'


def _model_rows(model: InferenceModel, description: ModelDescription) -> dict[str, str]:
    known = description.clips
    encoders = ', '.join(
        f'{config["type"]} of {stream}' for stream, config in description.encoders.items()
    )
    features = ', '.join(str(encoder.feature_dim) for encoder in model.encoders.values())
    length = '' if known.body_length is None else f', body length {known.body_length:.3g}'
    return {
        'Encoder': encoders,
        'Parameters': f'{sum(p.numel() for p in model.parameters()):,}',
        'Feature': f'{features} numbers',
        'Classes': ', '.join(description.classes) or 'none: it gives features',
        'Clips': (
            f'layout {known.layout.name}, {known.layout.num_joints} joints, up to '
            f'{known.num_people} people, {known.num_channels} numbers a joint'
        ),
        'Training clips': (
            f'{known.shortest} to {known.longest} frames, median {known.median_frames:g}{length}'
        ),
        'Normalisation': _names(description.normalization),
        'Evaluation view': _names(description.evaluation_view),
    }


def _training_rows(origin: Mapping, run: Mapping) -> dict[str, str]:
    data = run.get('data') or {}
    rows = {}
    if data.get('dataset'):
        split = f', split {data["train_split"]}' if data.get('train_split') else ''
        rows['Data of the encoder'] = f'{data["dataset"]}{split}'
    if data.get('file_sha256'):
        rows['SHA-256 of the data'] = data['file_sha256']
    for key, name in _CONDITIONS.items():
        if run.get(key) not in (None, {}, []):
            value = run[key]
            rows[name] = value if isinstance(value, str) else json.dumps(value)
    if origin.get('epoch') is not None:
        rows['Epoch of the checkpoint'] = str(origin['epoch'])
    if 'protocol' in origin:
        rows['Classifier'] = f'protocol {origin["protocol"]}'
        rows['Data of the classifier'] = f'{origin["dataset"]}, split {origin["train_split"]}'
        rows['Settings of the classifier'] = json.dumps(origin['settings'])
    return rows or {'Training': 'not known'}


def _accuracies(results: Sequence[Mapping]) -> str:
    if not results:
        return 'Not measured.'
    head = ['Protocol', 'Data', 'Test clips', *_METRICS.values()]
    lines = [_row(head), _row(['---'] * len(head))]
    for found in results:
        metrics = found['metrics']
        values = [f'{metrics[name]:.1f}' if name in metrics else '-' for name in _METRICS]
        lines.append(_row([found['protocol'], found['dataset'], found['test_split'], *values]))
    return '\n'.join(lines)


def _names(transforms: Sequence) -> str:
    """The transforms' names with their settings."""
    texts = [
        _names(transform)
        if isinstance(transform, list)
        else transform['type']
        + ''.join(f', {key} {_brief(value)}' for key, value in transform.items() if key != 'type')
        for transform in transforms
    ]
    return '; '.join(texts) or 'none'


def _brief(value: object) -> str:
    """A setting; of a layout, its name."""
    return str(value['name'] if isinstance(value, Mapping) and 'name' in value else value)


def _table(rows: Mapping[str, str]) -> str:
    return '\n'.join([_row(['', '']), _row(['---', '---']), *(_row(row) for row in rows.items())])


def _row(cells: Sequence[str]) -> str:
    return f'| {" | ".join(str(cell).replace("|", "/") for cell in cells)} |'

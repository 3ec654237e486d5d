"""The identity of a run: its method, encoder, streams, data, settings and seed.

A run writes its identity into its checkpoints, and an evaluation writes it into its results. It is
a dict of plain containers:

==================  ============================================================================
``method``          the config's ``method``, such as ``'HaLP'``, else the names of its heads
``encoder``         the encoder's type by stream, such as ``{'joint': 'BiGRU'}``
``streams``         the source of each stream, such as ``{'joint': 'joint'}``
``epochs``          the epochs of the whole training; None if it counts iterations
``processes``       number of processes, each with its own batches; None if unknown
``data``            ``dataset``, ``layout``, ``train_split`` and ``file_sha256``; None if unknown
``overrides``       values of ``--cfg-options``, by dotted key
``config``          the config's file, for information only
``config_sha256``   a hash of the settings that determine the weights; None if unknown
``seed``            the run's seed; None if unknown or irrelevant
==================  ============================================================================

``config_sha256`` covers :data:`COUNTED` without :data:`NEUTRAL`, and clips that are kept in half
precision. The seed, paths, logging,
checkpointing, evaluation and the loader's workers do not identify a setting.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
from collections.abc import Mapping

from mmengine.config import Config

#: The method of results that use the coordinates themselves instead of an encoder.
COORDINATES = 'coordinates'

#: Top-level keys of the config that determine the weights.
COUNTED = (
    'model',
    'data_preprocessor',
    'train_dataloader',
    'train_cfg',
    'optim_wrapper',
    'param_scheduler',
    'auto_scale_lr',
    'load_from',
    'default_hooks',
    'custom_hooks',
)

#: Keys at any depth that do not: the location of clips, and how they are loaded.
NEUTRAL = (
    'data_file',
    'prepare_with',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
)

_NEUTRAL_HOOKS = re.compile(
    r'(RuntimeInfo|IterTimer|Logger|Checkpoint|Evaluation|Visualization|SyncBuffers|CudaGraph)'
    r'\w*Hook$'
)
#: Overrides that an identity states in its other fields.
_STATED = {
    'model.streams',
    'data_preprocessor.streams',
    'model.encoder.type',
    'train_dataloader.dataset.split',
}
_FIELDS = {
    'method': str,
    'encoder': Mapping,
    'streams': Mapping,
    'epochs': (int, type(None)),
    'processes': (int, type(None)),
    'data': Mapping,
    'overrides': Mapping,
    'config': (str, type(None)),
    'config_sha256': (str, type(None)),
    'seed': (int, type(None)),
}
_DATA_FIELDS = ('dataset', 'layout', 'train_split', 'file_sha256')


def run_identity(config: Config, metainfo: Mapping | None = None) -> dict:
    """Determine the identity of a config's run.

    Args:
        config: A config that :func:`halp_mm.apis.load_config` read.
        metainfo: Metadata of the training set; without it the data set is unknown.

    Returns:
        The identity, see the module; ``file_sha256`` and ``processes`` are None.
    """
    model = config.model
    streams = model.get('streams', ['joint'])
    streams = dict(streams) if isinstance(streams, Mapping) else {name: name for name in streams}
    encoder = model.get('encoder') or {}
    if 'type' in encoder:
        encoder = dict.fromkeys(streams, encoder)
    dataset = config.get('train_dataloader', {}).get('dataset', {})
    metainfo = metainfo or {}
    return {
        'method': config.get('method') or _method_of(model),
        'encoder': {stream: _encoder_type(part) for stream, part in encoder.items() if part},
        'streams': streams,
        'epochs': config.get('train_cfg', {}).get('max_epochs'),
        'processes': None,
        'data': {
            'dataset': metainfo.get('dataset'),
            'layout': metainfo.get('layout'),
            'train_split': dataset.get('split'),
            'file_sha256': None,
        },
        'overrides': overrides_of(config),
        'config': None if config.filename is None else os.fspath(config.filename),
        'config_sha256': settings_sha256(config),
        'seed': config.get('randomness', {}).get('seed'),
    }


def coordinates_identity(config: Config, metainfo: Mapping) -> dict:
    """Determine the identity of results of the coordinates themselves, without an encoder.

    Args:
        config: The config of the normalisation and the evaluation view.
        metainfo: Metadata of the training set.

    Returns:
        See the module. There is no seed; ``config_sha256`` covers normalisation and view.
    """
    preprocessor = config.get('data_preprocessor', {})
    seen = {key: preprocessor.get(key) for key in ('normalization', 'evaluation_view')}
    return {
        **run_identity(config, metainfo),
        'method': COORDINATES,
        'encoder': {},
        'streams': {},
        'epochs': None,
        'overrides': {},
        'config_sha256': hashlib.sha256(_as_text(seen).encode()).hexdigest(),
        'seed': None,
    }


def settings_sha256(config: Config) -> str:
    """The SHA-256 of the settings that determine a run's weights, whatever the order of keys."""
    values = config.to_dict()
    counted = {key: _counted(values[key]) for key in COUNTED if values.get(key) is not None}
    hooks = [
        *(counted.pop('default_hooks', None) or {}).values(),
        *_listed(counted.pop('custom_hooks', None)),
    ]
    counted['hooks'] = sorted(
        _as_text(hook) for hook in hooks if hook and not _NEUTRAL_HOOKS.search(_type_name(hook))
    )
    if not counted.get('auto_scale_lr', {}).get('enable'):
        counted.pop('auto_scale_lr', None)
    if _counts('data_on_device', values.get('data_on_device')):
        counted['data_on_device'] = values['data_on_device']
    if values.get('resume'):  # load_from is the run's own checkpoint in this case
        counted.pop('load_from', None)
    return hashlib.sha256(_as_text(counted).encode()).hexdigest()


def record_overrides(config: Config, options: Mapping) -> None:
    """Record the overrides of a config in the config; its copies keep them."""
    object.__setattr__(config, '_overrides', {**overrides_of(config), **copy.deepcopy(options)})


def overrides_of(config: Config) -> dict:
    """The overrides that :func:`record_overrides` recorded: plain values by dotted key."""
    recorded = config.__dict__.get('_overrides', {})
    return {str(key): _plain(value) for key, value in recorded.items()}


def overrides_that_count(overrides: Mapping) -> dict:
    """The overrides that can change a run's weights and are not stated in its other fields."""
    return {
        key: value
        for key, value in overrides.items()
        if key not in _STATED
        and _counts(key.split('.')[0], value)
        and 'hooks' not in key.split('.')[0]
        and not set(key.split('.')) & set(NEUTRAL)
    }


def encoder_name(identity: Mapping, stream: str | None = None) -> str:
    """The encoder's type, such as ``'BiGRU'``; different types are joined by ``+``.

    Args:
        identity: A run's identity.
        stream: Stream whose encoder to name; by default all.
    """
    encoder = identity['encoder']
    types = [encoder[stream]] if stream in encoder else encoder.values()
    return '+'.join(dict.fromkeys(types))


def stream_names(streams: Mapping) -> list[str]:
    """The streams' names, with the source of a stream that is named differently."""
    return [name if name == shown else f'{name} ({shown})' for name, shown in streams.items()]


def describe_run(identity: Mapping) -> str:
    """Name method, encoder and streams, such as ``'HaLP BiGRU joint'``."""
    words = [
        identity['method'],
        encoder_name(identity),
        '+'.join(stream_names(identity['streams'])),
    ]
    return ' '.join(word for word in words if word)


def find_problem(identity: object) -> str | None:
    """Describe what is wrong with a run's identity from a file; None if it is valid."""
    if not isinstance(identity, Mapping):
        return f'it is {identity!r}; expected an object'
    for key, kinds in _FIELDS.items():
        if key not in identity:
            return f'it has no {key!r}'
        if not isinstance(identity[key], kinds) or isinstance(identity[key], bool):
            return f'{key} is {identity[key]!r}'
    for key in _DATA_FIELDS:
        if not isinstance(identity['data'].get(key), (str, type(None))):
            return f'data: {key} is {identity["data"][key]!r}; expected a text'
    for key in ('encoder', 'streams'):
        if not all(isinstance(text, str) for pair in identity[key].items() for text in pair):
            return f'{key} is {identity[key]!r}; expected texts by stream'
    return None


def _counts(key: str, value: object) -> bool:
    """Whether a value at a top-level key determines the weights."""
    return key in COUNTED or (key == 'data_on_device' and value == 'half')


def _method_of(model: Mapping) -> str:
    """Name a method by its heads, or without heads by its model."""
    heads = model.get('heads')
    if not heads:
        return _type_name(model)
    if isinstance(heads, Mapping):
        return ' + '.join(heads)
    return ' + '.join(_type_name(head).removesuffix('Head') for head in heads)


def _type_name(part: Mapping) -> str:
    kind = part.get('type', '')
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__


def _encoder_type(part: Mapping) -> str:
    """The type of an encoder; of one around another, both: ``'ViewAdaptedEncoder(BiGRU)'``."""
    inner = part.get('encoder')
    return _type_name(part) + (f'({_encoder_type(inner)})' if isinstance(inner, Mapping) else '')


def _counted(value: object) -> object:
    """Remove :data:`NEUTRAL` keys from a value."""
    if isinstance(value, Mapping):
        return {key: _counted(part) for key, part in value.items() if key not in NEUTRAL}
    if isinstance(value, (list, tuple)):
        return [_counted(part) for part in value]
    return value


def _listed(hooks: object) -> list:
    return list(hooks.values()) if isinstance(hooks, Mapping) else list(hooks or [])


def _plain(value: object) -> object:
    """Convert a value to the plain containers of JSON."""
    return json.loads(_as_text(value))


def _as_text(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)

"""What is wrong with a config, found before anything is built.

A component's keys and the kinds of its values are compared with its signature, wherever in the
config it stands; other keys with those that are known. Ranges are the matter of the components
themselves, and of :mod:`~halp_mm.apis.training_settings` for those of mmengine and PyTorch.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import mmengine.dataset
from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from halp_mm import registry
from halp_mm.component_building import (
    ComponentError,
    find_component,
    problem_with,
    suggestion,
    unknown_component,
)
from halp_mm.datasets.opening import data_files
from halp_mm.models.pretrainers.head_term import TERM_KEYS

#: Keys that a config may have: those of the Runner, of mmengine's configs, and our own.
KNOWN_KEYS = {
    *(set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}),
    *('runner_type', 'custom_imports', 'env_cfg', 'auto_scale_lr', 'test_dataset', 'protocols'),
    *('evaluation_data', 'data_on_device'),
    *('train_on_test_clips', 'method', 'load_encoder_from', 'stop_after', 'num_threads'),
}
#: Keys with which mmengine evaluates, which halp_mm does in its own way.
NOT_SUPPORTED = {
    **dict.fromkeys(
        ('val_dataloader', 'val_cfg', 'val_evaluator'),
        "an EvaluationHook follows training by the clips of the config's test_dataset",
    ),
    **dict.fromkeys(
        ('test_dataloader', 'test_cfg', 'test_evaluator'),
        "protocols evaluate on the clips of the config's test_dataset",
    ),
    'sync_bn': "model.batch_norm = 'synchronized' does that, on CPUs as well",
}
#: Where components are looked for, by the key under which they stand.
REGISTRIES = {
    'model': registry.MODELS,
    'data_preprocessor': registry.MODELS,
    'dataset': registry.DATASETS,
    'test_dataset': registry.DATASETS,
    'evaluation_data': registry.DATASETS,
    'collate_fn': registry.FUNCTIONS,
    'worker_init_fn': registry.FUNCTIONS,
    'sampler': registry.DATA_SAMPLERS,
    'batch_sampler': registry.DATA_SAMPLERS,
    'protocols': registry.PROTOCOLS,
    'protocol': registry.PROTOCOLS,
    'default_hooks': registry.HOOKS,
    'custom_hooks': registry.HOOKS,
    'train_cfg': registry.LOOPS,
    'optim_wrapper': registry.OPTIM_WRAPPERS,
    'optimizer': registry.OPTIMIZERS,
    'separate': registry.OPTIMIZERS,
    'param_scheduler': registry.PARAM_SCHEDULERS,
    'visualizer': registry.VISUALIZERS,
    'vis_backends': registry.VISBACKENDS,
    'log_processor': registry.LOG_PROCESSORS,
    'normalization': registry.TRANSFORMS,
    'evaluation_view': registry.TRANSFORMS,
    'views': registry.TRANSFORMS,
    'train_view': registry.TRANSFORMS,
    'transforms': registry.TRANSFORMS,
}
#: Dicts and lists in which every dict is a component.
_ALL_COMPONENTS = {
    'protocols',
    'default_hooks',
    'custom_hooks',
    'heads',
    'param_scheduler',
    'views',
}
_ALL_COMPONENTS |= {
    'separate',
    'normalization',
    'evaluation_view',
    'train_view',
    'transforms',
    'vis_backends',
}
#: Places of single components.
_COMPONENTS = {'model', 'data_preprocessor', 'dataset', 'test_dataset', 'sampler', 'collate_fn'}
_COMPONENTS |= {'optimizer', 'projector', 'drop', 'train_cfg', 'protocol'}
#: Components whose type the Runner knows.
_DEFAULT_TYPES = {
    'optim_wrapper': 'OptimWrapper',
    'log_processor': 'LogProcessor',
    'visualizer': 'Visualizer',
}
#: Keys of components that the Runner reads before it builds them.
_RUNNER_KEYS = {
    'default_hooks': {'priority'},
    'custom_hooks': {'priority'},
    'param_scheduler': {'convert_to_iter_based'},
    'optim_wrapper': {'optimizer', 'constructor', 'paramwise_cfg', 'separate'},
}
#: Dicts whose keys are names that users choose.
_NAMED = {'default_hooks', 'protocols', 'views', 'heads', 'encoder', 'derived_maps', 'separate'}
#: Keys that a pre-trainer reads before it builds what stands in these dicts.
_PRETRAINER_KEYS = {'heads': set(TERM_KEYS), 'derived_maps': {'view'}}
#: Sections without a type, and what they may have.
_SECTIONS = {
    'randomness': {'seed', 'diff_rank_seed', 'deterministic'},
    'auto_scale_lr': {'enable', 'base_batch_size'},
    'evaluation_data': {'train', 'test'},
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'train_dataloader': {
        *(set(inspect.signature(DataLoader.__init__).parameters) - {'self'}),
        *('num_batch_per_epoch', 'disable_subprocess_warning'),
    },
}


def check_config(config: Config) -> None:
    """Check a config's keys, and that a run would do all that the config asks for.

    Raises:
        ValueError: says what is wrong where, and what fits.
    """
    for problem in problems_of(config):
        raise ValueError(problem)


def problems_of(config: Mapping) -> Iterator[str]:
    """What is wrong with a config, one sentence each."""
    yield from _unknown_keys(config)
    for key, advice in NOT_SUPPORTED.items():
        if config.get(key) is not None:
            yield f'{key} is not supported: {advice}. Remove it'
    for key in sorted(REGISTRIES.keys() & KNOWN_KEYS | _SECTIONS.keys()):
        if key in config:
            yield from _problems_below(config[key], [key])
    yield from _not_supported(config)


def check_option_keys(config: Config, options: Mapping[str, Any]) -> None:
    """Check that overrides concern something that the config has, or may have.

    Args:
        config: The config before they are merged.
        options: New values by dotted key.

    Raises:
        ValueError: names the key, and the nearest that there is.
    """
    for key in options:
        segments = key.split('.')
        if segments[0] not in KNOWN_KEYS:
            if segments[0] in config:
                raise ValueError(
                    f'{key}: {segments[0]!r} is a variable of the config file, which nothing reads '
                    'later; override the settings that are made of it'
                )
            near = suggestion(segments[0], KNOWN_KEYS | set(config), listed=False)
            raise ValueError(f'{key}: a config has no {segments[0]!r}{near}')
        here: Any = dict(config.items())
        for depth, segment in enumerate(segments):
            path = '.'.join(segments[:depth])
            if isinstance(here, (list, tuple)):
                if not segment.isdecimal() or int(segment) >= len(here):
                    raise ValueError(
                        f'{key}: {path} is a list of {len(here)}; expected a number below '
                        f'{len(here)} for {segment!r}'
                    )
                here = here[int(segment)]
            elif not isinstance(here, Mapping):
                raise ValueError(f'{key}: {path} is {here!r}, which has no {segment!r}')
            elif segment in here:
                here = here[segment]
            else:
                is_last = depth == len(segments) - 1
                if is_last or depth == 0 or _accepts(here, segments[:depth], segment):
                    break  # what is new is checked with the whole config
                near = suggestion(segment, here)
                raise ValueError(f'{key}: {path} has no {segment!r}{near}')


def locate(config: Mapping, error: ComponentError) -> str:
    """An error of a component with its place in the config, if that can be found.

    Returns:
        Such as ``'model.encoder: BiGRU: num_layers must be ...'``.
    """

    def search(node: Any, path: list[str]) -> str | None:
        if isinstance(node, Mapping):
            if 'type' in node and all(
                key in error.settings and error.settings[key] == value
                for key, value in node.items()
            ):
                return '.'.join(path)
            items = node.items()
        elif isinstance(node, (list, tuple)):
            items = enumerate(node)
        else:
            return None
        found = (search(value, [*path, str(key)]) for key, value in items)
        return next((place for place in found if place), None)

    known = {key: value for key, value in config.items() if key in KNOWN_KEYS}
    place = search(known, [])
    return f'{place}: {error}' if place else str(error)


@contextmanager
def located(config: Mapping) -> Iterator[None]:
    """Let errors of components that are built of a config name their place in it.

    Raises:
        ValueError: what a component refuses, see :func:`locate`.
    """
    try:
        yield
    except ComponentError as error:
        raise ValueError(locate(config, error)) from error


def _unknown_keys(config: Mapping) -> Iterator[str]:
    for key in config:
        if key in KNOWN_KEYS:
            continue
        near = suggestion(key, KNOWN_KEYS, listed=False)
        if near and _is_close(key):
            yield (
                f'a config has no {key!r}{near} If it is a variable of your own, give it another '
                'name'
            )


def _is_close(key: str) -> bool:
    """Whether a key is likely to be a known one misspelt, and no variable of the config file."""
    return bool(difflib.get_close_matches(key, KNOWN_KEYS, 1, cutoff=0.75))


def _problems_below(node: Any, path: list[str]) -> Iterator[str]:
    """Problems of a part of the config, and of all that is in it."""
    if isinstance(node, Mapping):
        where = '.'.join(path)
        if 'type' in node:
            yield from _problems_of_component(node, path)
        elif path[0] in _DEFAULT_TYPES and len(path) == 1:
            yield from _problems_of_component({'type': _DEFAULT_TYPES[path[0]], **node}, path)
        elif _is_component(path) and 'by_epoch' not in node:
            yield f'{where} has no type, so it is no component; it has {sorted(node)}'
        elif path[0] in _SECTIONS and len(path) == 1:
            for key in node:
                if key not in _SECTIONS[path[0]]:
                    yield f'{where} has no {key!r}{suggestion(key, _SECTIONS[path[0]])}'
        items = node.items()
    elif isinstance(node, (list, tuple)):
        items = enumerate(node)
    else:
        return
    for key, value in items:
        if key not in ('paramwise_cfg', 'init_kwargs', 'layout'):
            yield from _problems_below(value, [*path, str(key)])


def _is_component(path: Sequence[str]) -> bool:
    """Whether a dict at this place must have a type."""
    *parents, last = path
    if not parents or parents[-1] not in _NAMED:
        if last in _COMPONENTS:
            return True
        if not parents:
            return False
    if last.isdecimal():
        return any(parent in _ALL_COMPONENTS for parent in parents[-2:])
    return parents[-1] in _ALL_COMPONENTS - {'views'}


def _problems_of_component(settings: Mapping, path: Sequence[str]) -> Iterator[str]:
    where = '.'.join(path)
    registries = _registries(path)
    component = find_component(settings['type'], registries, settings.get('_scope_'))
    if component is None:
        yield f'{where}: {unknown_component(settings["type"], registries)}'
        return
    also = _RUNNER_KEYS.get(path[0], set()) if len(path) <= 2 else set()
    also = also | _PRETRAINER_KEYS.get(path[-2] if len(path) > 1 else '', set())
    problem = problem_with(component, settings, also)
    if problem:
        yield f'{where}: {problem}'


def _registries(path: Sequence[str]) -> list:
    """Where the component at a place of the config is looked for: first by the nearest key."""
    named = [
        REGISTRIES[key]
        for parent, key in zip(['', *path], path)
        if key in REGISTRIES and parent not in _NAMED
    ]
    return named[-1:]


def _accepts(settings: Mapping, path: Sequence[str], key: str) -> bool:
    """Whether a part of the config may have a key that it has not."""
    if 'type' not in settings:
        return key in _SECTIONS.get(path[0], ())
    component = find_component(settings['type'], _registries(path))
    also = _RUNNER_KEYS.get(path[0], set())
    return component is not None and problem_with(component, {key: None}, also) is None


def _not_supported(config: Mapping) -> Iterator[str]:
    """Settings of mmengine that would be ignored, or fail late."""
    data_loader = config.get('train_dataloader') or {}
    dataset = data_loader.get('dataset') or {}
    kind = find_component(dataset.get('type'), [registry.DATASETS])
    if getattr(kind, '__module__', '').startswith(mmengine.dataset.__name__):
        yield (
            f'train_dataloader.dataset: {dataset["type"]} is not supported; expected a '
            'SkeletonDataset. Name several data files in its data_file'
        )
    hooks = {
        f'default_hooks.{name}': hook for name, hook in (config.get('default_hooks') or {}).items()
    }
    hooks |= {f'custom_hooks.{i}': h for i, h in enumerate(config.get('custom_hooks') or [])}
    for where, hook in hooks.items():
        if not isinstance(hook, Mapping):
            continue
        if hook.get('save_best') is not None:
            yield (
                f'{where}.save_best is not supported: the best checkpoint would be chosen by the '
                'test clips. Remove it; the log has the evaluations of all epochs'
            )
        if find_component(hook.get('type'), [registry.HOOKS]) is EarlyStoppingHook:
            yield (
                f'{where}: EarlyStoppingHook is not supported: the end would be chosen by the test '
                'clips. Remove it and set train_cfg.max_epochs'
            )
    test_dataset = config.get('test_dataset') or {}
    files, test_files = (
        data_files(part.get('data_file') or []) for part in (dataset, test_dataset)
    )
    both = [file for file in files if file in test_files]
    same_split = both and dataset.get('split') == test_dataset.get('split')
    if same_split and not config.get('train_on_test_clips'):
        yield (
            f'train_dataloader.dataset and test_dataset are both split {dataset["split"]!r} of '
            f'{" and ".join(both)}: the clips that are trained on would be tested on. Choose '
            'another split, or set train_on_test_clips=True'
        )

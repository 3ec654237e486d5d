"""Configs as plain containers, which a file can hold, and which are read without running code."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from mmengine.registry import Registry

from halp_mm.component_building import find_component, unknown_component

#: Keys that are no settings of a component that was trained already.
_NOT_KEPT = ('type', '_scope_', 'init_cfg')


def plain_config(config: object, registry: Registry) -> object:
    """Copy the config of components in plain containers: dicts, lists, texts, numbers and None.

    Args:
        config: A config, or a list of configs. Types become names of the registry, and how weights
            were initialised is left out.
        registry: Registry of all components in it.

    Raises:
        ValueError: if a component is not in the registry, or a value is none of these.
    """
    if isinstance(config, Mapping):
        settings = {
            str(key): plain_config(value, registry)
            for key, value in config.items()
            if key not in _NOT_KEPT
        }
        if 'type' not in config:
            return settings
        return {'type': _registered_name(config, registry), **settings}
    if isinstance(config, (list, tuple)):
        return [plain_config(part, registry) for part in config]
    if isinstance(config, np.generic):
        return config.item()
    if isinstance(config, (str, int, float, type(None))):
        return config
    raise ValueError(
        f'a config holds {config!r}, a {type(config).__name__}; expected dicts, lists, texts, '
        'numbers, True, False or None, as a file can hold them'
    )


def check_plain_config(config: object, registry: Registry, base: type, where: str) -> None:
    """Check the config of a component from a file, before it is built.

    Args:
        config: What the file holds.
        registry: Registry of its type, and of all types in it; its parents are not searched.
        base: Base class of the component.
        where: Its place in the file, for errors.

    Raises:
        ValueError: if it is not the config of a registered component in plain containers.
    """
    if not isinstance(config, Mapping) or 'type' not in config:
        raise ValueError(f'{where} is {config!r}; expected a dict with a type')
    _check_types(config, registry, where)
    component = registry.module_dict[config['type']]
    if not (isinstance(component, type) and issubclass(component, base)):
        raise ValueError(f'{where}: {config["type"]!r} is no {base.__name__}')


def _check_types(config: object, registry: Registry, where: str) -> None:
    """Check that all values are plain, and that all types are names of the registry."""
    if isinstance(config, Mapping):
        for key, value in config.items():
            if not isinstance(key, str) or key in _NOT_KEPT[1:]:
                raise ValueError(f'{where} has the key {key!r}, which is not allowed in a file')
            if key != 'type':
                _check_types(value, registry, f'{where}.{key}')
        if 'type' in config:
            _check_type(config['type'], registry, where)
    elif isinstance(config, (list, tuple)):
        for number, part in enumerate(config):
            _check_types(part, registry, f'{where}.{number}')
    elif not isinstance(config, (str, int, float, type(None))):
        raise ValueError(f'{where} is a {type(config).__name__}; expected plain values')


def _check_type(name: object, registry: Registry, where: str) -> None:
    registry.import_from_location()
    if not isinstance(name, str) or '.' in name or ':' in name:
        raise ValueError(
            f'{where}.type is {name!r}; expected the bare name of a registered {registry.name}. '
            'Nothing is imported because a file names it'
        )
    if name not in registry.module_dict:
        raise ValueError(
            f'{where}: {unknown_component(name, [registry])}. If it is your own, import the module '
            'that registers it first'
        )


def _registered_name(config: Mapping, registry: Registry) -> str:
    component = find_component(config['type'], [registry], config.get('_scope_'))
    registry.import_from_location()
    names = [name for name, registered in registry.module_dict.items() if registered is component]
    if component is None or not names:
        raise ValueError(
            f'{config["type"]!r} is no {registry.name} that halp_mm has registered; register it in '
            'halp_mm.registry, so that a file can name it'
        )
    return names[0]

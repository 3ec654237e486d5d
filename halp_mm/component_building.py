"""Construction of components from their settings, with clear errors for invalid settings.

All registries of halp_mm build with :func:`build_component`. It compares the settings with the
annotations of the arguments and with the signature of the class. If the class passes on
``**kwargs``, the signatures of its bases count as well.
"""

from __future__ import annotations

import difflib
import inspect
import re
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from typing import Any

from mmengine.registry import Registry, build_from_cfg

#: Keys of a component's settings that are not its arguments.
NO_ARGUMENTS = {'type', '_scope_'}
_WORDS = {
    int: 'a whole number',
    float: 'a number',
    bool: 'True or False',
    str: 'a text',
    type(None): 'None',
    dict: 'a dict',
    Mapping: 'a dict',
}
_LISTS = (Sequence, list, tuple)


class ComponentError(ValueError):
    """Invalid settings of a component.

    Args:
        message: A sentence that begins with the component's name.
        settings: The settings.
    """

    def __init__(self, message: str, settings: Mapping) -> None:
        super().__init__(message)
        self.settings = dict(settings)


def build_component(
    cfg: Mapping, registry: Registry, default_args: Mapping | None = None
) -> object:
    """Build the component of a config.

    Args:
        cfg: The settings with ``type``, the name of the registered component.
        registry: Registry of the component.
        default_args: Defaults of settings that ``cfg`` lacks.

    Raises:
        ComponentError: if the component is unknown, or its settings are invalid.
    """
    if not isinstance(cfg, Mapping):
        raise ComponentError(f'a {registry.name} must be a dict with a type, got {cfg!r}', {})
    settings = {**(default_args or {}), **cfg}
    if 'type' not in settings:
        raise ComponentError(
            f'a {registry.name} must be a dict with a type, got {settings}', settings
        )
    component = find_component(settings['type'], [registry], settings.get('_scope_'))
    if component is None:
        raise ComponentError(unknown_component(settings['type'], [registry]), settings)
    problem = problem_with(component, settings) or missing_arguments(component, settings)
    if problem:
        raise ComponentError(problem, settings)
    try:
        return build_from_cfg(cfg, registry, default_args)
    except ValueError as error:
        # Messages of halp_mm.argument_checks begin with the name of the argument.
        argument = re.split(r'[ .:]', str(error), maxsplit=1)[0]
        is_check = type(error) is ValueError and argument in settings
        if not is_check:
            raise
        raise ComponentError(f'{name_of(component)}: {error}', settings) from error


def find_component(
    name: str | Callable, registries: Iterable[Registry], scope: str | None = None
) -> Callable | None:
    """The class or function of a ``type`` in the first registry that has it; None if unknown."""
    if callable(name):
        return name
    if not isinstance(name, str):
        return None
    for registry in registries:
        with registry.switch_scope_and_registry(scope) as switched:
            try:
                component = switched.get(name)
            except Exception:  # mmengine raises any error of the import of the name
                component = None
        if component is not None:
            return component
    return None


def unknown_component(name: object, registries: Sequence[Registry]) -> str:
    """Describe an unknown name, with the most similar known one."""
    known: set[str] = set()
    for registry in registries:
        registry.import_from_location()
        while registry is not None:
            known |= set(registry.module_dict)
            registry = registry.parent
    kind = registries[0].name
    return f'there is no {kind} {name!r}{suggestion(name, known, listed=False)}'


def problem_with(component: Callable, settings: Mapping, also: Collection[str] = ()) -> str | None:
    """Describe the first setting that is unknown or has the wrong type.

    Args:
        component: A class or function.
        settings: Settings of the component, possibly incomplete.
        also: Additional allowed keys.

    Returns:
        A sentence, or None if the settings are valid.
    """
    accepted = accepted_arguments(component)
    hints = annotations_of(component)
    for key, value in settings.items():
        if key in NO_ARGUMENTS or key in also:
            continue
        if accepted is not None and key not in accepted:
            near = suggestion(key, accepted | set(also))
            return f'{name_of(component)} has no argument {key!r}{near}'
        if key in hints and not fits(value, hints[key]):
            return f'{name_of(component)}: {key} must be {in_words(hints[key])}, got {value!r}'
    return None


def missing_arguments(component: Callable, settings: Mapping) -> str | None:
    """Describe the required arguments that settings lack; None if they are complete."""
    try:
        parameters = inspect.signature(component).parameters.values()
    except (TypeError, ValueError):
        return None
    missing = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.name not in settings
    ]
    return f'{name_of(component)} needs {" and ".join(missing)}' if missing else None


@cache
def accepted_arguments(component: Callable) -> frozenset[str] | None:
    """The names of a component's arguments, including those passed to its bases by ``**kwargs``.

    Returns:
        The names; None if the component accepts any, or its signature is unknown.
    """
    functions = constructors(component) if inspect.isclass(component) else [component]
    names: set[str] = set()
    for function in functions:
        try:
            parameters = inspect.signature(function).parameters.values()
        except (TypeError, ValueError):
            return None
        if inspect.isclass(component) and function is not component:
            parameters = list(parameters)[1:]  # without self
        kinds = {parameter.kind for parameter in parameters}
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        names |= {parameter.name for parameter in parameters if parameter.kind not in variadic}
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            return frozenset(names)
    return frozenset(names) if inspect.isclass(component) else None


@cache
def annotations_of(component: Callable) -> dict[str, Any]:
    """The annotations of a component's arguments, as far as they can be evaluated."""
    functions = constructors(component) if inspect.isclass(component) else [component]
    hints: dict[str, Any] = {}
    for function in functions:
        try:
            found = typing.get_type_hints(function)
        except (NameError, TypeError, AttributeError):
            continue
        hints = {**found, **hints}
    hints.pop('return', None)
    return hints


def constructors(component: type) -> list[Callable]:
    """The constructors of a class and of its bases, in the order of the calls."""
    return [
        vars(base)['__init__']
        for base in component.__mro__
        if base is not object and '__init__' in vars(base)
    ] or [component]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value has an annotation's type; True if this cannot be determined."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if hint is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if hint is float:
        return isinstance(value, Real) and not isinstance(value, bool)
    kind = origin or hint
    if kind in _LISTS:
        if not isinstance(value, (list, tuple)):
            return False
        if kind is tuple and arguments and arguments[-1] is not Ellipsis:
            return len(value) == len(arguments) and all(map(fits, value, arguments))
        scalar = arguments and arguments[0] in (int, float, str)
        return not scalar or all(fits(element, arguments[0]) for element in value)
    if not inspect.isclass(kind):
        return True
    try:
        return isinstance(value, kind)
    except TypeError:  # a protocol without runtime checks
        return True


def in_words(hint: Any) -> str:
    """Describe an annotation in words, such as "a whole number or None"."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return ' or '.join(dict.fromkeys(in_words(argument) for argument in arguments))
    kind = origin or hint
    if kind in _LISTS:
        if not arguments:
            return 'a list'
        element = in_words(arguments[0]).removeprefix('a ')
        count = f'{len(arguments)} ' if kind is tuple and arguments[-1] is not Ellipsis else ''
        return f'a list of {count}{element}s'
    return _WORDS.get(kind) or f'a {getattr(kind, "__name__", kind)}'


def suggestion(name: object, known: Iterable[str], listed: bool = True) -> str:
    """The end of a sentence about an unknown name: the most similar known name, or all names."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, 1)
    if near:
        return f'; did you mean {near[0]!r}?'
    return f'; it has {known}' if listed else ''


def name_of(component: Callable) -> str:
    """The name of a component."""
    return getattr(component, '__name__', repr(component))

"""How a component is built from its settings, and what is said of settings that do not fit.

All registries of halp_mm build with :func:`build_component`. It compares the settings with the
signature of the class, and of its bases as far as ``**kwargs`` are passed on, and with the
annotations of its arguments.
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

#: Keys of a component's settings that are no arguments of it.
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
    """A component refuses its settings.

    Args:
        message: One sentence that begins with the component's name.
        settings: The settings.
    """

    def __init__(self, message: str, settings: Mapping) -> None:
        super().__init__(message)
        self.settings = dict(settings)


def build_component(
    cfg: Mapping, registry: Registry, default_args: Mapping | None = None
) -> object:
    """Build what a config describes.

    Args:
        cfg: The settings, with ``type``: the name under which the component is registered.
        registry: Where it is looked for.
        default_args: Settings for those that ``cfg`` lacks.

    Raises:
        ComponentError: if there is no such component, or its settings do not fit.
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
        # The sentences of halp_mm.argument_checks begin with the name of the argument.
        argument = re.split(r'[ .:]', str(error), maxsplit=1)[0]
        is_check = type(error) is ValueError and argument in settings
        if not is_check:
            raise
        raise ComponentError(f'{name_of(component)}: {error}', settings) from error


def find_component(
    name: str | Callable, registries: Iterable[Registry], scope: str | None = None
) -> Callable | None:
    """The class or function of a ``type``, from the first registry that has it; None if none."""
    if callable(name):
        return name
    if not isinstance(name, str):
        return None
    for registry in registries:
        with registry.switch_scope_and_registry(scope) as switched:
            try:
                component = switched.get(name)
            except Exception:  # mmengine raises whatever comes when it tries to import the name
                component = None
        if component is not None:
            return component
    return None


def unknown_component(name: object, registries: Sequence[Registry]) -> str:
    """Say that no component has this name, and which comes nearest."""
    known: set[str] = set()
    for registry in registries:
        registry.import_from_location()
        while registry is not None:
            known |= set(registry.module_dict)
            registry = registry.parent
    kind = registries[0].name
    return f'there is no {kind} {name!r}{suggestion(name, known, listed=False)}'


def problem_with(component: Callable, settings: Mapping, also: Collection[str] = ()) -> str | None:
    """Say which setting a component has no argument for, or of another kind.

    Args:
        component: A class or function.
        settings: Its settings, complete or not.
        also: Further keys that are allowed.

    Returns:
        A sentence, or None if the settings fit.
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
    """Say which arguments a component needs that its settings lack; None if there are none."""
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
    """The names of a component's arguments, with those that reach its bases by ``**kwargs``.

    Returns:
        The names; None if it takes any, or its signature is not known.
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
    """The constructors of a class and of its bases, in the order in which they are called."""
    return [
        vars(base)['__init__']
        for base in component.__mro__
        if base is not object and '__init__' in vars(base)
    ] or [component]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of an annotation's kind; True where that cannot be said."""
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
    except TypeError:  # a protocol that cannot be asked
        return True


def in_words(hint: Any) -> str:
    """An annotation in words, such as "a whole number or None"."""
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
    """The end of a sentence about an unknown name: the nearest known one, or all of them."""
    known = sorted(known)
    near = difflib.get_close_matches(str(name), known, 1)
    if near:
        return f'; did you mean {near[0]!r}?'
    return f'; it has {known}' if listed else ''


def name_of(component: Callable) -> str:
    """What a component is called."""
    return getattr(component, '__name__', repr(component))

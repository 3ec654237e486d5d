"""Make a config for a data file: what a method's small config does not know of the data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from halp_mm.apis.config import load_config
from halp_mm.apis.data_facts import DataFacts, find_facts
from halp_mm.apis.packaged_configs import PREFIX, config_path
from halp_mm.apis.recipe import Choice, choose_settings
from halp_mm.atomic_write import atomic_write
from halp_mm.component_building import suggestion

#: The encoders to choose from, each as a method's small config has it.
ENCODERS = {'bigru': 'moco', 'stgcn': 'skeletonclr'}
#: The base of data that have no config.
ANY_DATA = f'{PREFIX}_base_/datasets/clips.py'
_SMALL = '_small'
_LINE = 100  # characters, as in the configs of this repository


def small_methods() -> dict[str, Path]:
    """The methods that a config can be made for, each with its small base."""
    folder = config_path(f'{PREFIX}_base_/methods')
    return {path.stem.removesuffix(_SMALL): path for path in sorted(folder.glob(f'*{_SMALL}.py'))}


def make_config(
    data_file: str | os.PathLike,
    method: str,
    out: str | os.PathLike,
    encoder: str | None = None,
    split: str | None = None,
) -> list[Choice]:
    """Look at a data file, and write a short config for a method over the shipped bases.

    Args:
        data_file: The data file.
        method: One of the shipped methods, such as ``halp``.
        out: The config to write, such as ``my_configs/mine.py``.
        encoder: ``bigru`` or ``stgcn``, for a method that takes any; by default the method's own.
        split: The protocol, such as ``xsub`` for the splits ``xsub_train`` and ``xsub_test``, or
            the training split's name. It may be omitted if there is only one.

    Returns:
        What was chosen, and why.

    Raises:
        FileNotFoundError: if there is no data file.
        FileExistsError: if there is a file ``out`` already.
        ValueError: if there is no such method, encoder or split, or too few clips.
    """
    out = Path(out)
    if out.suffix != '.py':
        raise ValueError(f'--out is {out}; expected a name that ends in .py')
    if out.exists():
        raise FileExistsError(f'there is {out} already; choose another name, or delete it')
    base_names(method)  # refuses an unknown method before the clips are looked at
    return write_config(find_facts(data_file, split), method, out, encoder)


def write_config(
    facts: DataFacts,
    method: str,
    out: str | os.PathLike,
    encoder: str | None = None,
    data: str = ANY_DATA,
) -> list[Choice]:
    """Write a short config for a method over the shipped bases.

    Args:
        facts: Facts of the data.
        method: One of the shipped methods.
        out: The config to write.
        encoder: See :func:`make_config`.
        data: The base of the data.

    Returns:
        What was chosen, and why.

    Raises:
        ValueError: if there is no such method or encoder, or too few clips.
    """
    bases = base_names(method, data)
    base = base_config(bases, encoder)
    choices = choose_settings(facts, base)
    comment = f'Made by tools/make_config.py: {base.method} for {facts.data_file}.\n{facts}.'
    text = config_text(comment, bases, changed_settings(choices, base_config(bases)))
    with atomic_write(out) as partial:
        partial.write_text(text, encoding='utf-8')
    load_config(out)
    return choices


def base_names(method: str, data: str = ANY_DATA) -> list[str]:
    """The bases of a method's config: of the method, and of the data.

    Raises:
        ValueError: if there is no such method.
    """
    methods = small_methods()
    if method not in methods:
        raise ValueError(f'there is no method {method!r}{suggestion(method, methods)}')
    return [
        f'{PREFIX}_base_/methods/{method}{_SMALL}.py',
        data,
    ]


def base_config(bases: Sequence[str | os.PathLike], encoder: str | None = None) -> Config:
    """The config that bases make together, with another encoder if one is named.

    Raises:
        ValueError: if the encoder is none of :data:`ENCODERS`, or the method has several encoders.
    """
    merged = Config.fromfile(config_path(bases[0]))
    for base in bases[1:]:
        merged.merge_from_dict(Config.fromfile(config_path(base)).to_dict())
    if encoder is None:
        return merged
    if encoder not in ENCODERS:
        raise ValueError(f'there is no encoder {encoder!r}{suggestion(encoder, ENCODERS)}')
    if 'type' not in merged.model.encoder:
        raise ValueError(
            f'{merged.method} has several encoders, {sorted(merged.model.encoder)}; omit --encoder'
        )
    other = Config.fromfile(small_methods()[ENCODERS[encoder]]).model.encoder
    if other.type != merged.model.encoder.type:
        merged.model.encoder = dict(other, _delete_=True)
    return merged


def changed_settings(choices: Sequence[Choice], base: Config) -> dict[str, Any]:
    """The settings of choices that differ from the base's, by dotted key."""
    of_base = base.to_dict()
    return {
        key: value
        for choice in choices
        for key, value in choice.settings.items()
        if _value_at(of_base, key) != value
    }


def _value_at(config: Mapping, key: str) -> Any:
    here: Any = config
    for part in key.split('.'):
        here = here.get(part) if isinstance(here, Mapping) else None
    return here


def config_text(comment: str, bases: Sequence[str], settings: Mapping[str, Any]) -> str:
    """A config in the style of the shipped ones.

    Args:
        comment: The first lines, without ``#``.
        bases: Names of the bases.
        settings: Values by dotted key.
    """
    lines = [f'# {line}' for line in comment.splitlines()]
    lines.append(_statement('_base_', list(bases)))
    lines.append('')
    settings, view = with_view_named(settings)
    if view:
        lines.append(_statement('view', view))
    lines += [_statement(key, value) for key, value in nested(settings).items()]
    return '\n'.join(lines).rstrip() + '\n'


class _Name(str):
    """The name of a variable, written without quotes."""

    def __repr__(self) -> str:
        return str(self)


def with_view_named(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list | None]:
    """Settings in which views that are made alike have one name, ``view``.

    Returns:
        The settings, and what the name stands for; None if no two views are alike.
    """
    key = 'data_preprocessor.views'
    views = settings.get(key) or {}
    made = [view for view in views.values() if view]
    alike = next((view for view in made if made.count(view) > 1), None)
    if alike is None:
        return dict(settings), None
    named = {name: _Name('view') if view == alike else view for name, view in views.items()}
    return {**settings, key: named}, alike


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted key as dicts within dicts."""
    result: dict[str, Any] = {}
    for key, value in settings.items():
        *path, last = key.split('.')
        here = result
        for part in path:
            here = here.setdefault(part, {})
        here[last] = value
    return result


def _statement(name: str, value: Any) -> str:
    return formatted(value, f'{name} = ', '')


def formatted(value: Any, before: str, indent: str, after: str = '') -> str:
    """A value as Python source that ruff would leave as it is.

    What does not fit in a line has its items in one further line, or each in a line of its own.

    Args:
        value: Dicts with names as keys, lists, tuples and plain values, nested.
        before: What stands before it in its line.
        indent: The line's indentation, not part of ``before``.
        after: What stands after it, such as a comma.
    """
    whole = f'{indent}{before}{_in_line(value)}{after}'
    if len(whole) <= _LINE or not isinstance(value, (Mapping, list, tuple)) or not value:
        return whole
    opening, closing = ('dict(', ')') if isinstance(value, Mapping) else ('[', ']')
    if isinstance(value, tuple):
        opening, closing = '(', ')'
    deeper = f'{indent}    '
    items = value.items() if isinstance(value, Mapping) else [('', one) for one in value]
    pairs = [(f'{name}=' if name else '', one) for name, one in items]
    joined = deeper + ', '.join(f'{name}{_in_line(one)}' for name, one in pairs)
    body = [joined]
    if len(joined) > _LINE or not isinstance(value, Mapping):
        body = [formatted(one, name, deeper, ',') for name, one in pairs]
    return '\n'.join([f'{indent}{before}{opening}', *body, f'{indent}{closing}{after}'])


def _in_line(value: Any) -> str:
    if isinstance(value, Mapping):
        return f'dict({", ".join(f"{key}={_in_line(one)}" for key, one in value.items())})'
    if isinstance(value, list):
        return f'[{", ".join(map(_in_line, value))}]'
    if isinstance(value, tuple):
        return f'({", ".join(map(_in_line, value))}{"," * (len(value) == 1)})'
    return repr(value)

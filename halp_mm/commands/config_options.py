"""Overrides of a config on the command line: ``--cfg-options KEY=VALUE ...``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Any

_CONSTANTS = {'true': True, 'false': False, 'none': None, 'None': None}
_NUMBERS = {'nan', 'inf'}
_BRACKETS = {'(': ')', '[': ']', '{': '}'}


def parse_options(words: Iterable[str]) -> dict[str, Any]:
    """Read overrides.

    A value is what it would be in a config file: a number, ``True``, ``None``, a quoted text, a
    list, a dict, ``dict(type='Shear')``, all of them nested. Names within need no quotes, and a
    list needs no brackets: ``a,b``. Anything else is text and stays as it is.

    Args:
        words: Each ``KEY=VALUE``, where KEY is dotted and counts in lists.

    Returns:
        The values by key, in the order of the words. The last value of a repeated key counts.

    Raises:
        ValueError: if a word has no ``=``, its key is not one, or its brackets do not match.

    Example:
        >>> parse_options(['train_cfg.max_epochs=10', 'model.streams=[joint,bone]'])
        {'train_cfg.max_epochs': 10, 'model.streams': ['joint', 'bone']}
    """
    options = {}
    for word in words:
        key, equals, value = word.partition('=')
        if not equals or not re.fullmatch(r'\w[\w-]*(\.[\w-]+)*', key):
            raise ValueError(f'{word!r} is no KEY=VALUE, such as train_cfg.max_epochs=10')
        try:
            options[key] = parse_value(value)
        except ValueError as error:
            raise ValueError(f'{word!r} cannot be read: {error}') from error
    return options


def parse_value(text: str) -> Any:
    """Read a value; see :func:`parse_options`.

    Raises:
        ValueError: if brackets or quotes do not match.
    """
    try:
        return _literal(ast.parse(text.strip(), mode='eval').body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        pass  # not Python: a text, or a list of texts
    stripped = text.strip()
    if stripped[:1] in _BRACKETS or ',' in stripped:
        inner = _without_brackets(stripped)
        return [parse_value(part) for part in _split_at_commas(inner)]
    return text


def _literal(node: ast.expr) -> Any:
    """The value of an expression that computes nothing.

    Raises:
        ValueError: if it is another.
    """
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.Name(id=name):
            return float(name) if name in _NUMBERS else _CONSTANTS.get(name, name)
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_literal(element) for element in elements]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            return {_literal(key): _literal(value) for key, value in zip(keys, values)}
        case ast.Call(func=ast.Name(id='dict'), args=[], keywords=keywords):
            if all(keyword.arg for keyword in keywords):
                return {keyword.arg: _literal(keyword.value) for keyword in keywords}
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            value = _literal(operand)
            if isinstance(value, (int, float)):
                return -value if isinstance(sign, ast.USub) else value
    raise ValueError('no value')


def _without_brackets(text: str) -> str:
    if text[0] not in _BRACKETS:
        return text
    if text[0] == '{' or not text.endswith(_BRACKETS[text[0]]):
        raise ValueError('brackets or quotes do not match, or a dict has no KEY: VALUE')
    return text[1:-1]


def _split_at_commas(text: str) -> list[str]:
    """The parts between commas that are in no brackets or quotes, without white space around.

    Raises:
        ValueError: if brackets or quotes do not match.
    """
    parts, start, quote = [], 0, ''
    closing: list[str] = []
    for position, character in enumerate(text):
        if quote:
            quote = '' if character == quote else quote
        elif character in '"\'':
            quote = character
        elif character in _BRACKETS:
            closing.append(_BRACKETS[character])
        elif character in _BRACKETS.values():
            if not closing or closing.pop() != character:
                raise ValueError(f'there is a {character!r} that closes nothing')
        elif character == ',' and not closing:
            parts.append(text[start:position])
            start = position + 1
    if closing or quote:
        raise ValueError(f'a {closing[-1] if closing else quote!r} is missing')
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]

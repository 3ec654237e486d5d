"""Command lines that are made from the signatures and docstrings of functions.

A parameter without default is a positional argument, and any other is an option. A keyword-only
parameter without default is a required option. ``X | None`` without default may be omitted.
A ``bool`` is a flag: ``--amp``, or ``--no-validate`` if it is true by default. A sequence takes
several words, a ``Literal`` takes one of its values, and a ``Mapping`` takes words ``KEY=VALUE``,
see :mod:`~halp_mm.commands.config_options`. A path that may also be a ``bool`` is a flag with an
optional value. Help texts are the ``Args:`` of the Google docstring.
"""

from __future__ import annotations

import argparse
import inspect
import io
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from halp_mm.commands.config_options import parse_options


class UsageError(Exception):
    """Arguments that do not go together in a way that only the command can know."""


@dataclass(frozen=True)
class Option:
    """Settings of a parameter on the command line, beyond its signature and docstring.

    Args:
        flags: Such as ``('--out',)``. They make an option of a parameter without default.
        metavar: The placeholder for the value in the help.
        choices: The allowed values.
        help: A help text, where the docstring's does not suit a command line.
        convert: Converts the given word to the parameter. Its exceptions mean bad input.
    """

    flags: Sequence[str] = ()
    metavar: str | None = None
    choices: Iterable | None = None
    help: str | None = None
    convert: Callable[[str], object] | None = None


class Command:
    """A command: a function that a command line calls.

    Args:
        program: The name of the script under ``tools/``, for messages.
        description: What the command does; the command module's docstring.
        function: The function to call. Its result is printed.
        settings_of: The function whose parameters ``function`` takes as ``**settings``.
        omit: Parameters that the command line does not have; they keep their defaults.
        options: Further settings of parameters, by name.
        after_interruption: The advice after Ctrl-C. Names of parameters in braces are replaced.
    """

    def __init__(
        self,
        program: str,
        description: str | None,
        function: Callable[..., object],
        *,
        settings_of: Callable[..., object] | None = None,
        omit: Collection[str] = (),
        options: Mapping[str, Option] | None = None,
        after_interruption: str = 'nothing was written',
    ) -> None:
        self.program = program
        self.description = description
        self.function = function
        self.settings_of = settings_of
        self.omit = omit
        self.options = dict(options or {})
        self.after_interruption = after_interruption

    def main(self, arguments: Sequence[str] | None = None, program: str | None = None) -> int:
        """Read the command line, call the function and print what it returns.

        Args:
            arguments: The words of the command line; by default the process's.
            program: The command's name in messages; by default the script's.

        Returns:
            The exit status: 0, 1 after bad input (``ValueError``, ``OSError``, ``ImportError``),
            130 after Ctrl-C, 141 if the reader of the output, such as ``head``, has left. Each
            error is one message on stderr. Any other exception is a programming error and passes.

        Raises:
            SystemExit: with status 2, if the command line is wrong.
        """
        print_any_text()
        parser = self.parser(program)
        try:
            given = vars(parser.parse_intermixed_args(arguments))
        except SystemExit as stop:  # such as that after --help
            raise SystemExit(say(end='') or stop.code) from None
        try:
            for name, option in self.options.items():
                if option.convert is not None and given[name] is not None:
                    given[name] = option.convert(given[name])
            said = self.function(**given)
            return 0 if said is None else say(said)
        except BrokenPipeError:
            return nobody_reads()
        except UsageError as error:
            parser.error(str(error))
        except (ImportError, OSError, ValueError) as error:  # no optional package, or bad input
            print(f'{parser.prog}: error: {error}', file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            what_next = self.after_interruption.format(**given)
            print(f'{parser.prog}: interrupted; {what_next}', file=sys.stderr)
            return 130

    def parser(self, program: str | None = None) -> argparse.ArgumentParser:
        """The parser of the command line."""
        parser = _Parser(
            prog=program or self.program,
            description=self.description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parameters, texts = self.parameters(), self.texts()
        names = {parameter.name for parameter in parameters}
        if unknown := set(self.options) - names:
            raise TypeError(f'{self.program} has options of {unknown}; its parameters are {names}')
        if undocumented := names - set(texts):
            raise TypeError(f'{self.program}: no docstring says what {undocumented} are')
        for parameter in parameters:
            option = self.options.get(parameter.name, Option())
            _add_argument(parser, parameter, texts[parameter.name], option)
        return parser

    def parameters(self) -> list[inspect.Parameter]:
        """The parameters that the command line has, with their annotations evaluated."""
        found: dict[str, inspect.Parameter] = {}
        for function in filter(None, (self.settings_of, self.function)):
            found |= inspect.signature(function, eval_str=True).parameters
        variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        return [
            parameter
            for name, parameter in found.items()
            if name not in self.omit and parameter.kind not in variadic
        ]

    def texts(self) -> dict[str, str]:
        """The help texts by parameter."""
        texts: dict[str, str] = {}
        for function in filter(None, (self.settings_of, self.function)):
            texts |= documented_arguments(function)
        return texts


def print_any_text() -> None:
    """Print characters that the terminal's or file's encoding lacks as escapes, not as errors."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors='backslashreplace')


def say(text: object = '', end: str = '\n') -> int:
    """Print a text, with what has not left the buffer yet.

    Args:
        text: The text.
        end: What follows it.

    Returns:
        The exit status: 0, or that of a reader who has left.
    """
    try:
        print(text, end=end, flush=True)
    except BrokenPipeError:
        return nobody_reads()
    return 0


def nobody_reads() -> int:
    """End without a word if the reader of the output, such as ``head``, has left.

    Returns:
        The exit status.
    """
    # What is still in the buffer is written when Python ends.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line; ``--help`` shows the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f'{self.prog}: error: {message}\n')


class _CfgOptions(argparse.Action):
    """Collect ``KEY=VALUE`` in a dict; the option may be given several times."""

    def __call__(self, parser, namespace, values, option_string=None) -> None:
        try:
            options = parse_options(values)
        except ValueError as error:
            raise argparse.ArgumentError(self, str(error)) from error
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), **options})


def documented_arguments(function: Callable) -> dict[str, str]:
    """The text of each parameter in the ``Args:`` of a Google docstring, as one line."""
    _, _, section = (inspect.getdoc(function) or '').partition('\nArgs:\n')
    texts: dict[str, str] = {}
    name = None
    for line in section.splitlines():
        if line and not line.startswith(' '):
            break  # the next section
        if entry := re.match(r' {4}\*{0,2}(\w+): (.*)', line):
            name, texts[entry[1]] = entry[1], entry[2]
        elif name is not None:
            texts[name] = f'{texts[name]} {line.strip()}'.rstrip()
    return texts


def plain_text(text: str) -> str:
    """A docstring's text without reStructuredText markup; overrides as on a command line."""
    text = re.sub(r':\w+:`[~.]*([^`]+)`', r'\1', text)
    text = re.sub(r"``\{'([\w.]+)': (.+?)\}``", r'\1=\2', text)
    return text.replace('``', '')


def _add_argument(
    parser: argparse.ArgumentParser, parameter: inspect.Parameter, text: str, option: Option
) -> None:
    """Add a parameter to a parser."""
    kind = _Kind(parameter.annotation)
    has_default = parameter.default is not inspect.Parameter.empty
    is_positional = not (
        option.flags or has_default or parameter.kind is inspect.Parameter.KEYWORD_ONLY
    )
    text = plain_text(option.help or text)
    settings = _flag_settings(parameter, text) if kind.is_flag else kind.settings(option)
    if settings.get('type') is int and not is_positional and 'choices' not in settings:
        settings.setdefault('metavar', 'N')
    if has_default:
        settings['default'] = parameter.default
    if not kind.is_flag:
        settings['help'] = text + _default_text(parameter, kind)
    settings['help'] = settings['help'].replace('%', '%%')
    if is_positional:
        if kind.allows_none:
            settings['nargs'] = '?'
        parser.add_argument(parameter.name, **settings)
    else:
        if not has_default and not kind.allows_none:
            settings['required'] = True
        parser.add_argument(*_flags(parameter, option), dest=parameter.name, **settings)


def _flags(parameter: inspect.Parameter, option: Option) -> Sequence[str]:
    """``--NAME``, or ``--no-NAME`` of a flag that is true by default."""
    name = parameter.name.replace('_', '-')
    return option.flags or (f'--no-{name}' if parameter.default is True else f'--{name}',)


def _flag_settings(parameter: inspect.Parameter, text: str) -> dict:
    """The arguments of argparse for a flag."""
    task = text.removeprefix('Whether to ')
    if parameter.default is True:
        return {'action': 'store_false', 'help': f'Do not {task[:1].lower()}{task[1:]}'}
    return {'action': 'store_true', 'help': f'{task[:1].upper()}{task[1:]}'}


def _default_text(parameter: inspect.Parameter, kind: _Kind) -> str:
    """The text of the help about a default that is a value."""
    default = parameter.default
    if default in (inspect.Parameter.empty, None, '') or default is False:
        return ''
    words = default if kind.is_sequence else [default]
    return f' Default: {" ".join(map(str, words))}.'


class _Kind:
    """The meaning of an annotation on a command line."""

    def __init__(self, annotation: object) -> None:
        is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
        members = typing.get_args(annotation) if is_union else (annotation,)
        self.allows_none = type(None) in members
        self.members = [member for member in members if member is not type(None)]
        self.origins = [typing.get_origin(member) or member for member in self.members]
        self.is_flag = self.members == [bool]

    @property
    def is_sequence(self) -> bool:
        """Whether it takes several words."""
        return self._sequence() is not None

    def _sequence(self) -> object:
        sequences = (list, tuple, Sequence)
        found = (m for m, origin in zip(self.members, self.origins) if origin in sequences)
        return next(found, None)

    def settings(self, option: Option) -> dict:
        """The arguments of argparse for the words."""
        settings: dict = {} if option.metavar is None else {'metavar': option.metavar}
        if option.choices is not None:
            settings['choices'] = list(option.choices)
        if len(self.members) == 1 and self.origins[0] in (dict, Mapping):
            return {'metavar': 'KEY=VALUE', **settings, 'nargs': '+', 'action': _CfgOptions}
        sequence = self._sequence()
        if sequence is not None:
            item = _Kind(typing.get_args(sequence)[0])
            return {**item.settings(option), **settings, 'nargs': '+'}
        if typing.Literal in self.origins:
            values = typing.get_args(self.members[self.origins.index(typing.Literal)])
            return {'choices': list(values), 'type': type(values[0]), **settings}
        if bool in self.members:
            settings |= {'nargs': '?', 'const': True}
        is_text = any(member in (str, os.PathLike) for member in self.members)
        numbers = [member for member in (float, int) if member in self.members]
        if not is_text and not numbers:
            raise TypeError(f'no words of a command line make {self.members}')
        return {**settings, 'type': str if is_text else numbers[0]}

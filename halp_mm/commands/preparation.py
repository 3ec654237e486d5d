"""The common form of the commands that make a data file of raw recordings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from halp_mm.commands.command_line import Command, Option


def preparation_command(
    program: str,
    description: str | None,
    prepare: Callable[..., object],
    options: Mapping[str, Option],
    after_interruption: str = (
        'finished parts are kept in {out}.parts. The same command continues from there'
    ),
) -> Command:
    """Make a command that writes a data file, shows its progress and prints a summary.

    Args:
        program: See :class:`Command`.
        description: See :class:`Command`.
        prepare: Makes the data file ``out``, draws a bar to ``progress`` and returns a summary.
        options: Further settings of its parameters, by name.
        after_interruption: See :class:`Command`.
    """

    def run(**settings: object) -> str:
        return f'{prepare(**settings, progress=sys.stderr)}\nwritten: {settings["out"]}'

    shared = {'out': Option(flags=('--out',), metavar='FILE')}
    return Command(
        program,
        description,
        run,
        settings_of=prepare,
        omit=('progress',),
        options=shared | dict(options),
        after_interruption=after_interruption,
    )

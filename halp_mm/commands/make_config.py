"""Make a config for a data file: look at its clips, and choose the settings that depend on them."""

from __future__ import annotations

from halp_mm.apis.config_making import make_config
from halp_mm.commands.command_line import Command, Option


def run(**settings) -> str:
    """Write the config.

    Args:
        **settings: See :func:`make_config`.

    Returns:
        What was chosen, a line each, with the reason.
    """
    choices = make_config(**settings)
    return '\n'.join([*map(str, choices), f'written: {settings["out"]}'])


main = Command(
    'make_config.py',
    __doc__,
    run,
    settings_of=make_config,
    options={
        'data_file': Option(metavar='FILE'),
        'method': Option(flags=('--method',), metavar='NAME'),
        'out': Option(flags=('--out',), metavar='CONFIG'),
        'encoder': Option(metavar='NAME'),
        'split': Option(metavar='NAME'),
    },
).main

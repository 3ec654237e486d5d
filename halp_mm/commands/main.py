"""The command ``halp-mm``, also ``python -m halp_mm``, which calls all commands by name."""

from __future__ import annotations

import ast
import difflib
import importlib
import pkgutil
import sys
from collections.abc import Sequence

from halp_mm.commands.command_line import say
from halp_mm.version import __version__

PROGRAM = 'halp-mm'

#: The modules of this package that are commands, in the order of use.
COMMANDS = (
    'quick_start',
    'make_synthetic',
    'prepare_ntu',
    'prepare_pku',
    'prepare_msr_action3d',
    'prepare_nw_ucla',
    'prepare_utd_mhad',
    'prepare_folder',
    'convert_annotations',
    'convert_layout',
    'merge_data',
    'inspect_data',
    'draw_skeleton',
    'make_config',
    'train',
    'test',
    'infer',
    'extract_features',
    'find_similar',
    'export',
    'publish_model',
    'benchmark_speed',
    'ablate',
    'benchmark',
    'report',
    'fuse_streams',
    'plot_tsne',
    'positive_purity',
    'convert_released',
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Call the command that the first word names, with the other words.

    Only that command's module is imported.

    Args:
        arguments: The words of the command line; by default the process's.

    Returns:
        The exit status; see :meth:`halp_mm.commands.command_line.Command.main`. 2 if there is no
        such command.
    """
    name, *others = list(sys.argv[1:] if arguments is None else arguments) or ['--help']
    if name in ('-h', '--help'):
        return say(help_text())
    if name == '--version':
        return say(f'{PROGRAM} {__version__}')
    modules = {module.replace('_', '-'): module for module in COMMANDS}
    if name not in modules:
        near = difflib.get_close_matches(name, modules, n=3, cutoff=0.4)
        advice = f'did you mean {" or ".join(near)}?' if near else f'see {PROGRAM} --help'
        print(f'{PROGRAM}: error: there is no command {name!r}; {advice}', file=sys.stderr)
        return 2
    command = importlib.import_module(f'halp_mm.commands.{modules[name]}')
    return command.main(others, f'{PROGRAM} {name}')


def help_text() -> str:
    """All commands, each with the first sentence of its module's docstring."""
    lines = [f'usage: {PROGRAM} COMMAND ..., or {PROGRAM} COMMAND --help', '']
    lines += [f'  {module.replace("_", "-"):<22}{summary(module)}' for module in COMMANDS]
    return '\n'.join(lines)


def summary(module: str) -> str:
    """The first line of a command's docstring, without importing what the command needs."""
    source = pkgutil.get_data('halp_mm.commands', f'{module}.py')
    return (ast.get_docstring(ast.parse(source)) or '').partition('\n')[0]

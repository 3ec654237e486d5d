"""What the command-line tools have in common."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from halp_mm.preparation.parallel_parsing import parts_folder


def run_command(program: str, work: Callable[[], str], when_interrupted: str) -> int:
    """Do a tool's work and print what it has to say, or one line about what went wrong.

    Args:
        program: The tool's name.
        work: Does it and returns the text to print.
        when_interrupted: What to say after Ctrl-C.

    Returns:
        The exit status: 0, 1 after an error, 130 after Ctrl-C.
    """
    try:
        print(work())
    except (ImportError, OSError, ValueError) as error:  # no optional package, or bad input
        print(f'{program}: error: {error}', file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f'{program}: interrupted; {when_interrupted}', file=sys.stderr)
        return 130
    return 0


def add_preparation_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that all tools have which parse many raw files."""
    parser.add_argument('--out', metavar='FILE', required=True, help='the data file to make')
    parser.add_argument('--workers', metavar='N', type=int, help='processes; by default all cores')
    parser.add_argument('--skip-bad', action='store_true', help='leave bad files out, list them')


def run_preparation(program: str, out: str, prepare: Callable[[], object]) -> int:
    """Like :func:`run_command` for a tool that makes a data file and continues after Ctrl-C.

    Args:
        program: The tool's name.
        out: The data file.
        prepare: Makes it and returns a summary.
    """
    return run_command(
        program,
        lambda: f'{prepare()}\nwritten: {out}',
        f'what is done is kept in {parts_folder(out)}. The same command continues there',
    )

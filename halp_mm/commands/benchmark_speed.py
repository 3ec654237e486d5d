"""Measure trainings side by side: time of each part, throughput, memory, distance to the bound."""

from __future__ import annotations

import json
import os
import sys

from halp_mm.atomic_write import atomic_write
from halp_mm.benchmarking import compare_trainings, comparison_text
from halp_mm.commands.command_line import Command, Option


def run(out: str | os.PathLike | None = None, **settings) -> str:
    """Measure, and write the figures.

    Args:
        out: Write all figures to this JSON file.
        **settings: See :func:`compare_trainings`.

    Returns:
        A table with a column for each config.
    """
    comparison = compare_trainings(**settings, progress=sys.stderr)
    if out:
        with atomic_write(out) as partial:
            partial.write_text(json.dumps(comparison, indent=2) + '\n', encoding='utf-8')
    return comparison_text(comparison)


main = Command(
    'benchmark.py',
    __doc__,
    run,
    settings_of=compare_trainings,
    omit=('progress',),
    options={
        'configs': Option(metavar='CONFIG'),
        'profile': Option(metavar='FILE'),
        'out': Option(metavar='FILE'),
    },
).main

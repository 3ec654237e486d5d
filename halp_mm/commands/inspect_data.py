"""Look at a data file: what is in it, and which clips are suspicious."""

from __future__ import annotations

import sys

from halp_mm.commands.command_line import Command, Option
from halp_mm.datasets import ClipStorage
from halp_mm.inspection.inspection import inspect_clips
from halp_mm.inspection.text import report
from halp_mm.visualization import plot_inspection


def run(data_file: str, out: str | None = None, list_all: bool = False) -> str:
    """Measure the clips, and draw the picture.

    Args:
        data_file: The data file.
        out: A .png file for a picture of the same.
        list_all: List all classes and suspicious clips, not only some.

    Returns:
        The report.

    Raises:
        ValueError: if the data file is damaged, or the picture is not a .png.
    """
    if out and not out.endswith('.png'):
        raise ValueError(f'--out is {out}; expected a name that ends in .png')
    inspection = inspect_clips(ClipStorage(data_file), progress=sys.stderr)
    text = report(inspection, list_all)
    if out:
        plot_inspection(inspection, out)
        text += f'\nwritten: {out}'
    return text


main = Command(
    'inspect_data.py',
    __doc__,
    run,
    options={
        'data_file': Option(metavar='FILE'),
        'out': Option(metavar='PICTURE'),
        'list_all': Option(flags=('--all',)),
    },
).main

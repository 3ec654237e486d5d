"""Convert an annotation pickle of MMAction2 or PYSKL to a data file, or a data file to one.

--layout, --dataset, --classes and --skip-bad are for a pickle.
"""

from __future__ import annotations

import sys
from pathlib import Path

from halp_mm.commands.command_line import Command, Option
from halp_mm.datasets.annotations import is_pickle
from halp_mm.preparation import prepare_annotations, write_annotations
from halp_mm.skeletons import LAYOUTS


def run(path: str, out: str, **settings) -> str:
    """Convert the file.

    Args:
        path: A .pkl or .pickle, or a .safetensors.
        out: The file to make, of the other kind.
        **settings: For a pickle only; see :func:`prepare_annotations`.

    Returns:
        A summary of the clips.

    Raises:
        ValueError: if the files are of other kinds, or settings are given for a data file.
    """
    kinds = ['pickle' if is_pickle(file) else Path(file).suffix for file in (path, out)]
    if kinds == ['pickle', '.safetensors']:
        done = prepare_annotations(path, out, **settings, progress=sys.stderr)
        return f'{done}\nwritten: {out}'
    if kinds != ['.safetensors', 'pickle']:
        raise ValueError(
            f'found {path} and {out}; expected a .pkl or .pickle and a .safetensors, or the other '
            'way round. Rename the files'
        )
    given = [f'--{name.replace("_", "-")}' for name, value in settings.items() if value]
    if given:
        raise ValueError(f'{", ".join(given)} is for pickles; {path} is a data file. Omit it')
    return f'{write_annotations(path, out, progress=sys.stderr)}\nwritten: {out}'


main = Command(
    'convert_annotations.py',
    __doc__,
    run,
    settings_of=prepare_annotations,
    omit=('progress',),
    options={
        'path': Option(metavar='IN'),
        'out': Option(metavar='OUT'),
        'layout': Option(flags=('--layout',), choices=LAYOUTS),
        'dataset': Option(
            metavar='NAME', help='Name of the data set; ntu60 and ntu120 have known class names.'
        ),
        'classes': Option(metavar='FILE'),
    },
).main

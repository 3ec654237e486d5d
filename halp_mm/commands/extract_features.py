"""Encode clips with a checkpoint, and write their features to a file.

No config is needed. The .safetensors file is also a gallery for infer.py and find_similar.py.
"""

from __future__ import annotations

from halp_mm.apis.features_file import check_features_path, write_features
from halp_mm.apis.file_features import encode_files
from halp_mm.commands.command_line import Command, Option
from halp_mm.datasets.storage import UNLABELLED
from halp_mm.skeletons import read_layout


def run(*, out: str, **settings) -> str:
    """Encode, and write the features.

    Args:
        out: The .safetensors, .npz or .csv file to make.
        **settings: See :func:`encode_files`.

    Returns:
        A summary.
    """
    check_features_path(out)
    clips = encode_files(**settings)
    write_features(clips, out)
    labelled = int((clips.labels != UNLABELLED).sum())
    sizes = ', '.join(f'{stream} {part.shape[1]}' for stream, part in clips.features.items())
    return (
        f'{len(clips.names)} clips, {labelled} with a label of {len(clips.classes)} classes; '
        f'features: {sizes}\nwritten: {out}'
    )


main = Command(
    'extract_features.py',
    __doc__,
    run,
    settings_of=encode_files,
    options={
        'checkpoint': Option(help='A saved model or a checkpoint of a training.'),
        'data': Option(metavar='DATA'),
        'layout': Option(metavar='NAME', convert=read_layout),
        'labels': Option(metavar='FILE'),
        'split': Option(metavar='NAME'),
        'out': Option(metavar='FILE'),
    },
).main

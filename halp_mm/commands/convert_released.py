"""Convert a released checkpoint of pre-training to one that tools/test.py reads.

It finds out whether the checkpoint is one of SkeletonCLR, CrosSCLR, AimCLR, ISC, CMD, HaLP, AS-CAL,
SkeletonBT, PSTL, MAMP or MAE.
"""

from __future__ import annotations

import torch

from halp_mm.atomic_write import atomic_write
from halp_mm.commands.command_line import Command, Option
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.models.converters.released_checkpoint import convert_released
from halp_mm.skeletons import STREAMS


def run(source: str, *, out: str, **settings) -> str:
    """Convert the checkpoint.

    Args:
        source: The released checkpoint.
        out: The checkpoint to make.
        **settings: See :func:`convert_released`.

    Returns:
        What was found, the number of entries and the path of the new checkpoint.

    Raises:
        ValueError: if the checkpoint is damaged or not of one of these releases.
    """
    checkpoint = load_checkpoint_file(source)
    try:
        converted = convert_released(checkpoint, **settings)
    except ValueError as error:
        raise ValueError(f'{source} cannot be converted: {error}') from error
    with atomic_write(out) as partial:
        torch.save({'state_dict': converted.state}, partial)
    found = ', '.join(f'{kind} of {stream}' for stream, kind in converted.encoders.items())
    count = len(checkpoint.get('state_dict', checkpoint))
    omitted = [f'omitted: {", ".join(converted.omitted)}'] if converted.omitted else []
    return '\n'.join(
        [
            f'found: {found}',
            f'{count} entries converted to {len(converted.state)}',
            *omitted,
            f'written: {out}',
        ]
    )


main = Command(
    'convert_released.py',
    __doc__,
    run,
    settings_of=convert_released,
    omit=('checkpoint',),
    options={
        'source': Option(metavar='SRC'),
        'out': Option(metavar='FILE'),
        'stream': Option(choices=STREAMS),
        'part': Option(choices=('query', 'key')),
        'queue_size': Option(metavar='L'),
    },
    after_interruption='{out} was not written',
).main

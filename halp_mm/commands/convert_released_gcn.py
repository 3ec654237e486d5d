"""Convert a released checkpoint of SkeletonCLR or AimCLR to one that tools/test.py reads."""

from __future__ import annotations

import torch

from halp_mm.atomic_write import atomic_write
from halp_mm.commands.command_line import Command, Option
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.models.converters.released_stgcn import convert_released
from halp_mm.skeletons import STREAMS


def run(source: str, *, out: str, **settings) -> str:
    """Convert the checkpoint.

    Args:
        source: The released checkpoint.
        out: The checkpoint to make.
        **settings: See :func:`convert_released`.

    Returns:
        The number of entries and the path of the new checkpoint.

    Raises:
        ValueError: if the checkpoint is damaged or not of one of these releases.
    """
    state = load_checkpoint_file(source)
    try:
        converted = convert_released(state, **settings)
    except ValueError as error:
        raise ValueError(f'{source} cannot be converted: {error}') from error
    with atomic_write(out) as partial:
        torch.save({'state_dict': converted}, partial)
    return f'{len(state)} entries converted to {len(converted)}\nwritten: {out}'


main = Command(
    'convert_released_gcn.py',
    __doc__,
    run,
    settings_of=convert_released,
    omit=('state',),
    options={
        'source': Option(metavar='SRC'),
        'out': Option(metavar='FILE'),
        'stream': Option(choices=STREAMS),
        'part': Option(choices=('query', 'key')),
        'queue_size': Option(metavar='L'),
    },
    after_interruption='{out} was not written',
).main

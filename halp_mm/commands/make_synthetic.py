"""Make the synthetic data set: clips of a kinematic model, nothing to download.

With --format ntu or pku, write the clips as raw files of NTU RGB+D or PKU-MMD II instead, to try
prepare_ntu.py and prepare_pku.py. With --format folder, write them as arrays with a labels file.
"""

from __future__ import annotations

from typing import Literal

from halp_mm.commands.command_line import Command, Option, UsageError
from halp_mm.datasets import ClipStorage
from halp_mm.skeletons import SkeletonLayout, get_layout, read_layout
from halp_mm.synthetic import (
    write_clip_folder,
    write_improvised,
    write_raw_ntu,
    write_raw_pku,
    write_synthetic,
)
from halp_mm.synthetic.improvisation import PERFORMANCES

#: Classes of which a summary gives the names.
MAX_NAMED = 20
_OUTPUTS = {
    'clips': 'data/synthetic.safetensors',
    'improvised': 'data/improvised.safetensors',
    'ntu': 'data/synthetic_ntu',
    'pku': 'data/synthetic_pku',
    'folder': 'data/synthetic_folder',
}


def run(
    format: Literal['clips', 'ntu', 'pku', 'folder'] = 'clips',
    out: str | None = None,
    seed: int = 0,
    repeats: int = 1,
    layout: str | SkeletonLayout = 'kinect_v2',
    improvised: int | None = None,
    performances: int | None = None,
) -> str:
    """Write the files.

    Args:
        format: A data file, raw files of NTU RGB+D or PKU-MMD II, or a folder of arrays.
        out: The file or folder to make; by default data/synthetic.safetensors, data/synthetic_ntu,
            data/synthetic_pku or data/synthetic_folder; of improvised clips
            data/improvised.safetensors.
        seed: The same seed makes the same files.
        repeats: Performances per subject, action and camera.
        layout: The joint layout of the data file, a name or a .json file. Of two dimensions, clips
            are poses in the camera's image.
        improvised: Instead of actions, so many pieces, movements drawn at random, each performed
            by several people, one a clip; in the split train.
        performances: Performances of each improvised piece, 6 by default.

    Returns:
        What is in the files.
    """
    if format != 'clips' and get_layout(layout).name != 'kinect_v2':
        raise UsageError('--layout goes with the format clips')
    if improvised is not None and (format != 'clips' or repeats != 1):
        raise UsageError('--improvised goes with the format clips, and without --repeats')
    if improvised is None and performances is not None:
        raise UsageError('--performances goes with --improvised')
    out = out or _OUTPUTS[format if improvised is None else 'improvised']
    if format == 'ntu':
        return f'{write_raw_ntu(out, seed, repeats)} .skeleton files in {out}'
    if format == 'pku':
        return f'{write_raw_pku(out, seed, repeats=repeats)} videos in {out}'
    if format == 'folder':
        return f'{write_clip_folder(out, seed, repeats)} .npy files and labels.csv in {out}'
    if improvised is not None:
        write_improvised(out, improvised, performances or PERFORMANCES, seed, layout)
        return summary(out)
    write_synthetic(out, seed, repeats, layout)
    return summary(out)


def summary(path: str) -> str:
    """A summary of a data file."""
    storage = ClipStorage(path)
    frames = storage.block.num_frames
    splits = (
        f'         {len(members)} in {name}' for name, members in sorted(storage.splits.items())
    )
    names = ', '.join(storage.class_names[:MAX_NAMED]) or 'no labels'
    if len(storage.class_names) > MAX_NAMED:
        names += ', ...'
    return '\n'.join(
        [
            f'clips    {len(storage)}',
            *splits,
            f'classes  {len(storage.class_names)}: {names}',
            f'frames   {int(frames.min())} to {int(frames.max())} a clip',
            f'file     {storage.path}, {storage.path.stat().st_size / 1e6:.1f} MB',
        ]
    )


main = Command(
    'make_synthetic.py',
    __doc__,
    run,
    options={
        'out': Option(metavar='PATH'),
        'improvised': Option(metavar='PIECES'),
        'performances': Option(metavar='N'),
        'layout': Option(metavar='NAME', convert=read_layout),
    },
    after_interruption='the same command starts again',
).main

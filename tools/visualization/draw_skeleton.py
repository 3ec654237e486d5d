"""Draw a clip of a data file: a GIF or a film of all frames, or a PNG of some of them."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence

from halp_mm.apis.command_line import run_command
from halp_mm.datasets import ClipStorage
from halp_mm.visualization import save_clip


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, find the clip, draw it and say what it is."""
    parser = argparse.ArgumentParser(prog='draw_skeleton.py', description=__doc__)
    parser.add_argument('data_file', metavar='FILE', help='the data file')
    parser.add_argument(
        '--clip', metavar='NAME', default='0', help='name or position of a clip; by default 0'
    )
    parser.add_argument('--out', metavar='PICTURE', required=True, help='.gif, .mp4 or .png')
    parser.add_argument('--fps', type=float, default=30, help='frames a second; by default 30')
    parser.add_argument('--size', type=int, default=480, help='pixels; by default 480')
    args = parser.parse_args(arguments)

    def work() -> str:
        storage = ClipStorage(args.data_file)
        position = find_clip(storage, args.clip)
        clip, name = storage.clip(position), storage.names[position]
        action = storage.class_names[int(storage.labels[position])]
        save_clip(clip, storage.layout, args.out, f'{name}  {action}', args.fps, args.size)
        people, frames = clip.shape[:2]
        return f'{name}: {action}, people {people}, frames {frames}\nwritten: {args.out}'

    return run_command(parser.prog, work, 'nothing was written')


def find_clip(storage: ClipStorage, clip: str) -> int:
    """The position of a clip that is given by name or, if none has that name, by position.

    Raises:
        ValueError: if there is no such clip; names some that are spelled alike.
    """
    if clip in storage.names:
        return storage.names.index(clip)
    if clip.isdecimal() and int(clip) < len(storage):
        return int(clip)
    near = difflib.get_close_matches(clip, storage.names, n=5, cutoff=0.5) or storage.names[:5]
    raise ValueError(
        f'{storage.path} has no clip {clip!r} among its {len(storage)}; expected a position from 0 '
        f'to {len(storage) - 1} or a name such as {", ".join(near)}'
    )


if __name__ == '__main__':
    sys.exit(main())

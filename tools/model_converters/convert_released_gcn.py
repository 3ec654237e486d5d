"""Convert a released checkpoint of SkeletonCLR or AimCLR to one that tools/test.py reads."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import torch

from halp_mm.apis.command_line import run_command
from halp_mm.engine.checkpoint import load_checkpoint_file
from halp_mm.models.converters.released_stgcn import convert_released
from halp_mm.skeletons import STREAMS
from halp_mm.whole_files import written_whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, convert and say what was written."""
    parser = argparse.ArgumentParser(prog='convert_released_gcn.py', description=__doc__)
    parser.add_argument('source', metavar='SRC', help='the released checkpoint')
    parser.add_argument('--out', metavar='FILE', required=True, help='the checkpoint to make')
    parser.add_argument(
        '--stream', choices=STREAMS, default='joint', help='what it was trained on; default joint'
    )
    parser.add_argument(
        '--part', choices=['query', 'key'], default='query', help='the network to evaluate'
    )
    parser.add_argument(
        '--queue-size', metavar='L', type=int, default=32768, help='if the checkpoint has no queue'
    )
    args = parser.parse_args(arguments)

    def work() -> str:
        state = load_checkpoint_file(args.source)
        try:
            converted = convert_released(state, args.stream, args.part, args.queue_size)
        except ValueError as error:
            raise ValueError(f'{args.source} cannot be converted: {error}') from error
        with written_whole(args.out) as partial:
            torch.save({'state_dict': converted}, partial)
        return f'{len(state)} entries converted to {len(converted)}\nwritten: {args.out}'

    return run_command(parser.prog, work, f'{args.out} was not written')


if __name__ == '__main__':
    sys.exit(main())

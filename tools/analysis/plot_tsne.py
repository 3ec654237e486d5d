"""Draw an encoder's features of test clips by t-SNE, and say how well they cluster by class."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmengine.config import DictAction

from halp_mm.apis import draw_features, load_config
from halp_mm.apis.command_line import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, draw the picture and print the figures."""
    parser = argparse.ArgumentParser(prog='plot_tsne.py', description=__doc__)
    parser.add_argument('config', help='config file that the encoder was trained with')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file')
    parser.add_argument(
        '--untrained', action='store_true', help='draw the encoder as it is before training'
    )
    parser.add_argument(
        '--classes',
        nargs='+',
        metavar='CLASS',
        help='how many classes to draw at random (default: 10), or their names',
    )
    parser.add_argument('--stream', help="whose encoder; by default the config's first stream")
    parser.add_argument('--seed', type=int, help="random seed; by default the config's")
    parser.add_argument('--out', required=True, metavar='PICTURE', help='the .png to make')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}, help='override the config'
    )
    args = parser.parse_args(arguments)
    if (args.checkpoint is None) != args.untrained:
        parser.error('give either a checkpoint or --untrained')

    def work() -> str:
        config = load_config(args.config, args.cfg_options)
        if args.seed is not None:
            config.randomness.seed = args.seed
        classes = args.classes
        if classes and len(classes) == 1 and classes[0].isdecimal():
            classes = int(classes[0])
        summary = draw_features(config, args.checkpoint, args.out, classes, args.stream)
        return f'{summary}\nwritten: {args.out}'

    return run_command(parser.prog, work, 'nothing was written')


if __name__ == '__main__':
    sys.exit(main())

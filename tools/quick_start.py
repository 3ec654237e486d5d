"""The main job from start to end, on data that the project makes itself.

Makes the synthetic clips, pre-trains an encoder on them without labels, and evaluates it by kNN
and by a linear classifier, beside the same encoder before training.
"""

import argparse
import os
from pathlib import Path

from mmengine.config import Config

from halp_mm.apis import default_work_dir, evaluate, load_config, pretrain, write_report
from halp_mm.datasets import write_synthetic
from halp_mm.visualization import plot_curves

CONFIG = 'configs/halp/bigru_synthetic_xsub.py'
PROTOCOLS = ('knn', 'linear')


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line."""
    parser = argparse.ArgumentParser(description='The main job from start to end')
    parser.add_argument('--config', default=CONFIG, help='config to run')
    parser.add_argument('--work-dir', help='where checkpoints, logs and results go')
    parser.add_argument('--epochs', type=int, help='train for so many epochs instead')
    return parser, parser.parse_args()


def run(config: Config) -> None:
    """Make data, pre-train, evaluate, and print a table."""
    data_file = Path(config.train_dataloader.dataset.data_file)
    if not data_file.exists():
        print(f'making {data_file}')
        write_synthetic(data_file)
    runner = pretrain(config, resume=True)
    work_dir = Path(config.work_dir)
    checkpoint = runner.last_checkpoint
    top1 = {}
    for name, weights in (('untrained', None), ('trained', checkpoint)):
        for protocol in PROTOCOLS:
            report, _ = evaluate(config, weights, protocol)
            write_report(report, work_dir / f'{name}_{protocol}.json')
            top1[name, protocol] = report['metrics']['top1']
    curves = plot_curves(work_dir, work_dir / 'curves.png')
    print(f'\n{"top-1 accuracy, %":<20}{"kNN":>8}{"linear":>8}')
    for name in ('untrained', 'trained'):
        print(f'{name + " encoder":<20}' + ''.join(f'{top1[name, p]:>8.1f}' for p in PROTOCOLS))
    files = (('checkpoint', checkpoint), ('log', runner.log_file), ('curves', curves))
    for name, path in files:
        print(f'{name:<12}{os.path.relpath(path)}')


def main() -> None:
    """Merge the command line into the config, and run."""
    parser, args = parse_args()
    try:
        config = load_config(args.config)
        config.work_dir = args.work_dir or default_work_dir(args.config)
        if args.epochs is not None:
            config.train_cfg.max_epochs = args.epochs
        run(config)
    except (OSError, ValueError) as error:
        parser.exit(1, f'{parser.prog}: error: {error}\n')


if __name__ == '__main__':
    main()

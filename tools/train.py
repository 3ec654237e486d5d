"""Train as a config says."""

import argparse
import os

from mmengine.config import DictAction

from halp_mm.apis import pretrain, training_config
from halp_mm.engine import TrainingStopped, leave_distributed


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line: MMAction2's flags."""
    parser = argparse.ArgumentParser(description='Train as a config says')
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='where checkpoints and logs go')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='continue a run: from this checkpoint, or from the latest in the work directory',
    )
    parser.add_argument(
        '--stop-after', metavar='TIME', help='save and stop after this time, as in 3h50m'
    )
    parser.add_argument('--amp', action='store_true', help='train in mixed precision (GPU)')
    parser.add_argument(
        '--no-validate', action='store_true', help='do not evaluate during training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help="scale the learning rate with the number of GPUs, from the config's base batch size",
    )
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument(
        '--deterministic', action='store_true', help='use deterministic algorithms only'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override the config, as in train_cfg.max_epochs=10',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='launcher'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return parser, args


def main() -> None:
    """Merge the command line into the config, and train."""
    parser, args = parse_args()
    try:
        config = training_config(
            args.config,
            work_dir=args.work_dir,
            cfg_options=args.cfg_options,
            seed=args.seed,
            resume=True if args.resume == 'auto' else args.resume or False,
            amp=args.amp,
            validate=not args.no_validate,
            auto_scale_lr=args.auto_scale_lr,
            deterministic=args.deterministic,
            launcher=args.launcher,
            stop_after=args.stop_after,
        )
        pretrain(config)
        status = 0
    except (OSError, ValueError) as error:
        parser.exit(1, f'{parser.prog}: error: {error}\n')
    except TrainingStopped as stopped:
        status = stopped.code
    leave_distributed()  # when no traceback holds the model any longer
    raise SystemExit(status)


if __name__ == '__main__':
    main()

"""Train as a config says."""

import argparse
import os

import torch
from mmengine.config import DictAction

from halp_mm.apis import check_data_files, default_work_dir, load_config, pretrain
from halp_mm.engine import leave_distributed


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
        config = load_config(args.config, args.cfg_options)
        check_data_files(config)
        if args.resume not in (None, 'auto') and not os.path.isfile(args.resume):
            raise FileNotFoundError(f'there is no checkpoint {args.resume} to resume from')
    except (FileNotFoundError, ValueError) as error:
        parser.exit(1, f'{parser.prog}: error: {error}\n')
    config.launcher = args.launcher
    config.work_dir = args.work_dir or config.get('work_dir') or default_work_dir(args.config)
    if args.resume:
        config.resume = True
        config.load_from = None if args.resume == 'auto' else args.resume
    if args.amp:
        if not torch.cuda.is_available():
            parser.error('--amp needs a GPU, and PyTorch finds none; train without it')
        config.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic')
    if args.no_validate:
        hooks = config.custom_hooks
        config.custom_hooks = [hook for hook in hooks if 'EvaluationHook' not in hook.type]
    if args.auto_scale_lr:
        config.auto_scale_lr.enable = True
    if args.seed is not None:
        config.randomness.seed = args.seed
    if args.deterministic:
        os.environ.setdefault('CUBLAS_WORKSPACE_CONFIG', ':4096:8')  # cuBLAS wants to be told too
        config.randomness.deterministic = True
    pretrain(config)
    leave_distributed()


if __name__ == '__main__':
    main()

"""Evaluate a pre-trained encoder downstream."""

import argparse
import os

from mmengine.config import DictAction
from mmengine.dist import is_main_process

from halp_mm.apis import evaluate, results_table, write_results
from halp_mm.engine import init_distributed, leave_distributed
from halp_mm.evaluation import write_scores


def parse_args() -> tuple[argparse.ArgumentParser, argparse.Namespace]:
    """The command line: MMAction2's flags, and the protocol."""
    parser = argparse.ArgumentParser(description='Evaluate a pre-trained encoder downstream')
    parser.add_argument('config', help='config file that the encoder was trained with')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file')
    parser.add_argument(
        '--untrained', action='store_true', help='evaluate the encoder as it is before training'
    )
    parser.add_argument(
        '--protocol',
        default='knn',
        help="one of the config's, such as knn, retrieval, linear, finetune or semi; coordinates "
        'looks at no encoder and needs no checkpoint',
    )
    parser.add_argument(
        '--target', help='config of another data set to evaluate on; transfer needs one'
    )
    parser.add_argument(
        '--label-fraction',
        nargs='+',
        type=float,
        help='parts of the labels that the protocol semi uses, as in 0.01 0.1',
    )
    parser.add_argument('--draws', type=int, help='how often the protocol semi draws clips')
    parser.add_argument('--work-dir', help='write the results to PROTOCOL.json in this folder')
    parser.add_argument('--out', help='write the results to this JSON file instead')
    parser.add_argument(
        '--dump', help='write class scores and features of the test clips to this .npz file'
    )
    parser.add_argument('--seed', type=int, help='random seed')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override the config, as in protocols.knn.k=5',
    )
    parser.add_argument(
        '--launcher', choices=['none', 'pytorch', 'slurm', 'mpi'], default='none', help='launcher'
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    args = parser.parse_args()
    if args.protocol == 'coordinates':
        if args.checkpoint is not None or args.untrained:
            parser.error(
                '--protocol coordinates looks at no encoder: give neither a checkpoint nor '
                '--untrained'
            )
    elif (args.checkpoint is None) != args.untrained:
        parser.error('give either a checkpoint or --untrained')
    labels = {'label_fraction': args.label_fraction, 'draws': args.draws}
    labels = {key: value for key, value in labels.items() if value is not None}
    if labels and args.protocol != 'semi':
        parser.error('--label-fraction and --draws go with --protocol semi')
    args.cfg_options |= {f'protocols.semi.{key}': value for key, value in labels.items()}
    if args.work_dir and not args.out:
        args.out = os.path.join(args.work_dir, f'{args.protocol}.json')
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    return parser, args


def main() -> None:
    """Evaluate, print and write the results."""
    parser, args = parse_args()
    init_distributed(args.launcher)
    try:
        results, result = evaluate(
            args.config, args.checkpoint, args.protocol, args.cfg_options, args.seed, args.target
        )
        if is_main_process() and args.out:
            write_results(results, args.out)
        if is_main_process() and args.dump:
            write_scores(result, args.dump)
    except (OSError, ValueError) as error:
        parser.exit(1, f'{parser.prog}: error: {error}\n')
    if is_main_process():
        print(results_table(results))
    leave_distributed()


if __name__ == '__main__':
    main()

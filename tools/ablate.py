"""Run a list of configs with several seeds, evaluate each run, and collect all in a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import DictAction

from halp_mm.apis import do_runs, plan_runs
from halp_mm.apis.command_line import run_command
from halp_mm.reporting import write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, do the runs, write the page."""
    parser = argparse.ArgumentParser(prog='ablate.py', description=__doc__)
    parser.add_argument('configs', metavar='CONFIG', nargs='+', help='config files')
    parser.add_argument('--seeds', type=int, nargs='+', default=[0, 1, 2], help='random seeds')
    parser.add_argument(
        '--protocols',
        nargs='+',
        default=['knn', 'linear', 'coordinates'],
        help="of the configs' protocols",
    )
    parser.add_argument(
        '--work-dir',
        default='work_dirs/ablation',
        help='where runs go, and report.html; what is done there is not done again',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override all configs, as in train_cfg.max_epochs=10',
    )
    args = parser.parse_args(arguments)

    def work() -> str:
        runs = plan_runs(args.configs, args.seeds, args.work_dir, args.protocols, args.cfg_options)
        failures = do_runs(runs)
        has_results = any(run.is_evaluated(name) for run in runs for name in run.protocols)
        page = Path(args.work_dir, 'report.html')
        summary = str(write_report(args.work_dir, page)) if has_results else 'no results'
        if failures:
            lines = '\n'.join(failures)
            raise ValueError(
                f'{len(failures)} of {len(runs)} runs failed; the same command tries them again\n'
                f'{lines}\n{summary}'
            )
        return summary

    return run_command(parser.prog, work, 'the same command goes on where it was')


if __name__ == '__main__':
    sys.exit(main())

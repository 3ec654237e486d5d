"""Run the benchmark of record: methods on sets with several seeds, and which differences are real.

The tables are report.html and report.md in the work directory. Nothing is prepared: data files
that are missing are named first. Finished steps are not repeated.
"""

from __future__ import annotations

import shlex

from halp_mm.apis.benchmark import BenchmarkPlan, BenchmarkRow, plan_benchmark
from halp_mm.apis.benchmark_sets import BenchmarkTest
from halp_mm.apis.run_processes import do_runs
from halp_mm.commands.command_line import Command, Option
from halp_mm.reporting.benchmark_report import SplitRows, is_named, write_benchmark
from halp_mm.reporting.benchmark_rows import TRAINED, RowFiles
from halp_mm.run_identity import COORDINATES

#: The kinds of rows, as they stand in the tables.
_KINDS = (COORDINATES, 'untrained', *TRAINED)


def run(report_only: bool = False, baseline: str | None = None, jobs: int = 1, **settings) -> str:
    """Do the remaining steps of all runs, and write the report.

    Args:
        report_only: Whether to write the report of what is there, and run nothing.
        baseline: The method that all others are compared with, beside the coordinates and the
            untrained encoder; by default moco, or else the first one.
        jobs: How many runs are done at a time, on the CPUs and the GPU that there are.
        **settings: See :func:`plan_benchmark`.

    Returns:
        A summary of the report.

    Raises:
        ValueError: if something cannot be planned, the baseline is none of the methods, or runs
            have failed.
    """
    plan = plan_benchmark(**settings)
    for note in plan.notes:
        print(note, flush=True)
    baseline = baseline_among(plan, baseline)
    failures = [] if report_only else do_runs(plan.runs, jobs)
    if failures and not any(run.is_evaluated(one) for run in plan.runs for one in run.evaluations):
        raise ValueError('\n'.join([f'all {len(failures)} runs failed', *failures]))
    written = write_benchmark(
        tested_rows(plan, settings),
        settings['work_dir'],
        _summary(plan),
        [*plan.notes, *failures],
        baseline,
    )
    if failures:
        lines = '\n'.join(failures)
        raise ValueError(
            f'{len(failures)} of {len(plan.runs)} runs failed; the same command tries them again\n'
            f'{lines}\n{written}'
        )
    return str(written)


def baseline_among(plan: BenchmarkPlan, baseline: str | None) -> str:
    """The baseline, which must be one of the trained methods; if it is None, one of them."""
    methods = [*dict.fromkeys(row.method for row in plan.rows if row.kind in TRAINED)]
    name = baseline or 'moco'
    if not methods or any(is_named(name, method) for method in methods):
        return name
    if baseline is None:
        return methods[0]
    raise ValueError(
        f'the baseline {baseline!r} is none of the methods that are compared: {", ".join(methods)}'
    )


def tested_rows(plan: BenchmarkPlan, settings: dict) -> list[SplitRows]:
    """The rows of each split, with the files of their results."""
    tests: dict[tuple[str, str], list[tuple[BenchmarkRow, BenchmarkTest]]] = {}
    for row in sorted(plan.rows, key=lambda row: (_KINDS.index(row.kind), row.data.is_pooled)):
        for test in row.tests:
            tests.setdefault((test.set_name, test.split), []).append((row, test))
    found = []
    for (set_name, split), members in tests.items():
        places = {id(row): place for place, (row, _) in enumerate(members)}
        rows = [_row_files(row, test, places, settings) for row, test in members]
        found.append(SplitRows(f'{set_name} {split}', rows))
    return found


def _row_files(
    row: BenchmarkRow, test: BenchmarkTest, places: dict[int, int], settings: dict
) -> RowFiles:
    results = [
        (
            None if one.protocol == COORDINATES and not one.cfg_options else run.seed,
            run.folder / f'{one.name}.json',
        )
        for run in row.runs
        for one in run.evaluations
        if (one.target, one.test_split) == (test.target, test.split)
    ]
    return RowFiles(
        row.kind,
        row.name,
        row.data.name if row.data.is_pooled else '',
        _command(row, settings),
        row.config,
        results,
        [run.folder / 'run.json' for run in row.runs if run.trains],
        places.get(id(row.coordinates)),
        places.get(id(row.untrained)),
        row.method,
    )


def _command(row: BenchmarkRow, settings: dict) -> str:
    """The command that makes a row alone."""
    words = ['python', 'tools/benchmark.py', '--sets', _set_word(row)]
    words += ['--methods', row.method, '--seeds', *map(str, settings['seeds'])]
    if settings['time_limit']:
        words += ['--time-limit', settings['time_limit']]
    options = settings['cfg_options'] or {}
    if options:
        words += ['--cfg-options', *(f'{key}={value}' for key, value in options.items())]
    return shlex.join(words)


def _set_word(row: BenchmarkRow) -> str:
    if row.data.config is not None:
        return row.data.name
    return f'{row.data.data_file}:{row.data.train_split}'


def _summary(plan: BenchmarkPlan) -> str:
    done = sum(not run.steps() for run in plan.runs)
    sets = dict.fromkeys(row.data.name for row in plan.rows)
    methods = dict.fromkeys(row.method for row in plan.rows)
    seeds = ', '.join(map(str, plan.seeds))
    return (
        f'{len(methods)} methods on {", ".join(sets)}; seeds {seeds}. '
        f'{done} of {len(plan.runs)} runs are done.'
    )


main = Command(
    'benchmark.py',
    __doc__,
    run,
    settings_of=plan_benchmark,
    options={
        'sets': Option(metavar='SET'),
        'methods': Option(metavar='METHOD'),
        'work_dir': Option(metavar='DIR'),
        'protocols': Option(metavar='NAME'),
        'time_limit': Option(metavar='TIME'),
        'baseline': Option(metavar='METHOD'),
    },
    after_interruption='the same command continues where it stopped',
).main

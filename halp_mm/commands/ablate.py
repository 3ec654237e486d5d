"""Run a list of configs with several seeds, evaluate each run, and collect the results in a report.

The report is report.html in the work directory. Finished steps are not repeated.
"""

from __future__ import annotations

from pathlib import Path

from halp_mm.apis import do_runs, plan_runs
from halp_mm.commands.command_line import Command, Option
from halp_mm.reporting import write_report


def run(jobs: int = 1, **settings) -> str:
    """Do the remaining steps of the runs, and write ``report.html`` in the work directory.

    Args:
        jobs: How many runs are done at a time, on the CPUs and the GPU that there are.
        **settings: See :func:`plan_runs`.

    Returns:
        A summary of the page.

    Raises:
        ValueError: if a run cannot be planned or has failed.
    """
    runs = plan_runs(**settings)
    failures = do_runs(runs, jobs)
    work_dir = settings['work_dir']
    has_results = any(run.is_evaluated(one) for run in runs for one in run.evaluations)
    page = Path(work_dir, 'report.html')
    summary = str(write_report(work_dir, page)) if has_results else 'no results'
    if failures:
        lines = '\n'.join(failures)
        raise ValueError(
            f'{len(failures)} of {len(runs)} runs failed; the same command tries them again\n'
            f'{lines}\n{summary}'
        )
    return summary


main = Command(
    'ablate.py',
    __doc__,
    run,
    settings_of=plan_runs,
    options={
        'configs': Option(metavar='CONFIG'),
        'work_dir': Option(metavar='DIR'),
        'protocols': Option(metavar='NAME'),
    },
    after_interruption='the same command continues where it stopped',
).main

"""Plan the trainings and evaluations of a list of configs with several seeds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from halp_mm.apis.config import default_work_dir
from halp_mm.apis.planned_runs import Evaluation, PlannedConfig, Run, refuse_shared_folder
from halp_mm.run_identity import COORDINATES


def plan_runs(
    configs: Sequence[str | os.PathLike],
    seeds: Sequence[int] = (0, 1, 2),
    work_dir: str | os.PathLike = 'work_dirs/ablation',
    protocols: Sequence[str] = ('knn', 'linear', 'coordinates'),
    cfg_options: Mapping | None = None,
) -> list[Run]:
    """Plan the runs: all configs with the first seed, then all with the second, and so on.

    Args:
        configs: Config files.
        seeds: Random seeds.
        work_dir: The folder of all runs; each run gets ``METHOD/NAME/seed_SEED`` in it.
        protocols: The protocols that evaluate every run. ``'coordinates'``, which does not depend
            on the seed, runs for the first seed only.
        cfg_options: New values by dotted key, for all configs.

    Raises:
        FileNotFoundError: if a config or a data file is missing.
        ValueError: if a config lacks a protocol or does not fit its components, a run's folder
            holds another run, or two runs would share a folder.
    """
    runs, owners = [], {}
    planned = {name: PlannedConfig(name, cfg_options) for name in map(os.fspath, configs)}
    for seed in dict.fromkeys(seeds):
        of_seed = [name for name in protocols if name != COORDINATES or seed == seeds[0]]
        for config in planned:
            name = Path(default_work_dir(config)).relative_to('work_dirs')
            run = Run(
                planned[config],
                seed,
                Path(work_dir, name, f'seed_{seed}'),
                [Evaluation(name, name) for name in dict.fromkeys(of_seed)],
                f'{config}, seed {seed}',
            )
            if run.folder in owners:
                refuse_shared_folder(run.folder, owners[run.folder], config)
            owners[run.folder] = config
            run.check()
            if seed == seeds[0]:
                run.check_components()
            runs.append(run)
    return runs

"""Train and evaluate a list of configs with several seeds, one run after another."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from halp_mm.apis.config import check_data_files, default_work_dir, load_config
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model, evaluate
from halp_mm.apis.results import config_sha256, write_results
from halp_mm.apis.train import train
from halp_mm.apis.training_settings import check_training_settings
from halp_mm.atomic_write import atomic_write
from halp_mm.registry import PROTOCOLS
from halp_mm.run_identity import COORDINATES


@dataclass(frozen=True)
class Run:
    """A training of one config with one seed, and its evaluations.

    Its folder holds the work directory's files, ``PROTOCOL.json`` of each evaluation,
    ``output.txt`` with everything that was printed, and ``run.json`` with the progress.

    Args:
        config: The config's file.
        seed: The random seed.
        folder: The folder for all files of the run.
        protocols: Names of the config's protocols.
        cfg_options: New values by dotted key.
    """

    config: str
    seed: int
    folder: Path
    protocols: Sequence[str]
    cfg_options: Mapping = field(default_factory=dict)

    def __str__(self) -> str:
        return f'{self.config}, seed {self.seed}'

    @property
    def sha256(self) -> str:
        """The hash of all values of the config with its overrides and seed."""
        return config_sha256(load_config(self.config, self.cfg_options, self.seed))

    @property
    def record(self) -> dict:
        """The content of ``run.json``; empty if the run was never started."""
        path = self.folder / 'run.json'
        return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}

    def steps(self) -> list[str]:
        """The remaining steps: ``'training'``, and the names of protocols."""
        record = self.record
        steps = [] if 'checkpoint' in record else ['training']
        return steps + [name for name in self.protocols if steps or not self.is_evaluated(name)]

    def is_evaluated(self, protocol: str) -> bool:
        """Whether there is a result of this config and seed."""
        path = self.folder / f'{protocol}.json'
        return (
            path.exists()
            and json.loads(path.read_text(encoding='utf-8'))['config_sha256'] == self.sha256
        )

    def check(self) -> None:
        """Check the config, its data files and the folder before any training.

        Raises:
            FileNotFoundError: if the config or a data file is missing.
            ValueError: if the config lacks a protocol, or the folder holds another run.
        """
        config = load_config(self.config, self.cfg_options, self.seed)
        check_data_files(config)
        unknown = [name for name in self.protocols if name not in config.protocols]
        if unknown:
            raise ValueError(
                f'{self.config} has no protocol {unknown[0]!r}; it has {sorted(config.protocols)}'
            )
        found = self.record.get('config_sha256', self.sha256)
        if found != self.sha256:
            raise ValueError(
                f'{self.folder} holds a run of {self.config} with other values than now '
                f'({found[:12]}, now {self.sha256[:12]}); move it away, or use another work '
                'directory'
            )

    def check_components(self) -> None:
        """Build what the config describes, as no seed changes whether that can be done.

        Raises:
            ValueError: if a component refuses its settings; names their place in the config.
        """
        config = load_config(self.config, self.cfg_options, self.seed)
        check_training_settings(config)
        build_model(config)
        with located(config):
            for name in self.protocols:
                PROTOCOLS.build(dict(config.protocols[name]))

    def do(self, step: str) -> None:
        """Do a step in this process."""
        if step == 'training':
            self.write_record()
            runner = train(self.config, self.folder, self.cfg_options, self.seed, resume=True)
            self.write_record(checkpoint=os.fspath(runner.last_checkpoint))
        else:
            checkpoint = None if step == COORDINATES else self.record['checkpoint']
            results, _ = evaluate(self.config, checkpoint, step, self.cfg_options, self.seed)
            write_results(results, self.folder / f'{step}.json')

    def write_record(self, **facts: str) -> None:
        """Write ``run.json``."""
        content = {
            'config': self.config,
            'seed': self.seed,
            'config_sha256': self.sha256,
            **facts,
        }
        with atomic_write(self.folder / 'run.json') as partial:
            partial.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


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
    for seed in dict.fromkeys(seeds):
        of_seed = [name for name in protocols if name != COORDINATES or seed == seeds[0]]
        for config in map(os.fspath, dict.fromkeys(configs)):
            name = Path(default_work_dir(config)).relative_to('work_dirs')
            run = Run(
                config,
                seed,
                Path(work_dir, name, f'seed_{seed}'),
                tuple(dict.fromkeys(of_seed)),
                dict(cfg_options or {}),
            )
            if run.folder in owners:
                raise ValueError(
                    f'{owners[run.folder]} and {config} would both use {run.folder}; give their '
                    'folders or files different names'
                )
            owners[run.folder] = config
            run.check()
            if seed == seeds[0]:
                run.check_components()
            runs.append(run)
    return runs


def do_runs(runs: Sequence[Run], say: Callable[[str], None] = print) -> list[str]:
    """Do the remaining steps of all runs, each in its own process.

    A failed run does not stop the others. Finished steps are not repeated: after an interruption,
    call this again.

    Args:
        runs: From :func:`plan_runs`.
        say: Called with a line about every step.

    Returns:
        One line for each failed run.
    """
    failures = []
    for number, run in enumerate(runs, 1):
        steps = run.steps()
        if not steps:
            say(f'[{number}/{len(runs)}] {run}: done before')
        for step in steps:
            say(f'[{number}/{len(runs)}] {run}: {step}, see {run.folder / "output.txt"}')
            start = time.perf_counter()
            status = _in_process_of_its_own(run, step)
            say(f'    {time.perf_counter() - start:.0f} s')
            if status:
                output = (
                    (run.folder / 'output.txt').read_text(encoding='utf-8').strip().splitlines()
                )
                failures.append(f'{run}: {step} failed: {output[-1]}')
                say(f'    failed: {output[-1]}')
                break
    return failures


def _in_process_of_its_own(run: Run, step: str) -> int:
    """Do a step in a separate process, and return its exit status."""
    run.folder.mkdir(parents=True, exist_ok=True)
    process = multiprocessing.get_context('spawn').Process(target=_do, args=(run, step))
    process.start()
    try:
        process.join()
    except KeyboardInterrupt:  # the process has received it too
        process.join()
        raise
    return process.exitcode


def _do(run: Run, step: str) -> None:
    output = os.open(run.folder / 'output.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(output, stream)
    try:
        run.do(step)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except Exception:
        traceback.print_exc()
        raise SystemExit(1) from None

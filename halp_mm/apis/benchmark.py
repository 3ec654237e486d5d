"""Plan a benchmark: methods on sets with several seeds, beside what is there without training."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mmengine.config import Config

from halp_mm.apis.benchmark_configs import find_configs, known_methods
from halp_mm.apis.benchmark_sets import (
    BenchmarkSet,
    BenchmarkTest,
    benchmark_names,
    find_sets,
    sets_of_configs,
)
from halp_mm.apis.packaged_configs import PREFIX
from halp_mm.apis.planned_runs import Evaluation, PlannedConfig, Run, refuse_shared_folder
from halp_mm.engine.stop import parse_duration
from halp_mm.evaluation.few_shot import SHOTS
from halp_mm.run_identity import COORDINATES, describe_run, run_identity

#: The protocol that judges a classifier by its own answers; others have no such protocol.
CLASSIFIER = 'classifier'
#: The protocol of a few labelled clips of each class.
FEW_SHOT = 'few_shot'
#: What an encoder is asked before it is trained.
_FEATURE_PROTOCOLS = ('knn', 'linear', FEW_SHOT)


@dataclass
class BenchmarkRow:
    """What stands in one row of the tables of a set: runs that differ by their seed.

    Args:
        kind: ``'coordinates'``, ``'untrained'``, ``'trained'`` or ``'supervised'``.
        name: Method, encoder and stream.
        data: The set that is trained on.
        method: The method, as the command line names it.
        config: The config's file.
        tests: The splits that it is tested on.
        runs: The runs, one for each seed; of coordinates also the one that all seeds share.
        coordinates: The row of the coordinates as this row's encoder sees them.
        untrained: The row of this row's encoder before training.
    """

    kind: str
    name: str
    data: BenchmarkSet
    method: str
    config: str
    tests: Sequence[BenchmarkTest]
    runs: list[Run] = field(default_factory=list)
    coordinates: BenchmarkRow | None = None
    untrained: BenchmarkRow | None = None


@dataclass(frozen=True)
class BenchmarkPlan:
    """All that a benchmark does.

    Args:
        rows: The rows of its tables.
        runs: The runs in their order: by seed, then by set; what needs no training comes first.
        notes: A line about everything that is left out or was made.
        seeds: The seeds.
    """

    rows: list[BenchmarkRow]
    runs: list[Run]
    notes: list[str]
    seeds: Sequence[int]


def plan_benchmark(
    sets: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: Sequence[int] = (0, 1, 2),
    work_dir: str | os.PathLike = 'work_dirs/benchmark',
    protocols: Sequence[str] = (*_FEATURE_PROTOCOLS, CLASSIFIER),
    time_limit: str | None = None,
    cfg_options: Mapping | None = None,
) -> BenchmarkPlan:
    """Plan a benchmark. Nothing is run, and no data are prepared.

    Args:
        sets: Sets of ``configs/benchmark/``, of ``configs/_base_/datasets/``, or data files, as
            ``data/mine.safetensors`` or, for one of a file's protocols,
            ``data/mine.safetensors:xsub``. By default all of ``configs/benchmark/``, or, if all
            methods are files of configs, those that they train on.
        methods: Folders of ``configs/``, such as ``halp``; with an encoder, such as
            ``halp/bigru``; or files of configs. By default all methods. What has no config for a
            set gets one by the recipe of ``tools/make_config.py``.
        seeds: Random seeds.
        work_dir: The folder of all runs, of the configs that were made, and of the report.
        protocols: The protocols that evaluate every run, as far as its config has them.
        time_limit: End a training as it is after this time, such as ``8m``.
        cfg_options: New values by dotted key, for all configs.

    Raises:
        FileNotFoundError: if data files are missing; says for each which command makes it.
        ValueError: if there is no such set or method, a config does not fit its components, or a
            run's folder holds another run.
    """
    if not sets:
        are_files = methods and all(method.endswith('.py') for method in methods)
        sets = sets_of_configs(methods) if are_files else benchmark_names()
    found = find_sets(sets)
    planner = _Planner(
        Path(work_dir),
        tuple(dict.fromkeys(seeds)),
        tuple(dict.fromkeys(protocols)),
        None if time_limit is None else parse_duration(time_limit, 'time_limit'),
        dict(cfg_options or {}),
    )
    for one in found:
        planner.add_set(one, methods or known_methods())
    return planner.plan()


class _Planner:
    """Collects the rows of one set after the other."""

    def __init__(
        self,
        work_dir: Path,
        seeds: tuple[int, ...],
        protocols: tuple[str, ...],
        time_limit: float | None,
        cfg_options: dict,
    ) -> None:
        self.work_dir = work_dir
        self.seeds = seeds
        self.protocols = protocols
        self.time_limit = time_limit
        self.cfg_options = cfg_options
        self.rows: dict[Path, BenchmarkRow] = {}
        self.notes: list[str] = []
        self.without: dict[str, list[str]] = {}

    def add_set(self, one: BenchmarkSet, methods: Sequence[str]) -> None:
        """Plan all methods on a set."""
        configs, notes = find_configs(one, methods, self.work_dir / 'configs')
        self.notes += notes
        for file, method in configs.items():
            self._add_config(one, method, file)

    def plan(self) -> BenchmarkPlan:
        """The plan of all sets that were added."""
        for protocol, names in self.without.items():
            listed = ', '.join(dict.fromkeys(names))
            self.notes.append(f'no protocol {protocol!r} in the configs of {listed}')
        order = {kind: place for place, kind in enumerate((COORDINATES, 'untrained'))}
        rows = list(self.rows.values())
        sets = list(dict.fromkeys(row.data.name for row in rows))
        by_seed = [
            (self.seeds.index(run.seed), sets.index(row.data.name), order.get(row.kind, 9), run)
            for row in rows
            for run in row.runs
        ]
        runs = [run for *_, run in sorted(by_seed, key=lambda item: item[:3])]
        return BenchmarkPlan(rows, runs, self.notes, self.seeds)

    def _add_config(self, one: BenchmarkSet, method: str, file: str) -> None:
        planned = PlannedConfig(file, self.cfg_options)
        config = planned.loaded
        present = [name for name in self.protocols if name in config.protocols]
        is_supervised = 'num_classes' in config.model
        for name in self.protocols:
            if name not in present and name != CLASSIFIER:
                self.without.setdefault(name, []).append(config.method)
        if one.is_pooled:
            present = [name for name in present if name != CLASSIFIER]
        evaluations = [_evaluation(test, name) for test in one.tests for name in present]
        row = BenchmarkRow(
            'supervised' if is_supervised else 'trained',
            describe_run(run_identity(config)),
            one,
            method,
            file,
            one.tests,
        )
        place = Path(file.removeprefix(PREFIX))
        folder = self.work_dir / place.parent.name / place.stem
        if folder in self.rows:
            refuse_shared_folder(folder, self.rows[folder].config, file)
        row.runs = [self._run(row, planned, seed, folder, evaluations) for seed in self.seeds]
        first = row.runs[0]
        if first.steps():
            try:
                first.check_components()
            except ValueError as error:
                if not Path(file).is_relative_to(self.work_dir):
                    raise
                self.notes.append(f'{one.name}: {method} is left out: {error}')
                return
        for run in row.runs:
            run.check()
        row.untrained = self._untrained_row(row, planned, present)
        row.coordinates = self._coordinates_row(row, planned, present)
        self.rows[folder] = row

    def _run(
        self,
        row: BenchmarkRow,
        planned: PlannedConfig,
        seed: int,
        folder: Path,
        evaluations: Sequence[Evaluation],
        **settings,
    ) -> Run:
        return Run(
            planned,
            seed,
            folder / f'seed_{seed}',
            evaluations,
            f'{row.name} on {row.data.name}, seed {seed}',
            time_limit=self.time_limit,
            **settings,
        )

    def _untrained_row(
        self, trained: BenchmarkRow, planned: PlannedConfig, present: Sequence[str]
    ) -> BenchmarkRow | None:
        """The row of an encoder before training, which methods with the same encoder share."""
        protocols = [name for name in present if name in _FEATURE_PROTOCOLS]
        if not protocols:
            return None
        config, one = planned.loaded, trained.data
        seen = {
            'encoder': config.model.encoder,
            'streams': config.model.get('streams'),
            'input': _seen_by_encoders(config),
            'protocols': {name: config.protocols[name] for name in protocols},
        }
        folder = self.work_dir / 'untrained' / f'{one.name}_{_digest(seen)}'
        if folder not in self.rows:
            identity = run_identity(config) | {'method': 'untrained'}
            row = BenchmarkRow(
                'untrained',
                describe_run(identity),
                one,
                trained.method,
                trained.config,
                one.tests,
            )
            evaluations = [_evaluation(test, name) for test in one.tests for name in protocols]
            row.runs = [
                self._run(row, planned, seed, folder, evaluations, trains=False, is_of_folder=True)
                for seed in self.seeds
            ]
            self.rows[folder] = row
        return self.rows[folder]

    def _coordinates_row(
        self, trained: BenchmarkRow, planned: PlannedConfig, present: Sequence[str]
    ) -> BenchmarkRow | None:
        """The row of the coordinates, which methods with the same input share."""
        config, one = planned.loaded, trained.data
        if COORDINATES not in config.protocols or one.is_pooled:
            return None
        shots = _shot_options(config) if FEW_SHOT in present else {}
        seen = {
            'input': _seen_by_encoders(config),
            'protocol': config.protocols[COORDINATES],
            'shots': shots,
        }
        folder = self.work_dir / COORDINATES / f'{one.name}_{_digest(seen)}'
        if folder not in self.rows:
            row = BenchmarkRow(
                COORDINATES, COORDINATES, one, trained.method, trained.config, one.tests
            )
            of_all = [_evaluation(test, COORDINATES) for test in one.tests]
            shared = Run(
                planned,
                self.seeds[0],
                folder / 'all_seeds',
                of_all,
                f'{COORDINATES} as {trained.method} sees them on {one.name}',
                trains=False,
                is_of_folder=True,
            )
            drawn = [
                Evaluation(f'{test.name}.{FEW_SHOT}', COORDINATES, shots, test_split=test.split)
                for test in one.tests
                if shots
            ]
            row.runs = [
                shared,
                *(
                    self._run(row, planned, seed, folder, drawn, trains=False, is_of_folder=True)
                    for seed in self.seeds
                    if drawn
                ),
            ]
            self.rows[folder] = row
        return self.rows[folder]


def _evaluation(test: BenchmarkTest, protocol: str) -> Evaluation:
    return Evaluation(
        f'{test.name}.{protocol}', protocol, target=test.target, test_split=test.split
    )


def _seen_by_encoders(config: Config) -> dict:
    """What decides how encoders see a clip in evaluations."""
    preprocessor = config.data_preprocessor
    return {
        'preprocessor': {key: preprocessor[key] for key in preprocessor if key != 'views'},
        'num_people': config.train_dataloader.dataset.get('num_people'),
    }


def _shot_options(config: Config) -> dict:
    """The same draws of labelled clips for the coordinates as for encoders."""
    few_shot = config.protocols[FEW_SHOT]
    settings = {'shots': list(SHOTS)} | {
        key: few_shot[key] for key in ('shots', 'draws', 'penalty') if key in few_shot
    }
    return {f'protocols.{COORDINATES}.{key}': value for key, value in settings.items()}


def _digest(value: object) -> str:
    """A short hash of plain values, whatever the order of keys."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]

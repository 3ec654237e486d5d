"""Trainings with their evaluations that are planned, done step by step, and resumed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import NoReturn, cast

from mmengine.config import Config

from halp_mm.apis.config import check_data_files, load_config
from halp_mm.apis.config_checks import located
from halp_mm.apis.evaluate import build_model, evaluate
from halp_mm.apis.results import config_sha256, write_results
from halp_mm.apis.train import train
from halp_mm.apis.training_settings import check_training_settings
from halp_mm.atomic_write import atomic_write
from halp_mm.engine.resume import read_last_checkpoint
from halp_mm.engine.stop import TrainingStopped
from halp_mm.evaluation.hits_file import write_hits
from halp_mm.registry import PROTOCOLS
from halp_mm.run_identity import COORDINATES

#: The step before the evaluations.
TRAINING = 'training'


class PlannedConfig:
    """A config file with overrides, which is read once for all seeds and evaluations.

    Another process reads it anew.

    Args:
        file: The config's file.
        cfg_options: New values by dotted key.
    """

    def __init__(self, file: str, cfg_options: Mapping | None = None) -> None:
        self.file = file
        self.cfg_options = dict(cfg_options or {})

    def __reduce__(self) -> tuple:
        return PlannedConfig, (self.file, self.cfg_options)

    def __str__(self) -> str:
        return self.file

    @cached_property
    def loaded(self) -> Config:
        """The config with its overrides."""
        return load_config(self.file, self.cfg_options)

    def of(self, seed: int, cfg_options: Mapping | None = None) -> Config:
        """A copy with a seed and further overrides."""
        return load_config(self.loaded, cfg_options, seed)


@dataclass(frozen=True)
class Evaluation:
    """An evaluation of a run.

    Args:
        name: The name of its files in the run's folder, without ending.
        protocol: One of the config's protocols.
        cfg_options: New values by dotted key, for this evaluation only.
        target: A config whose clips are used instead of the run's own.
        test_split: The split to test on instead of the one that the config, or the target, names.
    """

    name: str
    protocol: str
    cfg_options: Mapping = field(default_factory=dict)
    target: str | None = None
    test_split: str | None = None

    @property
    def run_options(self) -> dict:
        """The overrides of the run's config."""
        own_split = self.test_split if self.target is None else None
        return {**self.cfg_options, **_split_option(own_split)}

    def load_target(self) -> Config | None:
        """The target's config, with the split to test on."""
        if self.target is None:
            return None
        return load_config(self.target, _split_option(self.test_split))


def _split_option(split: str | None) -> dict:
    return {} if split is None else {'test_dataset.split': split}


@dataclass(frozen=True)
class Run:
    """A training of one config with one seed, and its evaluations; or evaluations alone.

    Its folder holds the work directory's files; of each evaluation ``NAME.json``, the results,
    and ``NAME.npz``, which clips were recognised; ``output.txt`` with everything that was
    printed; and ``run.json`` with the progress.

    Args:
        config: The config.
        seed: The random seed.
        folder: The folder for all files of the run.
        evaluations: The evaluations, in their order.
        label: What it is called in messages.
        trains: Whether an encoder is trained. Otherwise the untrained encoder is evaluated.
        time_limit: Seconds after which the training is ended as it is, all its attempts together.
        is_of_folder: Whether the folder's name says all about the run, so that any results in it
            are the run's, whichever config they were made with.
    """

    config: PlannedConfig
    seed: int
    folder: Path
    evaluations: Sequence[Evaluation]
    label: str
    trains: bool = True
    time_limit: float | None = None
    is_of_folder: bool = False

    def __str__(self) -> str:
        return self.label

    @property
    def sha256(self) -> str:
        """The hash of all values of the config with its overrides and seed."""
        return config_sha256(self.config.of(self.seed))

    @property
    def record(self) -> dict:
        """The content of ``run.json``; empty if the run was never started."""
        path = self.folder / 'run.json'
        return json.loads(path.read_text(encoding='utf-8')) if path.exists() else {}

    def steps(self) -> list[str]:
        """The remaining steps: ``'training'``, and the names of evaluations."""
        steps = [TRAINING] if self.trains and not self.is_trained else []
        return steps + [one.name for one in self.evaluations if steps or not self.is_evaluated(one)]

    @property
    def is_trained(self) -> bool:
        """Whether the training has come to its end, or to the time limit."""
        record = self.record
        stopped_after = record.get('stopped_after')
        may_go_on = stopped_after is not None and (
            self.time_limit is None or self.time_limit > stopped_after
        )
        return 'checkpoint' in record and not may_go_on

    def is_evaluated(self, evaluation: Evaluation) -> bool:
        """Whether there is a result of this config and seed."""
        path = self.folder / f'{evaluation.name}.json'
        if not path.exists():
            return False
        if self.is_of_folder:
            return True
        expected = config_sha256(self.config.of(self.seed, evaluation.run_options))
        return json.loads(path.read_text(encoding='utf-8'))['config_sha256'] == expected

    def check(self) -> None:
        """Check the config, its data files and the folder before any training.

        Raises:
            FileNotFoundError: if the config or a data file is missing.
            ValueError: if the config lacks a protocol, or the folder holds another run.
        """
        config = self.config.of(self.seed)
        check_data_files(config)
        unknown = [one for one in self.evaluations if one.protocol not in config.protocols]
        if unknown:
            raise ValueError(
                f'{self.config} has no protocol {unknown[0].protocol!r}; it has '
                f'{sorted(config.protocols)}'
            )
        found, own = self.record.get('config_sha256'), self.sha256
        if found not in (None, own) and not self.is_of_folder:
            raise ValueError(
                f'{self.folder} holds a run of {self.config} with other values than now '
                f'({found[:12]}, now {own[:12]}); move it away, or use another work directory'
            )

    def check_components(self) -> None:
        """Build what the config describes, as no seed changes whether that can be done.

        Raises:
            ValueError: if a component refuses its settings; names their place in the config.
        """
        config = self.config.of(self.seed)
        check_training_settings(config)
        build_model(config)
        for one in self.evaluations:
            changed = self.config.of(self.seed, one.run_options)
            with located(changed):
                PROTOCOLS.build(dict(changed.protocols[one.protocol]))

    def do(self, step: str) -> None:
        """Do a step in this process, and write down its seconds."""
        with self._timed(step):
            if step == TRAINING:
                self._train()
            else:
                self._evaluate(next(one for one in self.evaluations if one.name == step))

    def _train(self) -> None:
        self.write_record(config=str(self.config), seed=self.seed, config_sha256=self.sha256)
        limit = None
        if self.time_limit is not None:
            limit = max(1, ceil(self.time_limit - self.seconds(TRAINING)))
        start = time.monotonic()
        try:
            runner = train(
                self.config.of(self.seed),
                self.folder,
                resume=True,
                stop_after=limit and f'{limit}s',
            )
        except TrainingStopped:
            if limit is None or time.monotonic() - start < limit:
                raise
            checkpoint = cast(Path, read_last_checkpoint(self.folder))
            self.write_record(checkpoint=os.fspath(checkpoint), stopped_after=self.time_limit)
        else:
            self.write_record(checkpoint=os.fspath(runner.last_checkpoint), stopped_after=None)

    def _evaluate(self, evaluation: Evaluation) -> None:
        uses_encoder = self.trains and evaluation.protocol != COORDINATES
        results, result = evaluate(
            self.config.of(self.seed),
            self.record['checkpoint'] if uses_encoder else None,
            evaluation.protocol,
            evaluation.run_options,
            target=evaluation.load_target(),
        )
        write_hits(result, self.folder / f'{evaluation.name}.npz')
        write_results(results, self.folder / f'{evaluation.name}.json')

    def seconds(self, step: str) -> float:
        """The seconds that a step has taken, all its attempts together but those that were killed.

        For a training they count against the time limit.
        """
        return self.record.get('seconds', {}).get(step, 0.0)

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        """Add the seconds of a step to ``run.json``, and its seconds of processor time."""
        starts = {'seconds': time.perf_counter(), 'cpu_seconds': time.process_time()}
        try:
            yield
        finally:
            ends = {'seconds': time.perf_counter(), 'cpu_seconds': time.process_time()}
            before = self.record
            # An evaluation is done as a whole; a training goes on where it was.
            goes_on = step == TRAINING
            facts = {
                kind: {
                    **before.get(kind, {}),
                    step: ends[kind] - start + goes_on * before.get(kind, {}).get(step, 0.0),
                }
                for kind, start in starts.items()
            }
            self.write_record(**facts)

    def write_record(self, **facts: object) -> None:
        """Add facts to ``run.json``."""
        content = {**self.record, **facts}
        with atomic_write(self.folder / 'run.json') as partial:
            partial.write_text(json.dumps(content, indent=2) + '\n', encoding='utf-8')


def refuse_shared_folder(folder: Path, one: str, other: str) -> NoReturn:
    """Raise a ValueError that names two configs whose runs would have the same folder."""
    raise ValueError(
        f'{one} and {other} would both use {folder}; give their folders or files different names'
    )

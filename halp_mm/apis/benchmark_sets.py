"""The sets of a benchmark: clips to train on, and one or several splits to test on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmengine.config import Config

from halp_mm.apis.config import check_data_files, load_config
from halp_mm.apis.data_facts import DataFacts, find_facts
from halp_mm.apis.packaged_configs import PREFIX, config_path
from halp_mm.component_building import suggestion
from halp_mm.datasets import ClipStorage
from halp_mm.inspection.pitfalls import train_test_pairs

_FOLDER = 'benchmark'


@dataclass(frozen=True)
class BenchmarkTest:
    """A split to test on.

    Args:
        set_name: The set that it belongs to.
        split: The split.
        target: The config of that set, if it is not the one that is trained on.
    """

    set_name: str
    split: str
    target: str | None = None

    @property
    def name(self) -> str:
        """A name for files, which differs from the other tests' of the same training."""
        return self.split if self.target is None else f'{self.set_name}.{self.split}'


@dataclass(frozen=True)
class BenchmarkSet:
    """Clips to train on, and where to test.

    Args:
        name: The set's name, as configs of methods end with it.
        data_file: The data file.
        train_split: The split to train on.
        tests: The splits to test on.
        config: The set's config below ``configs/``; None for a data file without one.
    """

    name: str
    data_file: str
    train_split: str
    tests: Sequence[BenchmarkTest]
    config: str | None = None

    @property
    def is_pooled(self) -> bool:
        """Whether the tests are other sets'."""
        return any(test.target for test in self.tests)

    @cached_property
    def facts(self) -> DataFacts:
        """What the recipe has to know; the file is looked through."""
        return find_facts(self.data_file, self.train_split)


def benchmark_names() -> list[str]:
    """The sets of the benchmark of record, which have a config in ``configs/benchmark/``.

    Sets that are tested on others come last.
    """
    paths = sorted(config_path(f'{PREFIX}{_FOLDER}').glob('*.py'))
    return sorted(
        (path.stem for path in paths), key=lambda name: ('tested_on' in _load(name), name)
    )


def sets_of_configs(files: Iterable[str | os.PathLike]) -> list[str]:
    """The names of the sets that configs train on: of the benchmark of record, or data files."""
    known = {trained_on(_load(name)): name for name in reversed(benchmark_names())}
    names = []
    for file in files:
        config = load_config(file)
        dataset = config.train_dataloader.dataset
        of_file = f'{dataset.data_file}:{dataset.split}'
        names.append(known.get(trained_on(config), of_file))
    return list(dict.fromkeys(names))


def trained_on(config: Config) -> tuple[str, str]:
    """The data file that a config trains on, whatever its path is called, and the split."""
    dataset = config.train_dataloader.dataset
    return os.path.realpath(dataset.data_file), dataset.split


def find_sets(names: Sequence[str]) -> list[BenchmarkSet]:
    """Find sets by their names.

    Args:
        names: Sets of the benchmark of record, other data sets with a config in
            ``configs/_base_/datasets/``, or data files. A file's splits ``xsub_train`` and
            ``xsub_test`` make the set ``FILE:xsub``; without a name all protocols of the file are
            sets.

    Raises:
        FileNotFoundError: if data files are missing; says for each which command makes it.
        ValueError: if there is no such set, or a file has no splits to train and test on.
    """
    missing = [line for name in names for line in _missing_files(name)]
    if missing:
        raise FileNotFoundError('\n'.join(dict.fromkeys(missing)))
    found: list[BenchmarkSet] = []
    for name in dict.fromkeys(names):
        found += _sets_of_file(name) if _is_file(name) else [_named_set(name)]
    twice = {one.name for one in found if sum(one.name == other.name for other in found) > 1}
    if twice:
        raise ValueError(f'two sets are called {sorted(twice)[0]!r}; rename a data file')
    return found


def _missing_files(name: str) -> list[str]:
    """For each data file of a set that is missing, the command that makes it."""
    if _is_file(name):
        file, _, _ = _file_and_protocol(name)
        return [] if os.path.isfile(file) else [f'there is no data file {file}']
    config = _load(name)
    found = [line for other in config.get('tested_on', []) for line in _missing_files(other)]
    try:
        check_data_files(config)
    except FileNotFoundError as error:
        found.append(str(error))
    return found


def _is_file(name: str) -> bool:
    file, _, _ = _file_and_protocol(name)
    return file.endswith('.safetensors') or os.sep in file


def _file_and_protocol(name: str) -> tuple[str, str, str]:
    """A data file and the protocol behind its name, if one is named."""
    return (name, '', '') if os.path.isfile(name) else _last_colon(name)


def _last_colon(name: str) -> tuple[str, str, str]:
    file, colon, protocol = name.rpartition(':')
    return (file, colon, protocol) if file else (protocol, '', '')


def _sets_of_file(name: str) -> Iterator[BenchmarkSet]:
    file, _, protocol = _file_and_protocol(name)
    storage = ClipStorage(file)
    tests_of: dict[str, list[str]] = {}
    for train, test in train_test_pairs(storage.splits):
        tests_of.setdefault(train, []).append(test)
    if not tests_of:
        raise ValueError(
            f'{file} has the splits {sorted(storage.splits)}; expected pairs such as xsub_train '
            'and xsub_test to train and test on'
        )
    by_protocol = {train.removesuffix('train').rstrip('_'): train for train in tests_of}
    if protocol and protocol not in {**by_protocol, **tests_of}:
        known = sorted(filter(None, by_protocol)) or sorted(tests_of)
        raise ValueError(f'{file} has no protocol {protocol!r}{suggestion(protocol, known)}')
    for short, train in by_protocol.items():
        if protocol in ('', short, train):
            set_name = '_'.join(filter(None, (Path(file).stem, short)))
            splits = _plain_first(tests_of[train])
            tests = [BenchmarkTest(set_name, split) for split in splits]
            yield BenchmarkSet(set_name, file, train, tests)


def _plain_first(splits: Iterable[str]) -> list[str]:
    """Test splits, the plain one before its variants."""
    return sorted(splits, key=len)


def _named_set(name: str) -> BenchmarkSet:
    config, place = _load(name), _place(name)
    targets = map(_named_set, config.get('tested_on', []))
    tests = [
        BenchmarkTest(target.name, test.split, target.config)
        for target in targets
        for test in target.tests
    ]
    dataset = config.train_dataloader.dataset
    if not tests:
        pairs = train_test_pairs(ClipStorage(dataset.data_file).splits)
        variants = [test for train, test in pairs if train == dataset.split]
        splits = dict.fromkeys([config.test_dataset.split, *_plain_first(variants)])
        tests = [BenchmarkTest(name, split) for split in splits]
    return BenchmarkSet(name, dataset.data_file, dataset.split, tests, place)


def _place(name: str) -> str:
    """The config of a set, as configs inherit it.

    Raises:
        ValueError: if there is none.
    """
    places = [f'{PREFIX}{folder}/{name}.py' for folder in (_FOLDER, '_base_/datasets')]
    place = next((place for place in places if config_path(place).is_file()), None)
    if place is None:
        known = [
            path.stem
            for folder in (_FOLDER, '_base_/datasets')
            for path in config_path(f'{PREFIX}{folder}').glob('*_*.py')
        ]
        raise ValueError(
            f'there is no set {name!r}{suggestion(name, sorted({*known, *benchmark_names()}))}. '
            'A data file is named by its path, such as data/mine.safetensors'
        )
    return place


def _load(name: str) -> Config:
    return load_config(_place(name))

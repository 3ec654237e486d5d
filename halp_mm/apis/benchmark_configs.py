"""The configs of a benchmark: a method's shipped one for a set, or one that the recipe makes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from halp_mm.apis.benchmark_sets import BenchmarkSet, trained_on
from halp_mm.apis.config import load_config
from halp_mm.apis.config_making import (
    ANY_DATA,
    base_config,
    base_names,
    small_methods,
    write_config,
)
from halp_mm.apis.packaged_configs import PREFIX, config_path
from halp_mm.apis.recipe import encoders_of
from halp_mm.component_building import suggestion

_NO_METHODS = ('_base_', 'benchmark')


def known_methods() -> list[str]:
    """The methods that have a folder of configs."""
    folders = config_path(PREFIX).iterdir()
    return sorted(one.name for one in folders if one.is_dir() and one.name not in _NO_METHODS)


def find_configs(
    one: BenchmarkSet, methods: Sequence[str], made: str | os.PathLike
) -> tuple[dict[str, str], list[str]]:
    """Find each method's configs for a set.

    A method's config is ``configs/METHOD/ENCODER_SET.py``. Without one the recipe of
    ``tools/make_config.py`` makes one, if it knows the method.

    Args:
        one: The set.
        methods: Each ``METHOD``, ``METHOD/ENCODER``, or the file of a config.
        made: The folder for configs that the recipe makes. One that is there already stays.

    Returns:
        The methods as given by their configs' files; and a line for each method without a config,
        and for each config that was made.

    Raises:
        ValueError: if there is no such method.
    """
    found: dict[str, str] = {}
    notes = []
    for method in dict.fromkeys(methods):
        if method.endswith('.py'):
            files, note = _own_config(one, method)
        else:
            files = [_shown(path) for path in _shipped(one, method)]
            note = None
            if not files:
                files, note = _made_config(one, method, Path(made))
        found |= {file: method for file in files if file not in found}
        notes += [note] if note else []
    return found, notes


def _own_config(one: BenchmarkSet, file: str) -> tuple[list[str], str | None]:
    """The config of a file, if it trains on the set."""
    config = load_config(file)
    if trained_on(config) == (os.path.realpath(one.data_file), one.train_split):
        return [file], None
    dataset = config.train_dataloader.dataset
    return [], (
        f'{one.name}: {file} is left out, because it trains on {dataset.split} of '
        f'{dataset.data_file}'
    )


def _shipped(one: BenchmarkSet, method: str) -> Iterator[Path]:
    name, _, encoder = method.partition('/')
    if one.config is not None and name in known_methods():
        pattern = f'{encoder or "*"}_{one.name}.py'
        yield from sorted(config_path(f'{PREFIX}{name}').glob(pattern))


def _made_config(one: BenchmarkSet, method: str, made: Path) -> tuple[list[str], str | None]:
    """The config that the recipe makes for a method, and a line about it."""
    name, _, encoder = method.partition('/')
    if name not in small_methods():
        if name not in known_methods():
            known = sorted({*known_methods(), *small_methods()})
            raise ValueError(f'there is no method {name!r}{suggestion(name, known)}')
        return [], f'{one.name}: {name} is left out; it has no config and the recipe has no base'
    own = _encoder_word(name)
    out = made / name / f'{encoder or own}_{one.name}.py'
    if not out.exists():
        other = None if encoder in ('', own) else encoder
        try:
            write_config(one.facts, name, out, other, one.config or ANY_DATA)
        except ValueError as error:
            return [], f'{one.name}: {method} is left out: {error}'
    return [os.fspath(out)], f'{one.name}: {method} by {out}, from the recipe of make_config.py'


def _encoder_word(method: str) -> str:
    """The encoders of a method's small config in the names of files: ``bigru``."""
    types = dict.fromkeys(
        encoder['type'].lower() for encoder in encoders_of(base_config(base_names(method))).values()
    )
    return '-'.join(types)


def _shown(path: Path) -> str:
    """A shipped config as a reader would name it: from here, or as a part of the package."""
    if path.is_relative_to(Path.cwd()):
        return os.fspath(path.relative_to(Path.cwd()))
    return f'{PREFIX}{path.relative_to(config_path(PREFIX)).as_posix()}'

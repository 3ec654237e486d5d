"""Measure HaLP's positives without training: how far from the key, and among which class."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from halp_mm.apis import load_config
from halp_mm.apis.positive_purity import PositivePurity, positive_purity
from halp_mm.atomic_write import atomic_write
from halp_mm.commands.command_line import Command, Option
from halp_mm.tables import table_text

SHARES = ('kept', 'own', 'same_class', 'other_class')
ANGLES = ('angle', 'view_angle')
COSINES = ('pull_key', 'pull_class', 'key_class')
HEAD = (
    *('checkpoint', 'lambda', 'K', 'N', 'kept', 'nearest own', 'same class', 'other class'),
    *('angle', 'of views', 'pull/key', 'pull/class', 'key/class'),
)


def run(
    config: str,
    checkpoints: Sequence[str],
    cfg_options: Mapping | None = None,
    seed: int | None = None,
    *,
    out: str | None = None,
    **settings,
) -> str:
    """Measure and print.

    Args:
        config: The config that the networks were trained with, of HaLP, MoCo or another method
            with keys.
        checkpoints: Its checkpoints.
        cfg_options: New values by dotted key, such as ``{'randomness.seed': 1}``.
        seed: The seed of all draws; by default the config's.
        out: Write all that was measured to this .csv file.
        **settings: See :func:`positive_purity`.

    Returns:
        A table.

    Raises:
        ValueError: if ``out`` has another ending.
    """
    if out and not out.endswith('.csv'):
        raise ValueError(f'--out is {out}; expected a name that ends in .csv')
    measured = list(
        positive_purity(load_config(config, cfg_options, seed), checkpoints, **settings)
    )
    text = table_of(measured)
    if out:
        write_measurements(measured, out)
        text += f'\nwritten: {out}'
    return text


def table_of(measured: Iterable[PositivePurity]) -> str:
    """The table of the measurements: shares in per cent, angles in degrees, cosines."""
    rows = []
    for one in measured:
        facts = asdict(one.facts)
        rows.append(
            [
                Path(one.checkpoint).name,
                *(f'{value:g}' for value in (one.hardness, one.num_newest, one.num_prototypes)),
                *(f'{100 * facts[name]:.1f}' for name in SHARES),
                *(f'{facts[name]:.1f}' for name in ANGLES),
                *(f'{facts[name]:.3f}' for name in COSINES),
            ]
        )
    return table_text(rows, HEAD)


def write_measurements(measured: Iterable[PositivePurity], path: str) -> None:
    """Write all measurements to a .csv file, one a line."""
    rows = []
    for one in measured:
        row = asdict(one)
        facts = row.pop('facts')
        rows.append(row | {name: round(value, 4) for name, value in facts.items()})
    with atomic_write(path) as partial, open(partial, 'w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


main = Command(
    'positive_purity.py',
    __doc__,
    run,
    settings_of=positive_purity,
    options={
        'config': Option(metavar='CONFIG'),
        'checkpoints': Option(metavar='CHECKPOINT', help='Its checkpoints.'),
        'hardness': Option(metavar='LAMBDA'),
        'out': Option(metavar='FILE'),
    },
).main

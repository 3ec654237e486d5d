"""A comparison of trainings as a table."""

from __future__ import annotations

from collections.abc import Mapping

from halp_mm.benchmarking.measured_training import in_order
from halp_mm.tables import table_text

_CLOCKS = {
    'wall': 'time that passes',
    'cpu': 'processor time of this process',
    'device': "the device's own time",
}


def comparison_text(comparison: Mapping) -> str:
    """What :func:`~halp_mm.benchmarking.compare_trainings` found, with a column for each config."""
    trainings = comparison['trainings']
    on_gpu = comparison['device'] != 'cpu'
    lines = [f'[{number}] {training["config"]}' for number, training in enumerate(trainings, 1)]
    for number, training in enumerate(trainings, 1):
        if training['warning']:
            lines.append(f'[{number}] {training["warning"]}')
    machine = comparison['device'] if on_gpu else comparison['processor']
    lines.append(
        f'{machine}, PyTorch {comparison["versions"]["torch"]}; {_CLOCKS[comparison["clock"]]}, '
        f'medians of {comparison["rounds"]} turns of {comparison["iterations"]} iterations'
    )

    def row(name: str, key: str, digits: int, factor: float = 1.0) -> list[str]:
        values = [training[key] for training in trainings]
        return [name, *('' if v is None else f'{v * factor:.{digits}f}' for v in values)]

    parts = in_order(part for training in trainings for part in training['parts'])
    rows = [
        ['batch', *(f'{training["batch_size"]}' for training in trainings)],
        ['precision', *(training['dtype'] for training in trainings)],
        ['threads', *(f'{training["threads"]}' for training in trainings)],
        *(
            [f'{part}, ms']
            + [f'{t["parts"][part]:.2f}' if part in t['parts'] else '' for t in trainings]
            for part in parts
        ),
        row('iteration, ms', 'milliseconds', 2),
        row('times as long as [1]', 'ratio', 3),
        row('clips a second', 'clips_per_second', 0),
        row('peak memory, MiB', 'peak_memory', 0, 2**-20),
        row('operations, GFLOP', 'flops', 3, 1e-9),
        row('bytes moved, MB', 'bytes', 1, 1e-6),
        row('matrix product, GFLOP/s', 'peak_flops', 1, 1e-9),
        row('copy, GB/s', 'peak_bandwidth', 1, 1e-9),
        row('bound, ms', 'bound_milliseconds', 2),
        row('times the bound', 'above_bound', 2),
    ]
    head = ['', *(f'[{number}]' for number in range(1, len(trainings) + 1))]
    return '\n'.join([*lines, '', table_text(rows, head)])

"""Evaluate a pre-trained encoder downstream."""

from __future__ import annotations

import os
from collections.abc import Sequence

from mmengine.dist import is_main_process

from halp_mm.apis import evaluate, results_table, write_results
from halp_mm.commands.command_line import Command, Option, UsageError
from halp_mm.commands.launching import LAUNCH_OPTIONS, set_local_rank
from halp_mm.engine import init_distributed, leave_distributed
from halp_mm.evaluation import write_scores
from halp_mm.run_identity import COORDINATES


def run(
    untrained: bool = False,
    label_fraction: Sequence[float] | None = None,
    shots: Sequence[int] | None = None,
    draws: int | None = None,
    work_dir: str | None = None,
    out: str | None = None,
    dump: str | None = None,
    launcher: str = 'none',
    local_rank: int = 0,
    **settings,
) -> str | None:
    """Evaluate, and write the results.

    Args:
        untrained: Evaluate the encoder as it is before training.
        label_fraction: The fractions of labels for the protocol semi, such as 0.01 0.1.
        shots: The numbers of labelled clips of each class, such as 1 5 20, for the protocols
            few_shot, few_shot_crops and coordinates.
        draws: The number of draws of labelled clips.
        work_dir: Write the results to PROTOCOL.json in this folder.
        out: Write the results to this JSON file instead.
        dump: Write class scores and features of the test clips to this .npz file.
        launcher: What started the processes.
        local_rank: The process's number on its machine; torchrun sets it without this option.
        **settings: See :func:`evaluate`.

    Returns:
        The results, in the main process.
    """
    if settings['protocol'] == COORDINATES:
        if settings['checkpoint'] is not None or untrained:
            raise UsageError(
                '--protocol coordinates uses no encoder: give neither a checkpoint nor --untrained'
            )
    elif (settings['checkpoint'] is None) != untrained:
        raise UsageError('give either a checkpoint or --untrained')
    labels = {'label_fraction': label_fraction, 'shots': shots, 'draws': draws}
    of_protocol = f'protocols.{settings["protocol"]}'
    chosen = {f'{of_protocol}.{key}': value for key, value in labels.items() if value is not None}
    settings['cfg_options'] = {**(settings['cfg_options'] or {}), **chosen}
    if work_dir and not out:
        out = os.path.join(work_dir, f'{settings["protocol"]}.json')
    set_local_rank(local_rank)
    init_distributed(launcher)
    results, result = evaluate(**settings)
    table = None
    if is_main_process():
        if out:
            write_results(results, out)
        if dump:
            write_scores(result, dump)
        table = results_table(results)
        if settings['save']:
            table += f'\nwritten: {settings["save"]}'
    leave_distributed()
    return table


main = Command(
    'test.py',
    __doc__,
    run,
    settings_of=evaluate,
    options={
        'config': Option(help='The config that the encoder was trained with.'),
        'checkpoint': Option(help='Its checkpoint.'),
        'protocol': Option(metavar='NAME'),
        'target': Option(metavar='CONFIG'),
        'label_fraction': Option(metavar='PART'),
        'shots': Option(metavar='N'),
        'work_dir': Option(metavar='DIR'),
        'out': Option(metavar='FILE'),
        'dump': Option(metavar='FILE'),
        'save': Option(metavar='FILE'),
        **LAUNCH_OPTIONS,
    },
    after_interruption='the same command starts again',
).main

"""Run the main job from start to end, on synthetic data.

Makes the synthetic clips, pre-trains an encoder on them without labels, and evaluates it by kNN
and by a linear classifier, beside the same encoder before training and the coordinates themselves.
"""

from __future__ import annotations

import os
from pathlib import Path

from mmengine.config import Config

from halp_mm.apis import default_work_dir, evaluate, load_config, train, write_results
from halp_mm.commands.command_line import Command, Option
from halp_mm.run_identity import COORDINATES
from halp_mm.synthetic import write_synthetic
from halp_mm.tables import table_text
from halp_mm.visualization import plot_curves

PROTOCOLS = ('knn', 'linear')


def run(
    config: str = 'halp_mm::halp/bigru_synthetic_xsub.py',
    work_dir: str | None = None,
    epochs: int | None = None,
) -> str:
    """Make data, pre-train, evaluate.

    Args:
        config: The config to run.
        work_dir: Where checkpoints, logs and results go; by default ``work_dirs/METHOD/NAME``.
        epochs: The number of epochs; by default the config's.

    Returns:
        A table of accuracies, and the paths of the files.
    """
    loaded = load_config(config)
    loaded.work_dir = work_dir or default_work_dir(loaded.filename)
    if epochs is not None:
        loaded.train_cfg.max_epochs = epochs
    return _run(loaded)


def _run(config: Config) -> str:
    data_file = Path(config.train_dataloader.dataset.data_file)
    if not data_file.exists():
        print(f'making {data_file}')
        write_synthetic(data_file)
    runner = train(config, resume=True)
    work_dir, checkpoint = Path(config.work_dir), runner.last_checkpoint
    results, _ = evaluate(config, None, COORDINATES)
    write_results(results, work_dir / 'coordinates.json')
    top1 = (results['metrics'][f'{name}/top1'] for name in ('knn', 'logistic'))
    rows = [['coordinates', *(f'{value:.1f}' for value in top1)]]
    for name, weights in (('untrained', None), ('trained', checkpoint)):
        top1 = []
        for protocol in PROTOCOLS:
            results, _ = evaluate(config, weights, protocol)
            write_results(results, work_dir / f'{name}_{protocol}.json')
            top1.append(f'{results["metrics"]["top1"]:.1f}')
        rows.append([f'{name} encoder', *top1])
    curves = plot_curves(work_dir, work_dir / 'curves.png')
    files = (('checkpoint', checkpoint), ('log', runner.log_file), ('curves', curves))
    lines = [f'{name:<12}{os.path.relpath(path)}' for name, path in files]
    return '\n'.join(['', table_text(rows, ['top-1 accuracy, %', 'kNN', 'linear']), *lines])


main = Command(
    'quick_start.py',
    __doc__,
    run,
    options={
        'config': Option(metavar='CONFIG'),
        'work_dir': Option(metavar='DIR'),
    },
    after_interruption='the same command starts again',
).main

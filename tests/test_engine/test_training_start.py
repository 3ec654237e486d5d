"""The start of a training: what its first screen says, and what it costs."""

import json
import logging
import os
import subprocess
import sys

import numpy as np
import torch
from mmengine.visualization import Visualizer

from halp_mm.apis import train
from halp_mm.engine import LogVisualizer
from tests.runs import (
    CONFIG,
    ROOT,
    environment,
    run_tool,
    tiny_classifier_config,
    tiny_options,
)


def screen_of(output: str) -> list[str]:
    """The lines before the first iteration's."""
    return output.partition('Epoch(train)')[0].splitlines()


def test_first_screen_is_a_dozen_lines_and_the_log_has_the_rest(random_clips, tmp_path):
    options = tiny_options(random_clips, model__streams='[joint,motion]', train_cfg__max_epochs=2)
    done = run_tool('train.py', CONFIG, '--work-dir', tmp_path / 'run', *options)
    assert done.returncode == 0, done.stderr
    lines = screen_of(done.stdout)
    text = '\n'.join(lines)
    assert len(lines) <= 20, text
    assert 'WARNING' not in text
    for line in (
        'training   HaLP, seed 0',
        'data       random train, 8 clips, 25 joints (kinect_v2)',
        'test       random test, 4 clips, 25 joints (kinect_v2)',
        'schedule   2 epochs x 2 steps x 4 clips',
        'encoder    BiGRU',
        'streams    joint, motion',
        'head       MoCoHead, epochs 1 to 2, joint, motion',
        'head       HaLPHead, epochs 2 to 2, joint, motion',
        'optimizer  AdamW, learning rate 0.003',
    ):
        assert f'  {line}\n' in text
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else 'cpu, 1 thread'
    assert f'  device     {device}' in text
    (log,) = tmp_path.rglob('*.log')
    written = log.read_text(encoding='utf-8')
    for part in ('System environment:', 'Config:\n', 'Hooks will be executed', 'this training:'):
        assert part in written
        assert (part in text) == (part == 'this training:')


def test_first_screen_of_a_classifier_counts_its_parameters(random_clips, tmp_path):
    config, options = tiny_classifier_config(random_clips, train_cfg__max_epochs=1)
    runner = train(config, tmp_path, options)
    log = runner.log_file.read_text(encoding='utf-8')
    count = sum(parameter.numel() for parameter in runner.model.parameters())
    assert f'model      SkeletonClassifier, {count:,} parameters trained\n' in log
    assert '  head ' not in log


def test_log_level_of_the_terminal_is_kept(random_clips, tmp_path):
    config, options = tiny_classifier_config(random_clips, train_cfg__max_epochs=1)
    runner = train(config, tmp_path, {**options, 'log_level': 'ERROR'})
    assert {handler.level for handler in runner.logger.handlers} == {logging.ERROR}


LOADED = """
import json, sys
from halp_mm.commands.train import main
assert main(sys.argv[1:]) == 0
compiler = {'torch._dynamo', 'torch.distributed.fsdp'} & set(sys.modules)
print(json.dumps(sorted({name.split('.')[0] for name in sys.modules} | compiler)))
"""


def test_training_does_not_import_what_it_does_not_use(random_clips, tmp_path):
    options = tiny_options(random_clips, train_cfg__max_epochs=1)
    (tmp_path / 'transformers.py').write_text('class Adafactor:\n    pass\n')
    done = subprocess.run(
        [sys.executable, '-c', LOADED, str(CONFIG), '--work-dir', str(tmp_path), *options],
        env={**environment(), 'PYTHONPATH': f'{ROOT}{os.pathsep}{tmp_path}'},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    heavy = {'matplotlib', 'scipy', 'sklearn', 'tensorboard', 'transformers', 'wandb'}
    heavy |= {'torch._dynamo', 'torch.distributed.fsdp', 'sympy'}
    assert heavy & loaded == set()


def test_visualizer_draws_like_mmengines(tmp_path):
    """Once there is an image."""
    image = np.full((40, 60, 3), 200, np.uint8)
    drawn = []
    for kind in (Visualizer, LogVisualizer):
        visualizer = kind(vis_backends=[], save_dir=str(tmp_path))
        visualizer.set_image(image)
        visualizer.draw_bboxes(np.array([10, 10, 30, 20]))
        drawn.append(visualizer.get_image())
    np.testing.assert_array_equal(*drawn)
    assert drawn[0].std() > 0

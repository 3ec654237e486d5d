"""Logs on a disk that is full."""

import io
import resource
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from halp_mm.apis import training_config
from halp_mm.commands.config_options import parse_options
from halp_mm.registry import RUNNERS
from tests.runs import CONFIG, tiny_options


def options_of(random_clips) -> dict:
    return parse_options(tiny_options(random_clips, train_cfg__max_epochs=2)[1:])


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond some bytes; not for a whole test, whose output may be a file."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_training_goes_on_without_its_logs(random_clips, tmp_path):
    pytest.importorskip('tensorboard')
    config = training_config(CONFIG, tmp_path / 'run', options_of(random_clips), validate=False)
    config.visualizer.vis_backends.append(dict(type='TensorboardVisBackend'))
    config.default_hooks.normalize_once = None  # it uses shared memory, which is a file too
    config.default_hooks.checkpoint = None
    output, errors = io.StringIO(), io.StringIO()  # pytest's are files
    with redirect_stdout(output), redirect_stderr(errors):
        runner = RUNNERS.get(config.runner_type).from_cfg(config)
        with full_disk(1000):
            runner.train()
    assert runner.iter == 2 * len(runner.train_dataloader)
    lines = output.getvalue().splitlines()
    said = [line.split('WARNING - ')[1] for line in lines if 'cannot write' in line]
    assert len(said) == 3
    data = runner.visualizer.get_backend('LocalVisBackend')._save_dir
    for place in (
        f'the log {runner.log_file}',
        f'{data} (LocalVisBackend)',
        f'{data} (TensorboardVisBackend)',
    ):
        (line,) = (line for line in said if line.startswith(f'cannot write {place}: '))
        assert 'File too large. Training goes on; what cannot be written' in line
    assert 'Traceback' not in output.getvalue() + errors.getvalue()
    assert errors.getvalue() == ''


def test_config_that_cannot_be_written(random_clips, tmp_path):
    config = training_config(CONFIG, tmp_path / 'run', options_of(random_clips), validate=False)
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output):
        message = rf'cannot write {tmp_path}/run/{CONFIG.name}: .*large'
        with full_disk(1000), pytest.raises(OSError, match=message):
            RUNNERS.get(config.runner_type).from_cfg(config)
    assert not list((tmp_path / 'run').glob('*.py'))

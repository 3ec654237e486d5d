"""Small real runs of the command lines, for tests that go end to end."""

from __future__ import annotations

import io
import os
import re
import runpy
import subprocess
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from tests.conftest import write_random_clips
from tests.process_state import restored_process_state

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / 'configs' / 'halp' / 'bigru_synthetic_xsub.py'


def tiny_options(data_file: Path, **options: object) -> list[str]:
    """``--cfg-options`` that shrink the synthetic config to seconds on a file of random clips."""
    values = {
        'train_dataloader.dataset.data_file': data_file,
        'train_dataloader.dataset.split': 'train',
        'train_dataloader.batch_size': 4,
        'test_dataset.data_file': data_file,
        'test_dataset.split': 'test',
        'model.encoder.hidden_size': 8,
        'model.encoder.num_segments': 1,
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'model.heads.halp.start_epoch': 1,
        'model.heads.halp.num_prototypes': 3,
        'model.heads.halp.num_newest': 8,
        'train_cfg.max_epochs': 3,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.logger.interval': 1,
        'default_hooks.runtime_info.interval': 1,
        'default_hooks.evaluation.interval': 1,
        'protocols.linear.epochs': 5,
        **{key.replace('__', '.'): value for key, value in options.items()},
    }
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]


def tiny_classifier_config(data_file: Path, **options: object) -> tuple[Path, dict[str, object]]:
    """A supervised config, and overrides that shrink it to seconds on a file of random clips."""
    values = {
        'train_dataloader.dataset.data_file': str(data_file),
        'train_dataloader.dataset.split': 'train',
        'train_dataloader.batch_size': 4,
        'test_dataset.data_file': str(data_file),
        'test_dataset.split': 'test',
        'model.num_classes': 3,
        # With fewer, oneDNN of torch 2.13 writes beyond its memory in the shortcut's gradient.
        'model.encoder.base_channels': 16,
        'model.encoder.stages': [1, 1],
        'model.encoder.feature_dim': 8,
        'train_cfg.max_epochs': 3,
        'default_hooks.checkpoint.interval': 1,
        'default_hooks.checkpoint.max_keep_ckpts': 3,
        'default_hooks.logger.interval': 1,
        'default_hooks.runtime_info.interval': 1,
        'default_hooks.evaluation.interval': 1,
        'protocols.linear.epochs': 5,
        **{key.replace('__', '.'): value for key, value in options.items()},
    }
    return ROOT / 'configs' / 'stgcn' / 'stgcn_synthetic_xsub.py', values


def two_stream_options(data_file: Path) -> list[str]:
    """:func:`tiny_options` of two streams and a single epoch."""
    return tiny_options(
        data_file,
        train_cfg__max_epochs=1,
        model__streams='[joint,bone]',
        protocols__finetune__epochs=1,
        protocols__transfer__epochs=1,
    )


def train_and_save(folder: Path, protocols: tuple[str, ...]) -> Path:
    """A tiny training of two streams in ``FOLDER/work``, and its saved models.

    Args:
        folder: Gets ``clips.safetensors``, ``PROTOCOL.pth``, and class scores ``PROTOCOL.npz``.
        protocols: The protocols that make the models.
    """
    data_file = write_random_clips(folder / 'clips.safetensors')
    options = two_stream_options(data_file)
    result = run_tool('train.py', CONFIG, '--work-dir', folder / 'work', *options)
    assert result.returncode == 0, result.stderr
    for protocol in protocols:
        result = run_tool(
            *('test.py', CONFIG, folder / 'work', '--protocol', protocol),
            *('--save', folder / f'{protocol}.pth', '--dump', folder / f'{protocol}.npz'),
            *options,
        )
        assert result.returncode == 0, result.stderr
    return folder


def tool_command(tool: str, *arguments: object) -> list[str]:
    """The command that runs a tool of this checkout with this Python."""
    return [sys.executable, str(ROOT / 'tools' / tool), *map(str, arguments)]


def command_called_by(tool: Path) -> str | None:
    """The module of ``halp_mm.commands`` that a file under tools/ calls; None of a script."""
    found = re.search(
        r'^from halp_mm\.commands\.(\w+) import main$', tool.read_text(), re.MULTILINE
    )
    return found and found[1]


def environment() -> dict[str, str]:
    """One thread a process, and this checkout's package."""
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(ROOT)}


def run_tool(
    tool: str, *arguments: object, cwd: Path = ROOT, in_process: bool = True
) -> subprocess.CompletedProcess:
    """Run a tool to its end, as its file is run from a command line.

    Args:
        tool: Its file in ``tools``.
        *arguments: Its command line.
        cwd: The directory in which it runs.
        in_process: Whether to run it in this process, which saves the seconds in which Python
            starts; without, in a process of its own.
    """
    if in_process:
        return _run_in_process(tool, [str(argument) for argument in arguments], cwd)
    return subprocess.run(
        tool_command(tool, *arguments),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _run_in_process(tool: str, arguments: list[str], cwd: Path) -> subprocess.CompletedProcess:
    path = str(ROOT / 'tools' / tool)
    output, errors = io.StringIO(), io.StringIO()
    with (
        restored_process_state(),
        mock.patch.object(sys, 'argv', [path, *arguments]),
        redirect_stdout(output),
        redirect_stderr(errors),
    ):
        os.environ.update(environment())
        os.chdir(cwd)
        try:
            runpy.run_path(path, run_name='__main__')
            status = 0
        except SystemExit as leave:
            status = leave.code or 0
        except Exception:
            traceback.print_exc()
            status = 1
    return subprocess.CompletedProcess(
        [path, *arguments], status, output.getvalue(), errors.getvalue()
    )

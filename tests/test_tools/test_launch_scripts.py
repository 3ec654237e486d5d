"""The shell scripts that start several processes: what they call, and that it works."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from halp_mm.engine import load_checkpoint_file
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT, environment, tiny_options

TRAIN = str(ROOT / 'tools' / 'train.py')
TEST = str(ROOT / 'tools' / 'test.py')


@pytest.fixture
def calls(tmp_path, monkeypatch) -> Path:
    """A folder first in the PATH whose python and srun print their arguments, one a line."""
    for name in ('python', 'srun'):
        path = tmp_path / 'bin' / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n')
        path.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path / "bin"}{os.pathsep}{os.environ["PATH"]}')
    for name in (
        'NNODES',
        'NODE_RANK',
        'PORT',
        'MASTER_ADDR',
        'GPUS',
        'GPUS_PER_NODE',
        'SRUN_ARGS',
    ):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def script(name: str, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [ROOT / 'tools' / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_dist_train_on_one_machine(calls):
    result = script('dist_train.sh', 'my configs/a.py', 4, '--work-dir', 'a b', '--seed', 3)
    assert result.stdout.splitlines() == [
        *('-m', 'torch.distributed.run', '--nnodes=1', '--node-rank=0'),
        *('--master-addr=127.0.0.1', '--master-port=29500', '--nproc-per-node=4'),
        *(TRAIN, 'my configs/a.py', '--launcher', 'pytorch', '--work-dir', 'a b', '--seed', '3'),
    ]


def test_dist_test_on_the_second_of_two_machines(calls, monkeypatch):
    settings = dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='29600')
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    result = script('dist_test.sh', 'a.py', 'my runs/epoch_1.pth', 2, '--protocol', 'linear')
    assert result.stdout.splitlines() == [
        *('-m', 'torch.distributed.run', '--nnodes=2', '--node-rank=1'),
        *('--master-addr=10.0.0.1', '--master-port=29600', '--nproc-per-node=2'),
        *(TEST, 'a.py', 'my runs/epoch_1.pth', '--launcher', 'pytorch', '--protocol', 'linear'),
    ]


def test_slurm(calls, monkeypatch):
    monkeypatch.setenv('SRUN_ARGS', '--time=4:00:00 --signal=USR1@120')
    result = script('slurm_train.sh', 'gpu', 'halp', 'a b.py', '--resume')
    assert result.stdout.splitlines() == [
        *('--partition=gpu', '--job-name=halp', '--gres=gpu:8', '--ntasks=8'),
        *('--ntasks-per-node=8', '--cpus-per-task=5', '--kill-on-bad-exit=1'),
        *('--time=4:00:00', '--signal=USR1@120', 'python', '-u', TRAIN, 'a b.py'),
        *('--launcher', 'slurm', '--resume'),
    ]
    monkeypatch.setenv('GPUS', '2')
    monkeypatch.delenv('SRUN_ARGS')
    result = script('slurm_test.sh', 'gpu', 'halp', 'a.py', 'epoch 1.pth', '--protocol', 'knn')
    assert result.stdout.splitlines() == [
        *('--partition=gpu', '--job-name=halp', '--gres=gpu:2', '--ntasks=2'),
        *('--ntasks-per-node=2', '--cpus-per-task=5', '--kill-on-bad-exit=1', 'python', '-u'),
        *(TEST, 'a.py', 'epoch 1.pth', '--launcher', 'slurm', '--protocol', 'knn'),
    ]


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('dist_train.sh', ['a.py']),
        ('dist_test.sh', ['a.py', 'b.pth']),
        ('slurm_train.sh', ['gpu', 'job']),
        ('slurm_test.sh', ['gpu', 'job', 'a.py']),
    ],
)
def test_too_few_arguments(name, arguments):
    result = script(name, *arguments)
    assert result.returncode == 2
    assert result.stderr.startswith('usage: ')


def launch(*arguments: object, restarts: int = 0) -> subprocess.Popen:
    """Two training processes on this machine."""
    return subprocess.Popen(
        [
            *(sys.executable, '-m', 'torch.distributed.run', '--standalone'),
            *('--nproc-per-node=2', f'--max-restarts={restarts}', TRAIN, CONFIG),
            *('--launcher', 'pytorch', *map(str, arguments)),
        ],
        cwd=ROOT,
        env={**environment(), 'CUDA_VISIBLE_DEVICES': ''},  # there may be one GPU
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_machines_stop_together_and_go_on(tmp_path):
    """Two launchers, as on two machines, one process each, in a folder with a space.

    They go on as two processes of one machine.
    """
    work_dir = tmp_path / 'a work dir'
    data_file = write_random_clips(tmp_path / 'clips.safetensors', num_clips=36)
    many = {'train_dataloader__batch_size': 1, 'train_cfg__max_epochs': 10_000}
    options = tiny_options(data_file, default_hooks__checkpoint__interval=10_000, **many)
    arguments = ('--stop-after', '1s', '--work-dir', work_dir, '--no-validate', *options)
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    machines = [
        subprocess.Popen(
            [ROOT / 'tools' / 'dist_train.sh', CONFIG, '1', *arguments],
            env={
                **environment(),
                **{'PATH': path, 'CUDA_VISIBLE_DEVICES': ''},
                **{'NNODES': '2', 'NODE_RANK': rank, 'PORT': '29617'},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in ('0', '1')
    ]
    for machine in machines:
        output = machine.communicate(timeout=300)[0]
        assert machine.returncode == 1, output
        assert output.count('exitcode  : 75') == 1, output
    first = load_checkpoint_file(work_dir / 'stopped.pth')['meta']

    process = launch('--resume', *arguments)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1, output
    assert 'the time that it was given is over. All of it is saved in' in output
    assert output.count('exitcode  : 75') == 2, output
    found = re.search(r'resumed epoch: (\d+), iter: (\d+)', output)
    meta = load_checkpoint_file(work_dir / 'stopped.pth')['meta']
    assert meta['iter'] > int(found[2]) == first['iter'] > 0
    assert meta['epoch'] == meta['iter'] // 12


def test_elastic_restart(tmp_path):
    """A process that dies is started again with the others, from the newest checkpoint."""
    data_file = write_random_clips(tmp_path / 'clips.safetensors', num_clips=12)
    options = tiny_options(data_file, train_dataloader__batch_size=1, train_cfg__max_epochs=12)
    work_dir = tmp_path / 'work'
    process = launch('--work-dir', work_dir, '--resume', *options, restarts=1)
    while not (work_dir / 'epoch_1.pth').exists() and process.poll() is None:
        time.sleep(0.01)
    children = Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text(encoding='utf-8')
    os.kill(int(children.split()[-1]), signal.SIGKILL)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert 'the run starts anew' in output
    assert 'resumed epoch: ' in output
    assert load_checkpoint_file(work_dir / 'epoch_12.pth')['meta']['epoch'] == 12

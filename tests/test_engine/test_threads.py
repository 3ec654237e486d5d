"""How many threads a training uses, and how they wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from halp_mm.apis import train
from halp_mm.available_cpus import available_cpus
from halp_mm.commands.config_options import parse_options
from halp_mm.engine import training_summary
from halp_mm.engine.threads import limited_threads
from tests.runs import CONFIG, ROOT, tiny_options


@pytest.fixture
def eight_threads(monkeypatch):
    """A machine of eight CPUs, whose user has set nothing."""
    former = torch.get_num_threads()
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(8)), raising=False)
    torch.set_num_threads(8)
    yield
    torch.set_num_threads(former)


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, 8),
        ({'cpu.max': 'max 100000\n'}, 8),
        ({'cpu.max': '250000 100000\n'}, 2),
        ({'cpu.max': '20000 100000\n'}, 1),
        ({'cpu.max': '6400000 100000\n'}, 8),
        ({'cpu/cpu.cfs_quota_us': '-1\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 8),
        ({'cpu/cpu.cfs_quota_us': '400000\n', 'cpu/cpu.cfs_period_us': '100000\n'}, 4),
        ({'cpu.max': 'something else\n'}, 8),
    ],
)
def test_no_more_than_the_container_grants(files, expected, eight_threads, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_cpus(tmp_path) == expected


def test_a_system_without_affinity(monkeypatch, tmp_path):
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)
    for count, expected in ((3, 3), (None, 1)):
        monkeypatch.setattr(os, 'cpu_count', lambda count=count: count)
        assert available_cpus(tmp_path) == expected


def test_threads_are_limited_meanwhile(eight_threads):
    for limit, expected in ((None, 8), (3, 3), (20, 8)):
        with limited_threads(limit):
            assert torch.get_num_threads() == expected
        assert torch.get_num_threads() == 8
    with pytest.raises(RuntimeError), limited_threads(1):
        raise RuntimeError
    assert torch.get_num_threads() == 8


def test_the_users_number_comes_first(eight_threads, monkeypatch):
    monkeypatch.setenv('OMP_NUM_THREADS', '8')
    with limited_threads(1):
        assert torch.get_num_threads() == 8


def test_a_training_uses_the_configs_number_and_says_so(eight_threads, random_clips, tmp_path):
    options = parse_options(tiny_options(random_clips, num_threads=2)[1:])
    runner = train(CONFIG, tmp_path / 'run', options)
    if not torch.cuda.is_available():  # whose name is said instead
        assert 'cpu, 2 threads' in Path(runner.log_file).read_text(encoding='utf-8')
    assert torch.get_num_threads() == 8


@pytest.mark.parametrize('number', [0, 1.5, '2'])
def test_a_number_of_threads_that_is_none_is_refused(number, random_clips, tmp_path):
    options = {**parse_options(tiny_options(random_clips)[1:]), 'num_threads': number}
    with pytest.raises(ValueError, match='num_threads must be a whole number of at least 1'):
        train(CONFIG, tmp_path, options)


@pytest.mark.parametrize(('own', 'expected'), [(None, 'PASSIVE'), ('ACTIVE', 'ACTIVE')])
def test_threads_of_commands_sleep_while_they_wait(own, expected):
    """The policy is in the environment before PyTorch reads it."""
    program = (
        'import os, sys, halp_mm.commands\n'
        "assert 'torch' not in sys.modules\n"
        "print(os.environ['OMP_WAIT_POLICY'])"
    )
    environment = {key: value for key, value in os.environ.items() if key != 'OMP_WAIT_POLICY'}
    environment |= {'PYTHONPATH': str(ROOT)} | ({'OMP_WAIT_POLICY': own} if own else {})
    done = subprocess.run(
        [sys.executable, '-c', program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.strip() == expected


@pytest.mark.parametrize(
    ('threads', 'load', 'note'),
    [
        (1, 9.0, ''),
        (2, 0.4, ''),
        (2, 1.6, ' (other programs have 1.6 of 2 CPUs; OMP_NUM_THREADS=1 may be faster)'),
    ],
)
def test_threads_on_a_busy_machine(threads, load, note, monkeypatch):
    monkeypatch.setattr(training_summary, 'available_cpus', lambda: 2)
    monkeypatch.setattr(os, 'getloadavg', lambda: (load, 0.0, 0.0), raising=False)
    assert training_summary.busy_note(threads) == note

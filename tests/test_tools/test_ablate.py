"""tools/ablate.py, end to end on random clips."""

import json
import os
import re
import signal
import subprocess
import time

import pytest
import torch

from halp_mm.apis import do_runs, plan_runs
from halp_mm.commands.config_options import parse_options
from tests.runs import CONFIG, ROOT, environment, run_tool, tiny_options, tool_command

MOCO = ROOT / 'configs' / 'moco' / 'bigru_synthetic_xsub.py'
OURS = 'halp/bigru_synthetic_xsub'


def options(clips, **others):
    settings = {'train_cfg.max_epochs': 2, 'default_hooks.checkpoint.interval': 1} | others
    return ['--protocols', 'knn', 'coordinates', *tiny_options(clips, **settings)]


def test_runs_are_done_once_and_reported(random_clips, tmp_path, forked):
    command = [CONFIG, '--seeds', 0, 1, '--work-dir', tmp_path / 'all', *options(random_clips)]
    first = run_tool('ablate.py', *command)
    assert first.returncode == 0, first.stderr
    (line,) = [line for line in first.stdout.splitlines() if line.startswith('[2/2] ')]
    assert re.fullmatch(
        rf'\[2/2\] {re.escape(str(CONFIG))}, seed 1: training \d+ s, knn \d+\.\d; \d+ s', line
    )
    folders = [tmp_path / 'all' / OURS / f'seed_{seed}' for seed in (0, 1)]
    reports = [json.loads((folder / 'knn.json').read_text()) for folder in folders]
    assert [report['seed'] for report in reports] == [0, 1]
    assert json.loads((folders[0] / 'coordinates.json').read_text())['checkpoint'] is None
    assert not (folders[1] / 'coordinates.json').exists()
    assert reports[0]['checkpoint_sha256'] != reports[1]['checkpoint_sha256']
    page = (tmp_path / 'all' / 'report.html').read_text()
    assert '2 (0, 1)' in page

    times = [(folder / 'epoch_2.pth').stat().st_mtime_ns for folder in folders]
    (folders[1] / 'knn.json').unlink()
    again = run_tool('ablate.py', *command)
    assert again.returncode == 0, again.stderr
    assert '1 of 2 runs were done before' in again.stdout
    assert f'[2/2] {CONFIG}, seed 1: knn' in again.stdout
    assert ': training' not in again.stdout
    assert [(folder / 'epoch_2.pth').stat().st_mtime_ns for folder in folders] == times
    repeated = json.loads((folders[1] / 'knn.json').read_text())
    assert repeated['metrics'] == reports[1]['metrics']

    changed = [
        CONFIG,
        '--work-dir',
        tmp_path / 'all',
        *options(random_clips, **{'model.momentum': 0.5}),
    ]
    refused = run_tool('ablate.py', *changed)
    assert refused.returncode == 1
    assert 'seed_0 holds a run of' in refused.stderr
    assert 'Traceback' not in refused.stderr


WAITING_HOOK = """
import time
from pathlib import Path
import torch
from mmengine.hooks import Hook
from halp_mm.registry import HOOKS

@HOOKS.register_module()
class WaitingHook(Hook):
    '''Go on when two trainings have come as far.'''

    def before_train(self, runner):
        folder = Path(runner.work_dir)
        (folder / 'arrived').write_text(str(torch.get_num_threads()))
        deadline = time.monotonic() + 60
        while len(list(folder.parent.glob('*/arrived'))) < 2:
            assert time.monotonic() < deadline, 'alone'
            time.sleep(0.02)
"""


@pytest.fixture
def two_threads():
    """What a process would use by itself; a forked one must not start any."""
    former = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(former)


def test_runs_at_a_time_give_the_same_results(
    random_clips, tmp_path, forked, two_threads, monkeypatch
):
    (tmp_path / 'waiting_hook.py').write_text(WAITING_HOOK)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr('halp_mm.apis.run_processes.available_cpus', lambda: 3)
    waiting = tmp_path / 'waiting' / 'bigru_synthetic_xsub.py'
    waiting.parent.mkdir()
    waiting.write_text(
        f"_base_ = '{CONFIG}'\ncustom_imports = dict(imports=['waiting_hook'])\n"
        "custom_hooks = [dict(type='WaitingHook')]\n"
    )
    overrides = parse_options(tiny_options(random_clips, train_cfg__max_epochs=2)[1:])
    lines = []
    for config, jobs in ((waiting, 3), (CONFIG, 1)):
        runs = plan_runs([config], [0, 1], tmp_path / f'{jobs}', ['knn'], overrides)
        failures = do_runs(runs, jobs, lambda line, **how: lines.append(line))
        assert failures == []
        torch.set_num_threads(1)
        monkeypatch.setenv('OMP_NUM_THREADS', '1')
    assert lines[0] == '2 runs at a time; on a CPU with 1 thread each'
    assert sorted(re.sub(r'\d+\.\d|\d+ s', 'N', line) for line in lines[1:3]) == [
        f'[{seed + 1}/2] {waiting}, seed {seed}: training N, knn N; N' for seed in (0, 1)
    ]
    for seed in (0, 1):
        folders = [
            tmp_path / name / 'bigru_synthetic_xsub' / f'seed_{seed}'
            for name in ('3/waiting', '1/halp')
        ]
        assert (folders[0] / 'arrived').read_text() == '1'
        reports = [json.loads((folder / 'knn.json').read_text()) for folder in folders]
        assert reports[0]['metrics'] == reports[1]['metrics']
        assert reports[0]['confusion'] == reports[1]['confusion']


@pytest.mark.parametrize('jobs', [1, 2])
def test_a_run_that_fails_does_not_stop_the_others(jobs, random_clips, tmp_path, forked):
    wrong = tmp_path / 'wrong' / 'bigru_synthetic_xsub.py'
    wrong.parent.mkdir()
    damaged = tmp_path / 'damaged.pth'
    damaged.write_bytes(b'no checkpoint')
    wrong.write_text(f"_base_ = '{CONFIG}'\nload_from = '{damaged}'\n")
    command = [wrong, CONFIG, '--seeds', 0, '--jobs', jobs, '--work-dir', tmp_path]
    run = run_tool('ablate.py', *command, *options(random_clips))
    assert run.returncode == 1
    assert '1 of 2 runs failed; the same command tries them again' in run.stderr
    assert f'{wrong}, seed 0: training failed: ' in run.stderr
    assert 'Traceback' not in run.stderr
    assert (tmp_path / OURS / 'seed_0' / 'knn.json').exists()
    assert (tmp_path / 'report.html').exists()


def test_an_interrupted_list_goes_on_to_the_same_weights(random_clips, tmp_path, request):
    """By the command itself, whose steps are new interpreters; what goes on need not be one."""
    settings = options(random_clips, **{'train_cfg.max_epochs': 6})
    started = [CONFIG, '--seeds', 0, '--work-dir', tmp_path / 'broken', *settings]
    process = subprocess.Popen(
        tool_command('ablate.py', *started),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    folder = tmp_path / 'broken' / OURS / 'seed_0'
    deadline = time.monotonic() + 120
    while not list(folder.glob('epoch_*.pth')) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert errors.splitlines()[-1] == (
        'ablate.py: interrupted; the same command continues where it stopped'
    )
    assert not (folder / 'knn.json').exists()
    request.getfixturevalue('forked')
    for name, arguments in (
        ('broken', started),
        ('whole', [*started[:4], tmp_path / 'whole', *settings]),
    ):
        run = run_tool('ablate.py', *arguments)
        assert run.returncode == 0, run.stderr
        assert (tmp_path / name / OURS / 'seed_0' / 'epoch_6.pth').exists()
    reports = [
        json.loads((tmp_path / name / OURS / 'seed_0' / 'knn.json').read_text())
        for name in ('broken', 'whole')
    ]
    assert reports[0]['metrics'] == reports[1]['metrics']
    assert reports[0]['confusion'] == reports[1]['confusion']


@pytest.fixture
def overrides(random_clips):
    return {
        f'{place}.data_file': str(random_clips)
        for place in ('train_dataloader.dataset', 'test_dataset')
    }


def test_plan_is_by_seed_and_finds_what_is_wrong(overrides, tmp_path):
    runs = plan_runs([CONFIG, MOCO, CONFIG], [3, 1, 3], tmp_path, cfg_options=overrides)
    assert [(str(run.config), run.seed) for run in runs] == [
        (str(config), seed) for seed in (3, 1) for config in (CONFIG, MOCO)
    ]
    assert runs[0].folder == tmp_path / 'halp' / 'bigru_synthetic_xsub' / 'seed_3'
    assert runs[0].steps() == ['training', 'knn', 'linear', 'coordinates']
    assert runs[2].steps() == ['training', 'knn', 'linear'], (
        'coordinates are the same for all seeds'
    )
    assert runs[0].sha256 != runs[2].sha256
    with pytest.raises(ValueError, match="has no protocol 'knm'; it has"):
        plan_runs([CONFIG], [0], tmp_path, ['knm'], overrides)
    missing = overrides | {'test_dataset.data_file': 'none.safetensors'}
    with pytest.raises(FileNotFoundError, match=r'none\.safetensors'):
        plan_runs([CONFIG], [0], tmp_path, cfg_options=missing)
    with pytest.raises(FileNotFoundError, match=r'there is no config configs/none\.py'):
        plan_runs(['configs/none.py'], [0], tmp_path)
    twin = tmp_path / 'halp' / CONFIG.name
    twin.parent.mkdir()
    twin.write_text(f"_base_ = '{CONFIG}'\n")
    with pytest.raises(ValueError, match='would both use'):
        plan_runs([CONFIG, twin], [0], tmp_path, cfg_options=overrides)

"""tools/benchmark.py, end to end on random clips."""

import json
import re
from pathlib import Path

import pytest
import torch

from halp_mm.apis.config_making import make_config
from halp_mm.evaluation.hits_file import read_hits
from tests.conftest import write_random_clips
from tests.runs import run_tool

TINY = {
    'train_cfg.max_epochs': 2,
    'train_dataloader.batch_size': 4,
    'model.encoder.hidden_size': 8,
    'model.queue_size': 8,
    'default_hooks.evaluation': None,
    'protocols.linear.epochs': 2,
    'protocols.few_shot.draws': 2,
    'protocols.few_shot.shots': [1, 2],
}


def options(**others: object) -> list[str]:
    values = TINY | {key.replace('__', '.'): value for key, value in others.items()}
    return ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]


def cells(page: str, row: str) -> list[str]:
    """The cells of the first row of a Markdown page that begins with a name."""
    (line, *_) = [line for line in page.splitlines() if line.startswith(f'| {row} |')]
    return [cell.strip() for cell in line.strip('|').split('|')]


def test_a_file_of_ones_own_is_measured_once_and_reported(random_clips, tmp_path, forked):
    work_dir = tmp_path / 'work'
    command = [
        *('--sets', random_clips, '--methods', 'moco', 'halp', '--seeds', 0, 1),
        *('--protocols', 'knn', 'few_shot'),
        *('--work-dir', work_dir, *options()),
    ]
    first = run_tool('benchmark.py', *command, '--jobs', 2)
    assert first.returncode == 0, first.stderr
    assert 'from the recipe of make_config.py' in first.stdout
    lines = [line for line in first.stdout.splitlines() if line.startswith('[')]
    # The coordinates with all labels, and with few, and the untrained encoder are those of both.
    assert len(lines) == 1 + 2 * 2 + 2 * 2
    assert all(re.search(r'; \d+ s$', line) for line in lines)
    page = (work_dir / 'report.md').read_text()
    assert (work_dir / 'report.html').exists()

    folder = work_dir / 'moco' / 'bigru_random'
    found = []
    for seed in (0, 1):
        path = folder / f'seed_{seed}' / 'test.few_shot.json'
        results = json.loads(path.read_text())
        names, hits = read_hits(path.with_suffix('.npz'))
        assert names == ['clip000', 'clip003', 'clip006', 'clip009']
        assert 100 * hits['2_shot/top1'].mean() == pytest.approx(
            results['metrics']['2_shot/top1'], abs=1e-4
        )
        found.append(results['metrics']['2_shot/top1'])
    mean, deviation = (float(f(torch.tensor(found))) for f in (torch.mean, torch.std))
    (row,) = {line for line in page.splitlines() if line.startswith('| MoCo BiGRU joint | ')} & {
        line for line in page.splitlines() if '±' in line
    }
    assert f'{mean:.1f} ± {deviation:.1f}' in row
    assert '### Minus MoCo BiGRU joint' in page
    assert '### Minus the untrained encoder' in page
    assert '### Minus the coordinates' in page

    before = {path: path.stat().st_mtime_ns for path in folder.rglob('*.pth')}
    (folder / 'seed_1' / 'test.knn.json').unlink()
    again = run_tool('benchmark.py', *command)
    assert again.returncode == 0, again.stderr
    assert '8 of 9 runs were done before' in again.stdout
    (line,) = [line for line in again.stdout.splitlines() if line.startswith('[')]
    assert 'MoCo BiGRU joint on random, seed 1: test.knn ' in line
    assert {path: path.stat().st_mtime_ns for path in folder.rglob('*.pth')} == before
    assert (work_dir / 'report.md').read_text() == page


def test_any_method_is_a_baseline_and_others_stop_before_anything_runs(
    random_clips, tmp_path, forked
):
    configs = []
    for rate in ('0.5', '1.0'):
        made = tmp_path / 'configs' / f'moco_{rate}.py'
        make_config(random_clips, 'moco', made)
        with made.open('a') as file:
            file.write(f'\noptim_wrapper = dict(optimizer=dict(lr={rate}))\n')
        configs.append(made)
    command = [
        *('--methods', *configs, '--seeds', 0, '--protocols', 'knn'),
        *('--work-dir', tmp_path / 'work', *options()),
    ]
    wrong = run_tool('benchmark.py', *command, '--baseline', 'moco_2.0')
    assert wrong.returncode == 1
    assert f"the baseline 'moco_2.0' is none of the methods that are compared: {configs[0]}" in (
        wrong.stderr
    )
    assert not list((tmp_path / 'work').rglob('seed_0'))
    for given, first in (((), '0.5'), (('--baseline', 'moco_1.0'), '1.0')):
        run = run_tool('benchmark.py', *command, *given)
        assert run.returncode == 0, run.stderr
        page = (tmp_path / 'work' / 'report.md').read_text().replace('\\', '')
        assert f'### Minus MoCo BiGRU joint: configs/moco_{first}' in page


def test_if_all_methods_are_left_out_why_is_said(random_clips, tmp_path, forked):
    other = write_random_clips(tmp_path / 'other.safetensors')
    own = tmp_path / 'configs' / 'own.py'
    make_config(other, 'moco', own)
    run = run_tool(
        *('benchmark.py', '--sets', random_clips, '--methods', own, '--seeds', 0),
        *('--protocols', 'knn', '--work-dir', tmp_path / 'work'),
    )
    assert run.returncode == 1
    assert 'is left out, because it trains on' in run.stdout
    assert 'benchmark.py: error: ' in run.stderr
    assert 'Traceback' not in run.stderr


def test_a_training_ends_at_the_time_limit(random_clips, tmp_path, forked):
    settings = [
        *('--sets', random_clips, '--methods', 'moco', '--seeds', 0, '--protocols', 'knn'),
        *('--work-dir', tmp_path, *options(train_cfg__max_epochs=10**6), '--time-limit'),
    ]
    run = run_tool('benchmark.py', *settings, '1s')
    assert run.returncode == 0, run.stderr
    assert '(time limit), test.knn ' in run.stdout
    record = json.loads((tmp_path / 'moco' / 'bigru_random' / 'seed_0' / 'run.json').read_text())
    assert Path(record['checkpoint']).name == 'stopped.pth'
    assert record['stopped_after'] == 1
    page = (tmp_path / 'report.md').read_text()
    assert '| MoCo BiGRU joint † |' in page
    assert '†: ended by the time limit' in page
    again = run_tool('benchmark.py', *settings, '1s')
    assert '3 of 3 runs were done before' in again.stdout
    wrong = run_tool('benchmark.py', *settings, 'soon')
    assert wrong.returncode == 1
    assert "benchmark.py: error: time_limit is 'soon'; expected a time" in wrong.stderr


def test_what_is_missing_is_said_before_anything_runs(tmp_path):
    run = run_tool('benchmark.py', '--work-dir', tmp_path / 'work', cwd=tmp_path)
    assert run.returncode == 1
    for name in ('msr_action3d', 'utd_mhad', 'nw_ucla', 'msrc12', 'kinect_pool'):
        assert f'there is no data file data/{name}.safetensors. Make it with: ' in run.stderr
    assert 'merge_data.py data/msr_action3d.safetensors' in run.stderr
    assert not (tmp_path / 'work').exists()

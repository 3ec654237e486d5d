"""The command that measures trainings side by side."""

import json
import re

import pytest

from halp_mm.benchmarking.peak_memory import peak_memory
from halp_mm.commands.config_options import parse_options
from tests.conftest import write_random_clips
from tests.runs import CONFIG, run_tool, tiny_options


@pytest.fixture
def without_memory(monkeypatch):
    """Processes that would find out the memory take seconds to start."""
    monkeypatch.setattr('halp_mm.benchmarking.comparison.peak_memory', lambda *_: 2**21)


def test_two_trainings(tmp_path, without_memory):
    """Figures in the table, in the JSON file and in the trace agree with each other."""
    options = tiny_options(write_random_clips(tmp_path / 'clips.safetensors'))
    out, trace = tmp_path / 'speed.json', tmp_path / 'trace.json'
    moco = tmp_path / 'moco.py'
    moco.write_text(f'_base_ = {str(CONFIG)!r}\nmodel = dict(heads=dict(halp=dict(weight=0.0)))\n')
    done = run_tool(
        *('analysis/benchmark.py', CONFIG, moco, '--rounds', 1, '--iterations', 5),
        *('--clock', 'cpu', '--out', out, '--profile', trace, *options),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(out.read_text())
    first, second = found['trainings']
    parts = ['data', 'views', 'momentum update', 'keys forward', 'forward', 'head moco']
    parts += ['head halp', 'k-means', 'backward', 'optimizer', 'hooks and the rest']
    assert list(first['parts']) == parts
    assert all(part in trace.read_text() for part in parts)
    assert sum(first['parts'].values()) == pytest.approx(first['milliseconds'])
    assert first['clips_per_second'] == pytest.approx(4 / first['milliseconds'] * 1000)
    assert first['ratio'] == 1
    assert second['ratio'] == pytest.approx(second['milliseconds'] / first['milliseconds'])
    assert first['flops'] > 1e5
    assert re.search(r'^peak memory, MiB +2 +2$', done.stdout, re.MULTILINE)
    row = re.search(r'^iteration, ms +([\d.]+) +([\d.]+)$', done.stdout, re.MULTILINE)
    assert list(map(float, row.groups())) == pytest.approx(
        [first['milliseconds'], second['milliseconds']], abs=0.01
    )
    assert first['warning'] is None


def test_without_the_data_file_random_clips_take_its_place(tmp_path, without_memory):
    options = tiny_options(tmp_path / 'absent.safetensors')
    done = run_tool('analysis/benchmark.py', CONFIG, '--rounds', 1, '--iterations', 1, *options)
    assert done.returncode == 0, done.stderr
    assert f'[1] there is no {tmp_path}/absent.safetensors: random clips' in done.stdout


def test_memory_of_a_training(tmp_path):
    """The queue alone takes 32 MiB, and a copy of it as much."""
    _, *words = tiny_options(
        write_random_clips(tmp_path / 'clips.safetensors'), model__queue_size=2**20
    )
    taken = peak_memory(str(CONFIG), parse_options(words), 1)
    assert 64 * 2**20 < taken < 600 * 2**20


@pytest.mark.parametrize(
    ('words', 'error'),
    [
        (['--rounds', 0], 'rounds must be a whole number of at least 1, got 0'),
        (['--profile', 'trace'], 'profile is trace; expected a name that ends in .json'),
    ],
)
def test_what_cannot_be_measured(words, error):
    done = run_tool('analysis/benchmark.py', CONFIG, *words)
    assert done.returncode == 1
    assert done.stderr == f'benchmark.py: error: {error}\n'

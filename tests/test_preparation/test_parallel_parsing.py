"""Long preparation: several processes, interrupted and continued, little memory, full disk."""

import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from halp_mm.datasets import ClipStorage
from halp_mm.preparation import BadDataError, RawFiles, parallel_parsing, prepare_ntu
from tests.raw_ntu import standing_people, write_clip, write_links
from tests.runs import environment, run_tool
from tests.test_preparation.helped_parsing import parse_with_help
from tests.tool_process import ToolProcess


def command(raw: Path, out: Path, *options: object) -> list[object]:
    return ['data/prepare_ntu.py', raw, '--dataset', 'ntu60', '--out', out, *options]


def test_several_processes_make_the_same_file(tmp_path, monkeypatch):
    names = write_links(tmp_path / 'raw', 400, standing_people())
    prepare_ntu(tmp_path / 'raw', 'ntu60', tmp_path / 'one', workers=1)
    monkeypatch.setattr(parallel_parsing, 'WORTH_HELP', 0)
    started = []
    start = parallel_parsing._helpers
    monkeypatch.setattr(
        parallel_parsing, '_helpers', lambda *args: started.append(args[0]) or start(*args)
    )
    done = run_tool(
        *('data/prepare_ntu.py', tmp_path / 'raw', '--dataset', 'ntu60', '--workers', 2),
        *('--out', tmp_path / 'two'),
    )
    assert done.returncode == 0, done.stderr
    assert started == [1]
    assert (tmp_path / 'two').read_bytes() == (tmp_path / 'one').read_bytes()
    assert ClipStorage(tmp_path / 'one').names == sorted(names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ['one', 'raw', 'two']


def test_only_shards_that_are_no_longer_good_are_made_again(tmp_path):
    raw, out, parts = tmp_path / 'raw', tmp_path / 'out', tmp_path / 'out.parts'
    names = [f'S001C001P{1 + i % 40:03d}R001A{1 + i // 40:03d}' for i in range(200)]
    names.sort()
    clips = {name: standing_people(1, frames=3, seed=i) for i, name in enumerate(names)}
    for name, clip in clips.items():
        write_clip(raw, name, clip)

    def prepare_with_bad_file(position: int) -> dict[str, int]:
        (raw / f'{names[position]}.skeleton').write_text('bad')
        with pytest.raises(BadDataError, match='1 problems'):
            prepare_ntu(raw, 'ntu60', out, workers=1)
        assert not out.exists()
        write_clip(raw, names[position], clips[names[position]])
        return {path.name: path.stat().st_mtime_ns for path in parts.iterdir()}

    first = prepare_with_bad_file(70)
    assert sorted(first) == [f'{number:06d}.safetensors' for number in range(4)]
    clips[names[10]] = standing_people(2, frames=20, seed=300)
    write_clip(raw, names[10], clips[names[10]])
    (parts / '000003.safetensors').write_bytes(b'damaged')
    second = prepare_with_bad_file(71)
    assert [first[name] == second[name] for name in sorted(first)] == [False, False, True, False]

    (parts / 'not ours').touch()
    prepare_ntu(raw, 'ntu60', out, workers=1)
    assert [path.name for path in parts.iterdir()] == ['not ours']
    storage = ClipStorage(out)
    assert storage.names == names
    for position, name in enumerate(names):
        clip = storage.clip(position).numpy()
        assert sorted(p.tobytes() for p in clip) == sorted(p.tobytes() for p in clips[name])


def test_interrupted_run_continues(tmp_path):
    raw, out, parts = tmp_path / 'raw', tmp_path / 'out', tmp_path / 'out.parts'
    write_links(raw, 640, standing_people(2, frames=30))
    process = ToolProcess(*command(raw, out, '--workers', 2))
    deadline = time.monotonic() + 60
    while not list(parts.glob('??????.safetensors')) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: to the workers too
    ended = process.end()
    errors = ended.stderr
    assert ended.returncode == 130, errors
    assert errors.endswith(
        f'prepare_ntu.py: interrupted; finished parts are kept in {parts}. The same command '
        'continues from there\n'
    )
    assert 'Traceback' not in errors
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out.parts', 'raw']
    done = [path.name for path in parts.iterdir()]
    assert 0 < len(done) < 10
    assert all('partial' not in name for name in done)
    summary = prepare_ntu(raw, 'ntu60', out, workers=1)
    assert summary.clips == len(ClipStorage(out)) == 640
    assert sorted(path.name for path in tmp_path.iterdir()) == ['out', 'raw']


def test_killed_worker_is_an_error(tmp_path):
    script = """
import multiprocessing, os, signal, time
from pathlib import Path
from halp_mm.preparation import Parsed, RawFiles
from halp_mm.preparation.parallel_parsing import parse_files

def die(files):
    if multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.3)
    return Parsed(files.name)

if __name__ == '__main__':
    files = [RawFiles(str(i), ()) for i in range(40)]
    try:
        list(parse_files(die, files, Path('parts'), 1, workers=2))
    except OSError as error:
        print(error)
"""
    (tmp_path / 'script.py').write_text(script)
    done = subprocess.run(
        [sys.executable, 'script.py'],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert 'the worker was killed' in done.stdout, done.stderr
    assert 'fewer workers' in done.stdout


@pytest.mark.parametrize('limit', [100_000, 2_000_000], ids=['shard', 'data file'])
def test_full_disk(tmp_path, limit):
    raw, out = tmp_path / 'raw', tmp_path / 'out'
    write_links(raw, 150, standing_people(2, frames=40))  # 1.5 MB a shard, 3.6 MB in all
    full = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))
    done = ToolProcess(*command(raw, out, '--workers', 1), first=full).end()
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith('prepare_ntu.py: error: ')
    assert '[Errno 27] File too large' in last
    assert done.stdout == ''
    left = {path.name for path in tmp_path.rglob('*') if 'raw' not in path.parts}
    assert not any('partial' in name for name in left)
    assert not out.exists()
    assert prepare_ntu(raw, 'ntu60', out, workers=1).clips == 150


@pytest.mark.parametrize(('worth_help', 'processes'), [(0, 2), (1e9, 1)])
def test_helpers_import_little(tmp_path, monkeypatch, worth_help, processes):
    monkeypatch.setattr(parallel_parsing, 'WORTH_HELP', worth_help)
    (tmp_path / 'sign').touch()
    if processes == 2:
        (tmp_path / 'sign').unlink()
    files = [RawFiles(str(i), (tmp_path / 'sign',)) for i in range(4)]
    parsed = parallel_parsing.parse_files(parse_with_help, files, tmp_path / 'parts', 1, 2)
    found = [result.problems[0].text.split(' ', 3) for result in parsed]
    assert [name for _, name, _, _ in found] == ['0', '1', '2', '3']
    modules = {process: modules for _, _, process, modules in found}
    assert len(modules) == processes
    assert 'torch' in modules.pop(str(os.getpid()))
    assert list(modules.values()) == ['[]'] * (processes - 1)


@pytest.mark.parametrize(
    ('helpers', 'is_quick', 'expected'),
    [(1, False, '23456789'), (2, False, '456789'), (3, False, '3456789'), (1, True, '')],
)
def test_the_caller_parses_what_no_helper_has_begun(helpers, is_quick, expected):
    """By helpers who end only when there is nothing else to begin, or at once."""
    groups, paths = [[RawFiles(str(i), ())] for i in range(10)], [Path(str(i)) for i in range(10)]
    made, submitted = [], []

    def submit(group, path):
        submitted.append(Future())
        if is_quick:
            submitted[-1].set_result(True)
        return submitted[-1]

    def make(group, path):
        made.append(group[0].name)
        if len(made) + len(submitted) == 10:
            for future in submitted:
                future.set_result(True)
        return True

    shards = parallel_parsing._shards_with_help(helpers, submit, make, groups, paths)
    assert list(shards) == paths
    assert ''.join(made) == expected


PEAK = """
import resource, sys
from halp_mm.preparation import prepare_ntu
prepare_ntu(sys.argv[1], 'ntu60', sys.argv[2], workers=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_clips(tmp_path):
    peaks = {}
    for count in (100, 400):
        raw, out = tmp_path / f'raw{count}', tmp_path / f'out{count}'
        write_links(raw, count, standing_people(2, frames=60))
        done = subprocess.run(
            [sys.executable, '-c', PEAK, str(raw), str(out)],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        peaks[count] = int(done.stdout) * 1024
        assert out.stat().st_size > count * 2 * 60 * 25 * 3 * 4
    grown = peaks[400] - peaks[100]  # the clips themselves grow by 11 MB
    assert grown < 5e6, peaks

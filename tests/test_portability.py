"""What other systems lack or refuse, simulated; encodings; files made elsewhere."""

import ast
import errno
import fcntl
import io
import multiprocessing.resource_tracker
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from halp_mm import partial_files
from halp_mm.apis import packaged_configs, train
from halp_mm.commands.command_line import print_any_text
from halp_mm.commands.config_options import parse_options
from halp_mm.datasets import ClipStorage, ClipWriter
from halp_mm.preparation import prepare_ntu
from tests.conftest import write_random_clips
from tests.raw_ntu import standing_people, write_links
from tests.runs import CONFIG, ROOT, environment, tiny_options


def open_files() -> set[str]:
    """The files that this process has open, by path."""
    descriptors = Path('/proc/self/fd')
    return {os.readlink(entry) for entry in descriptors.iterdir() if entry.is_symlink()}


@pytest.fixture
def windows(monkeypatch):
    """A system without POSIX signals, that renames no open file and opens no folder."""
    for name in ('SIGUSR1', 'pthread_sigmask', 'SIG_BLOCK', 'SIG_SETMASK'):
        monkeypatch.delattr(signal, name)
    for name in ('O_DIRECTORY', 'fork', 'sched_getaffinity', 'geteuid', 'killpg'):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(multiprocessing.resource_tracker, '_HAVE_SIGMASK', False)
    rename, sync = os.replace, os.fsync

    def replace(source, target, **settings):
        if str(Path(source).resolve()) in open_files():
            raise PermissionError(errno.EACCES, 'used by another process', str(source))
        rename(source, target, **settings)

    def fsync(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, 'bad file descriptor')
        sync(descriptor)

    monkeypatch.setattr(os, 'replace', replace)
    monkeypatch.setattr(os, 'fsync', fsync)


def test_preparation_with_workers_on_windows(windows, tmp_path):
    names = write_links(tmp_path / 'raw', 120, standing_people())
    prepare_ntu(tmp_path / 'raw', 'ntu60', tmp_path / 'out', workers=2)
    assert ClipStorage(tmp_path / 'out').names == sorted(names)


def test_training_on_windows_in_a_folder_with_spaces_and_umlauts(windows, tmp_path):
    """The options are words of a command line; the classes are in the log."""
    data_file = tmp_path / 'Läufe 1, neu' / 'über uns (2).safetensors'
    write_random_clips(data_file)
    _, *words = tiny_options(f"'{data_file}'", train_cfg__max_epochs=1)
    runner = train(CONFIG, tmp_path / 'wörk dir' / 'a b', parse_options(words))
    assert runner.last_checkpoint.parent == tmp_path / 'wörk dir' / 'a b'
    runner.logger.info('Ünïcode → 中文')
    assert 'Ünïcode → 中文' in runner.log_file.read_text(encoding='utf-8')


def test_windows_processes_are_not_signalled(monkeypatch, tmp_path):
    """There, ``os.kill`` ends a process whatever the signal."""
    monkeypatch.setattr(sys, 'platform', 'win32')
    monkeypatch.setattr(os, 'kill', lambda *_: pytest.fail('a process was signalled'))
    (tmp_path / 'x.1.partial').touch()
    assert partial_files.remove_dead_partial_files(tmp_path) == []


def test_configs_of_a_checkout_without_links(monkeypatch, tmp_path):
    """Git on Windows makes a text file of a link, unless it is allowed to link."""
    (tmp_path / 'halp_mm' / '.mim').mkdir(parents=True)
    (tmp_path / 'halp_mm' / '.mim' / 'configs').write_text('../../configs', encoding='utf-8')
    monkeypatch.setattr(packaged_configs.halp_mm, '__file__', str(tmp_path / 'halp_mm' / 'x.py'))
    found = packaged_configs.config_path('halp_mm::halp/x.py')
    assert found == tmp_path / 'configs' / 'halp' / 'x.py'


GUARDLESS = """
import time
from pathlib import Path
from halp_mm.preparation import Parsed, RawFiles
from halp_mm.preparation.parallel_parsing import parse_files

def parse(files):
    time.sleep(0.3)  # so that help is worth it
    return Parsed(files.name)

names = [RawFiles(str(i), ()) for i in range(4)]
{guard}
    print(len(list(parse_files(parse, names, Path('parts'), 1, workers=2))))
"""


@pytest.mark.parametrize('guard', ["if __name__ == '__main__':", 'if True:'])
def test_script_without_main_guard_is_told_so(tmp_path, guard):
    (tmp_path / 'script.py').write_text(GUARDLESS.format(guard=guard), encoding='utf-8')
    done = subprocess.run(
        [sys.executable, 'script.py'],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if guard != 'if True:':
        assert (done.returncode, done.stdout) == (0, '4\n'), done.stderr
        return
    assert done.returncode == 1
    assert done.stderr.count('Traceback') == 2  # the pool's, and the error made of it
    last = done.stderr.splitlines()[-1]
    assert 'imports the script, because parse is defined there' in last
    assert "under if __name__ == '__main__':?" in last


def test_text_files_are_utf_8_on_all_systems():
    """What reads or writes text says so, as the default is the system's encoding."""
    files = [p for folder in ('halp_mm', 'tools', 'docs') for p in (ROOT / folder).rglob('*.py')]
    assert len(files) > 200
    found = [
        f'{path.relative_to(ROOT)}:{node.lineno}'
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8')))
        if isinstance(node, ast.Call) and reads_text_without_encoding(node)
    ]
    assert found == []


def reads_text_without_encoding(call: ast.Call) -> bool:
    if any(keyword.arg == 'encoding' for keyword in call.keywords):
        return False
    words = [word.value for word in call.args if isinstance(word, ast.Constant)]
    match call.func:
        case ast.Attribute(attr='read_text' | 'write_text'):
            return True
        case ast.Name(id='open'):
            return not any('b' in str(word) for word in words[-1:])
        case ast.Attribute(attr='open', value=ast.Name(id='os' | 'archive' | 'Image')):
            return False
        case ast.Attribute(attr='open'):
            return not any('b' in str(word) for word in words)
    return False


def test_output_in_another_encoding_shows_escapes(monkeypatch):
    output = io.TextIOWrapper(io.BytesIO(), encoding='cp1252')
    monkeypatch.setattr(sys, 'stdout', output)
    print_any_text()
    print('± → 中')
    output.flush()
    assert output.buffer.getvalue().decode('cp1252').strip() == r'± \u2192 \u4e2d'


def test_c_locale(tmp_path):
    """File names, classes and results beyond ASCII where the locale is C."""
    raw = tmp_path / 'Übungen mit Pause'
    program = (
        'from halp_mm.commands.main import main\n'
        f"raise SystemExit(main(['inspect-data', {str(raw / 'dätei.safetensors')!r}]))\n"
    )
    raw.mkdir()
    with ClipWriter(raw / 'dätei.safetensors', 'kinect_v2', ['grüßen'], 'x') as writer:
        for i in range(2):
            writer.add(f'ä{i}', standing_people(1), label=0, splits=['train'])
    done = subprocess.run(
        [sys.executable, '-c', program],
        cwd=tmp_path,
        env={**environment(), 'LC_ALL': 'C'},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert 'grüßen' in done.stdout.decode()

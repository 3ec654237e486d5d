"""Every command: as a file under tools/, as ``halp-mm NAME`` and as ``python -m halp_mm NAME``."""

import ast
import importlib
import re
import runpy
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from halp_mm.apis import evaluate, training_config
from halp_mm.commands import main as halp_mm_main
from halp_mm.commands.command_line import documented_arguments, plain_text
from halp_mm.version import __version__
from tests.runs import CONFIG, ROOT, command_called_by, environment

COMMANDS = halp_mm_main.COMMANDS
FILES = {
    command_called_by(path): path
    for path in sorted((ROOT / 'tools').rglob('*.py'))
    if 'benchmarks' not in path.parts
}


def main_of(name: str):
    return importlib.import_module(f'halp_mm.commands.{name}').main


def test_every_tool_is_a_command_and_has_no_code_of_its_own():
    assert set(FILES) == set(COMMANDS)
    for name, path in FILES.items():
        assert runpy.run_path(str(path))['main'] == main_of(name)
        assert len(path.read_text().splitlines()) <= 8


@pytest.mark.parametrize('name', COMMANDS)
def test_help_says_what_the_docstrings_say(name, capsys):
    command = main_of(name).__self__
    with pytest.raises(SystemExit) as left:
        command.main(['--help'])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f'usage: {FILES[name].name} ')
    assert command.description in printed
    shown = ''.join(printed.split())
    for parameter in command.parameters():
        option = command.options.get(parameter.name)
        text = plain_text((option and option.help) or command.texts()[parameter.name])
        assert ''.join(text.removeprefix('Whether to ').split())[1:] in shown, parameter.name


@pytest.mark.parametrize(('name', 'function'), [('train', training_config), ('test', evaluate)])
def test_options_are_the_arguments_of_the_functions(name, function):
    given = {parameter.name for parameter in main_of(name).__self__.parameters()}
    assert set(documented_arguments(function)) < given


def read(name: str, words: str) -> dict:
    """What a command gets."""
    return vars(main_of(name).__self__.parser().parse_intermixed_args(words.split()))


def test_mmaction2s_flags():
    shared = {'config': 'c.py', 'work_dir': 'w', 'cfg_options': {'a.b': 1}, 'launcher': 'pytorch'}
    train = shared | {'resume': 'r.pth', 'amp': True, 'validate': False, 'auto_scale_lr': True}
    given = read(
        'train',
        'c.py --work-dir w --resume r.pth --amp --no-validate --auto-scale-lr --seed 3 '
        '--cfg-options a.b=1 --launcher pytorch --local-rank 1',
    )
    assert given.items() >= (train | {'seed': 3, 'local_rank': 1}).items()
    assert read('train', 'c.py --resume')['resume'] is True
    given = read(
        'test',
        'c.py --protocol linear a.pth --work-dir w --out o.json --dump d.npz --cfg-options a.b=1 '
        '--launcher pytorch --local_rank 1',
    )
    test = shared | {'checkpoint': 'a.pth', 'protocol': 'linear', 'out': 'o.json', 'dump': 'd.npz'}
    assert given.items() >= (test | {'local_rank': 1}).items()


def test_installed_program_is_this_one():
    (entry,) = re.findall(r'^halp-mm = "(.+)"$', (ROOT / 'pyproject.toml').read_text(), re.M)
    assert EntryPoint('halp-mm', entry, 'console_scripts').load() is halp_mm_main.main


def test_list_of_commands(capsys):
    for words in ([], ['--help'], ['-h']):
        assert halp_mm_main.main(words) == 0
        lines = capsys.readouterr().out.splitlines()
        for name in COMMANDS:
            module = importlib.import_module(f'halp_mm.commands.{name}')
            first = module.__doc__.splitlines()[0]
            assert f'  {name.replace("_", "-"):<22}{first}' in lines
    assert halp_mm_main.main(['--version']) == 0
    assert capsys.readouterr().out == f'halp-mm {__version__}\n'


def test_a_command_by_name(tmp_path, capsys):
    folder = tmp_path / 'raw'
    words = ['make-synthetic', '--format', 'ntu', '--repeats', '0', '--out', str(folder)]
    assert halp_mm_main.main(words) == 1
    message = 'halp-mm make-synthetic: error: repeats is 0; expected 1 to 999\n'
    assert capsys.readouterr().err == message
    assert not folder.exists()


@pytest.mark.parametrize(
    ('name', 'advice'), [('prepare-nut', 'did you mean prepare-ntu'), ('xyz', 'see halp-mm --help')]
)
def test_unknown_command(name, advice, capsys):
    assert halp_mm_main.main([name, 'x']) == 2
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.startswith(f'halp-mm: error: there is no command {name!r}; {advice}')
    assert captured.err.count('\n') == 1


def test_listing_the_commands_imports_no_torch():
    """In a process of its own, as a user's shell starts it."""
    program = (
        'import runpy, sys\n'
        "sys.argv = ['halp-mm', '--help']\n"
        'try:\n'
        "    runpy.run_module('halp_mm', run_name='__main__')\n"
        'finally:\n'
        "    assert not {'torch', 'mmengine', 'matplotlib'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', program],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '  prepare-ntu ' in done.stdout


def test_description_needs_no_import():
    source = Path(halp_mm_main.__file__).with_name('train.py').read_text()
    assert halp_mm_main.summary('train') == ast.get_docstring(ast.parse(source))


def test_checkpoint_after_the_protocol(random_clips, tmp_path, capsys):
    """Issue 11: ``test.py CONFIG --protocol linear CHECKPOINT`` finds its checkpoint."""
    missing = tmp_path / 'none.pth'
    splits = ('train_dataloader.dataset', 'test_dataset')
    options = [
        *(f'{place}.data_file={random_clips}' for place in splits),
        *(f'{place}.split={split}' for place, split in zip(splits, ('train', 'test'))),
    ]
    words = [str(CONFIG), '--protocol', 'linear', str(missing), '--cfg-options', *options]
    assert halp_mm_main.main(['test', *words]) == 1
    message = f'halp-mm test: error: there is no checkpoint {missing}'
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)

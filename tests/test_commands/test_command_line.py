"""A command line says what a function's signature and docstring say."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

import pytest

from halp_mm.commands.command_line import (
    Command,
    Option,
    UsageError,
    documented_arguments,
    plain_text,
)
from tests.runs import environment


def everything(
    source: str | os.PathLike,
    number: int,
    checkpoint: str | None,
    names: Sequence[str] = ('a', 'b'),
    weights: list[float] | None = None,
    seed: int | None = None,
    fps: float = 30,
    kind: Literal['ntu', 'pku'] = 'ntu',
    part: Literal[1, 2] = 1,
    amp: bool = False,
    validate: bool = True,
    resume: str | os.PathLike | bool = False,
    cfg_options: Mapping | None = None,
    *,
    out: str,
    layout: str | Mapping | None = None,
    local_rank: int = 0,
) -> None:
    """Do everything.

    Args:
        source: Where it is: ``100 %`` of :class:`~a.Source`.
        number: A number
            in two lines.
        checkpoint: Maybe one.
        names: Some names.
        weights: Some weights.
        seed: The seed.
        fps: Frames a second.
        kind: What it is.
        part: Which part.
        amp: Whether to be fast.
        validate: Whether to evaluate.
        resume: Whether, or what.
        cfg_options: New values, such as ``{'train_cfg.max_epochs': 10}``.
        out: The file to make.
        layout: A layout.
        local_rank: The rank.

    Returns:
        Nothing: this is no argument.
    """


DEFAULTS = {
    'checkpoint': None,
    'names': ('a', 'b'),
    'weights': None,
    'seed': None,
    'fps': 30,
    'kind': 'ntu',
    'part': 1,
    'amp': False,
    'validate': True,
    'resume': False,
    'cfg_options': None,
    'layout': None,
    'local_rank': 0,
}
GIVEN = {'source': 'clips', 'number': 3, 'out': 'file', **DEFAULTS}


def call(words: str, **settings) -> dict:
    """What the function gets from a command line."""
    calls = []
    settings = {'settings_of': everything, **settings}
    command = Command('x.py', 'Do.', lambda **given: calls.append(given), **settings)
    assert command.main(words.split()) == 0
    return calls[0]


def test_defaults_are_the_signatures():
    assert call('clips 3 --out file') == GIVEN


@pytest.mark.parametrize(
    ('words', 'given'),
    [
        ('model.pth', {'checkpoint': 'model.pth'}),
        ('--names x', {'names': ['x']}),
        ('--names x y z', {'names': ['x', 'y', 'z']}),
        ('--weights 0.5 1', {'weights': [0.5, 1.0]}),
        ('--seed 7', {'seed': 7}),
        ('--fps 12.5', {'fps': 12.5}),
        ('--kind pku', {'kind': 'pku'}),
        ('--part 2', {'part': 2}),
        ('--amp', {'amp': True}),
        ('--no-validate', {'validate': False}),
        ('--resume', {'resume': True}),
        ('--resume a.pth', {'resume': 'a.pth'}),
        ('--layout coco17', {'layout': 'coco17'}),
        ('--local-rank 3', {'local_rank': 3}),
        (
            '--cfg-options a.b=1 c=[1,2.5,x] --cfg-options d=True',
            {'cfg_options': {'a.b': 1, 'c': [1, 2.5, 'x'], 'd': True}},
        ),
    ],
)
def test_every_kind_of_parameter(words, given):
    assert call(f'clips 3 --out file {words}') == {**GIVEN, **given}


def test_positional_arguments_may_stand_between_options():
    for words in (
        'clips --seed 2 3 --out file model.pth --amp',
        '--seed 2 clips --out file 3 --amp model.pth',
        '--amp --out file --seed 2 clips 3 model.pth',
    ):
        assert call(words) == {**GIVEN, 'checkpoint': 'model.pth', 'seed': 2, 'amp': True}


def test_what_a_command_changes():
    options = {
        'source': Option(flags=('--source',), choices=('clips', 'maps')),
        'checkpoint': Option(flags=('--checkpoint',)),
        'local_rank': Option(flags=('--local_rank', '--local-rank')),
        'layout': Option(convert=str.upper),
    }
    given = call(
        '--source clips 3 --out file --local_rank 4 --layout coco17', omit=('amp',), options=options
    )
    expected = {**GIVEN, 'local_rank': 4, 'layout': 'COCO17'}
    del expected['amp']
    assert given == expected


def test_own_parameters_and_those_of_another_function():
    def own(source: int, *, untrained: bool = False, **settings):
        """Do it.

        Args:
            source: A number here.
            untrained: Whether to train.
            **settings: The others.
        """
        return source, untrained, settings['number']

    command = Command('x.py', 'Do.', own, settings_of=everything)
    assert [parameter.name for parameter in command.parameters()][:2] == ['source', 'number']
    assert command.texts()['source'] == 'A number here.'
    given = vars(command.parser().parse_intermixed_args(['5', '3', '--out', 'file', '--untrained']))
    assert own(**given) == (5, True, 3)


def help_of(command: Command) -> str:
    """The help without the line breaks that the terminal's width makes."""
    return ''.join(command.parser().format_help().split())


def without_blanks(text: str) -> str:
    return ''.join(text.split())


def test_help_is_the_docstring():
    command = Command('x.py', 'Do.\n\n  As here.', everything)
    assert 'Do.\n\n  As here.' in command.parser().format_help()
    assert command.parser().format_help().startswith('usage: x.py ')
    for words in (
        'source Where it is: 100 % of a.Source.',
        'number A number in two lines.',
        '--names NAMES [NAMES ...] Some names. Default: a b.',
        '--seed N The seed. --fps',
        '--fps FPS Frames a second. Default: 30.',
        '--kind {ntu,pku} What it is. Default: ntu.',
        '--amp Be fast.',
        '--no-validate Do not evaluate.',
        '--resume [RESUME] Whether, or what. --cfg',
        '--cfg-options KEY=VALUE [KEY=VALUE ...] New values, such as train_cfg.max_epochs=10.',
        '--local-rank N The rank. Default: 0.',
    ):
        assert without_blanks(words) in help_of(command)
    assert 'no argument' not in command.parser().format_help()
    other = Command('x.py', 'Do.', everything, options={'seed': Option(help='For luck.')})
    assert without_blanks('--seed N For luck.') in help_of(other)


def test_docstrings_arguments():
    texts = documented_arguments(everything)
    assert set(texts) == set(GIVEN)
    assert texts['number'] == 'A number in two lines.'
    assert documented_arguments(test_docstrings_arguments) == {}
    assert plain_text('see :func:`~halp_mm.apis.evaluate`, ``None``') == (
        'see halp_mm.apis.evaluate, None'
    )


def test_mistakes_of_a_command_are_found():
    with pytest.raises(TypeError, match=r"x\.py has options of \{'sed'\}"):
        Command('x.py', '', everything, options={'sed': Option()}).parser()

    def undocumented(seed: int = 0):
        """Do it."""

    with pytest.raises(TypeError, match=r"no docstring says what \{'seed'\} are"):
        Command('x.py', '', undocumented).parser()

    def strange(config: bytes):
        """Do it.

        Args:
            config: Something that is no word.
        """

    with pytest.raises(TypeError, match=r'no words of a command line make .*bytes'):
        Command('x.py', '', strange).parser()


def raising(error: BaseException | None):
    def work(out: str, answer: str = ''):
        """Do it.

        Args:
            out: The file.
            answer: What to print.
        """
        if error is not None:
            raise error
        return answer

    return Command('x.py', 'Do.', work, after_interruption='{out} was not written')


@pytest.mark.parametrize(
    ('error', 'status', 'message'),
    [
        (ValueError('bad'), 1, 'x.py: error: bad\n'),
        (OSError(2, 'No such file', 'a'), 1, "x.py: error: [Errno 2] No such file: 'a'\n"),
        (FileNotFoundError('there is no a'), 1, 'x.py: error: there is no a\n'),
        (ModuleNotFoundError('install it'), 1, 'x.py: error: install it\n'),
        (KeyboardInterrupt(), 130, 'x.py: interrupted; a{b} was not written\n'),
    ],
)
def test_errors_are_one_line(error, status, message, capsys):
    assert raising(error).main(['a{b}']) == status
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('', message)


@pytest.mark.parametrize('error', [KeyError('x'), TypeError('x'), RuntimeError('x')])
def test_programming_errors_pass(error):
    with pytest.raises(type(error)):
        raising(error).main(['a'])


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        ('', 'the following arguments are required: '),
        ('--out file', 'the following arguments are required: source, number'),
        ('clips 3', 'the following arguments are required: --out'),
        ('clips three --out file', "argument number: invalid int value: 'three'"),
        ('clips 3 --out file a b', 'unrecognized arguments: b'),
        ('clips 3 --out file --see 1', 'unrecognized arguments: --see 1'),
        ('clips 3 --out file --kind msr', "argument --kind: invalid choice: 'msr' (choose from"),
        ('clips 3 --out file --cfg-options a', "argument --cfg-options: 'a' is no KEY=VALUE"),
        ('clips 3 --out file --cfg-options =1', "argument --cfg-options: '=1' is no KEY=VALUE"),
        (
            'clips 3 --out file --cfg-options a=[(1,2]',
            "'a=[(1,2]' cannot be read: a ')' is missing",
        ),
    ],
)
def test_wrong_usage_is_one_line(words, message, capsys):
    with pytest.raises(SystemExit) as left:
        Command('x.py', 'Do.', everything).main(words.split())
    assert left.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.count('\n') == 1
    assert captured.err.startswith('x.py: error: ')
    assert message in captured.err


def test_wrong_usage_that_only_the_command_knows(capsys):
    with pytest.raises(SystemExit) as left:
        raising(UsageError('give either')).main(['a'], 'halp-mm x')
    assert left.value.code == 2
    assert capsys.readouterr().err == 'halp-mm x: error: give either\n'


def test_what_is_returned_is_printed(capsys):
    assert raising(None).main(['a', '--answer', 'yes']) == 0
    assert capsys.readouterr().out == 'yes\n'
    Command('x.py', 'Do.', everything).main(['clips', '3', '--out', 'file'])
    assert capsys.readouterr().out == ''


def test_a_reader_that_leaves_is_no_error():
    """As with ``| head -1``: not a word on stderr, and not status 0."""
    program = (
        'import sys\n'
        'from halp_mm.commands.command_line import Command\n'
        'def run() -> str:\n'
        '    """Say much."""\n'
        '    return "a line\\n" * 1_000_000\n'
        'sys.exit(Command("much.py", "Say much.", run).main([]))'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout.readline() == b'a line\n'
    process.stdout.close()
    assert process.stderr.read() == b''
    process.stderr.close()
    assert process.wait(60) == 141


@pytest.mark.parametrize(
    ('words', 'status'),
    [(['--help'], 141), (['--version'], 141), (['prepare-ntu', '--help'], 0)],  # argparse's own
)
def test_a_reader_of_the_help_that_leaves_is_no_error(words, status):
    read_end, write_end = os.pipe()
    os.close(read_end)
    done = subprocess.run(
        [sys.executable, '-m', 'halp_mm', *words],
        stdout=write_end,
        stderr=subprocess.PIPE,
        env=environment(),
        check=False,
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (status, b'')

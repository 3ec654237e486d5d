"""C that is compiled where it runs, and what is said where it cannot be."""

import ctypes
import os
import re
import stat
import sys

import pytest
import torch

from halp_mm import compiled_c
from halp_mm.compiled_c import compiled, compiled_for
from halp_mm.models.modules import paired_gru
from tests.helpers import generator, needs_compiled

GATES = 'halp_mm.models.modules', 'gru_gates.c'


@pytest.fixture
def said(monkeypatch):
    """Compile anew, by ``cc`` unless a test says otherwise; return what the log says."""
    lines = []
    monkeypatch.delenv('CC', raising=False)
    monkeypatch.setattr(compiled_c, 'print_log', lambda text, logger: lines.append(text))
    compiled.cache_clear()

    def compile_and_listen():
        lines.clear()
        return compiled(*GATES), '\n'.join(lines)

    yield compile_and_listen
    compiled.cache_clear()


def test_it_is_compiled_once_and_leaves_nothing(said, tmp_path, monkeypatch):
    needs_compiled(*GATES)
    compiled.cache_clear()
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    library, text = said()
    assert text.count('gru_gates.c is compiled by cc') == 1
    assert isinstance(library, ctypes.CDLL)
    assert not any(tmp_path.iterdir())
    assert said() == (library, '')


def compiler(path, script: str) -> None:
    """Write a program that stands for a compiler."""
    path.write_text(f'#!{sys.executable}\n{script}')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ('script', 'reason'),
    [
        (None, "there is no C compiler '.*cc1'"),
        ('import sys; sys.exit("cc1: no such option\\nmore")', 'cc1 failed: cc1: no such option$'),
        ('import sys; open(sys.argv[-1], "w").write("text")', 'invalid ELF header|file too short'),
    ],
)
def test_without_it_operators_do_the_work(said, monkeypatch, tmp_path, script, reason):
    if script and sys.platform != 'linux':
        pytest.skip('a script that stands for a compiler is for Linux')
    if script:
        compiler(tmp_path / 'cc1', script)
    monkeypatch.setenv('CC', os.fspath(tmp_path / 'cc1'))
    library, text = said()
    assert library is None
    line = r"PyTorch's operators do the work of gru_gates.c, which takes longer: "
    assert re.search(f'{line}.*({reason})', text, re.MULTILINE)
    cells = [torch.nn.GRU(4, 5) for _ in range(2)]
    inputs = torch.randn(3, 2, 4, generator=generator())
    states = paired_gru.run_pair(*cells, inputs)
    torch.testing.assert_close(states, torch.stack([cell(inputs)[0] for cell in cells], 2))
    assert said()[1] == ''


def test_arguments_of_the_compiler(said, monkeypatch):
    """``CC`` may hold some, as it does for make."""
    needs_compiled(*GATES)
    for value, line in (
        ('cc -DNOTHING=1', 'gru_gates.c is compiled by cc -DNOTHING=1'),
        (' ', 'gru_gates.c is compiled by cc'),
        ("cc '", "PyTorch's operators do the work of gru_gates.c, .*: No closing quotation"),
    ):
        compiled.cache_clear()
        monkeypatch.setenv('CC', value)
        assert re.fullmatch(line, said()[1])


def test_it_is_for_float32_and_few_threads():
    needs_compiled(*GATES)
    small, large = torch.empty(compiled_c.SHARED_FROM - 1), torch.empty(compiled_c.SHARED_FROM)
    assert compiled_for(small, *GATES) is compiled(*GATES)
    assert compiled_for(small.double(), *GATES) is None
    assert compiled_for(small.to('meta'), *GATES) is None
    former = torch.get_num_threads()
    try:
        torch.set_num_threads(compiled_c.FASTER_THAN)
        assert compiled_for(large, *GATES) is not None
        torch.set_num_threads(compiled_c.FASTER_THAN + 1)
        assert compiled_for(large, *GATES) is None
        assert compiled_for(small, *GATES) is not None
    finally:
        torch.set_num_threads(former)

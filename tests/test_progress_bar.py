"""A bar on a terminal, a few lines in a file."""

import io
import re

import pytest

from halp_mm import progress_bar as module
from halp_mm.progress_bar import MAX_LINES, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_few_lines_in_a_file(monkeypatch):
    monkeypatch.setattr(module, '_MIN_SECONDS', 0)
    file = io.StringIO()
    with progress_bar(6007, file) as step:
        for _ in range(6007):
            step()
    lines = file.getvalue().splitlines()
    assert 15 < len(lines) <= MAX_LINES
    assert all(re.fullmatch(r'\d+/6007, \d+ s', line) for line in lines)
    assert lines[-1].startswith('6007/6007')


def test_quick_work_ends_with_one_line():
    file = io.StringIO()
    with progress_bar(100, file) as step:
        for _ in range(100):
            step()
    assert file.getvalue() == '100/100, 0 s\n'


def test_bar_on_a_terminal():
    file = Terminal()

    def work_that_fails() -> None:
        with progress_bar(3, file) as step:
            step()
            raise ValueError('stop')

    with pytest.raises(ValueError, match='stop'):
        work_that_fails()
    assert '1/3' in file.getvalue()
    assert file.getvalue().rstrip('\x1b[?25h').endswith('\n')

"""Tables: plain in a file, with a line below the head on a terminal."""

import sys

from halp_mm.tables import table_text

ROWS = [['untrained', '3.1', ':smile:'], ['[bold]a name with spaces', '10.0', '']]


def test_plain_when_redirected():
    assert table_text(ROWS, ['encoder', 'kNN', 'note'], texts=(0, 2)).splitlines() == [
        'encoder                    kNN  note',
        'untrained                  3.1  :smile:',
        '[bold]a name with spaces  10.0',
    ]
    assert table_text(ROWS, texts=(0, 2)).splitlines()[0].split() == ROWS[0]


def test_no_line_is_broken_in_a_file():
    name = '/'.join(['folder'] * 100)
    assert table_text([[name, '1']], ['file', 'n']).splitlines()[1] == f'{name}  1'


def test_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys.stdout, 'isatty', lambda: True, raising=False)
    monkeypatch.setenv('TERM', 'dumb')
    lines = table_text(ROWS, ['encoder', 'kNN', 'note'], texts=(0, 2)).splitlines()
    assert set(lines[1]) == {'─'}
    assert [line.split()[0] for line in lines[::2]] == ['encoder', 'untrained']

"""The papers' figures, against the papers' text."""

import re

import pytest

from halp_mm.reporting import published_tables
from halp_mm.reporting.settings import letters
from tests.runs import ROOT

PAPERS = ROOT.parent / 'shared' / 'papers'
TABLES = published_tables()
GAIN = re.compile(r'[↑†]\s*\d+\.\d')  # AimCLR, Table 2, beside each figure
FIGURE = re.compile(r'(?<![\w.])\d{2}\.\d(?![\d.%])')


def printed_figures(paper: str, number: int) -> list[list[float]]:
    """The figures of each line of a table in a paper's text."""
    path = PAPERS / f'{paper}.txt'
    if not path.is_file():
        pytest.skip(f'there is no text of the paper, {path}')
    lines = path.read_text(encoding='utf-8').splitlines()
    # HaLP's captions stand above their tables, AimCLR's below; both are set apart by empty lines.
    if paper == 'halp':
        (place,) = (i for i, line in enumerate(lines) if line.startswith(f'Table {number}. '))
        body = lines[place + 2 :]
    else:
        (place,) = (i for i, line in enumerate(lines) if line.startswith(f'Table {number}: '))
        body = lines[place - 2 :: -1]
    end = body.index('')
    table = body[:end] if paper == 'halp' else body[:end][::-1]
    figures = [[float(text) for text in FIGURE.findall(GAIN.sub('', line))] for line in table]
    return [row for row in figures if row]


@pytest.mark.parametrize('table', TABLES, ids=lambda table: table.source)
def test_figures_are_those_of_the_paper(table):
    paper = 'halp' if table.source.startswith('HaLP') else 'aimclr'
    stored = [[value for value in row.values if value is not None] for row in table.rows]
    assert stored == printed_figures(paper, table.table)


@pytest.mark.parametrize('table', TABLES, ids=lambda table: table.source)
def test_methods_are_those_of_the_paper(table):
    """Each row's name and first figure stand in one line of the paper."""
    paper = 'halp' if table.source.startswith('HaLP') else 'aimclr'
    path = PAPERS / f'{paper}.txt'
    if not path.is_file():
        pytest.skip(f'there is no text of the paper, {path}')
    lines = path.read_text(encoding='utf-8').replace('$MS^{2}L$', 'MS²L').splitlines()
    lines = [line.replace('MS ² L', 'MS²L') for line in lines]
    for row in table.rows:
        name = row.method.removesuffix(' (MoCo)').removesuffix('§').replace(' + ', '+')
        figure = next(f'{value:.1f}' for value in row.values if value is not None)
        assert any(line.replace(' + ', '+').startswith(name) and figure in line for line in lines)


def test_tables_are_whole():
    assert [table.source for table in TABLES] == [
        *(f'HaLP (CVPR 2023), Table {number}' for number in (1, 2, 3)),
        *(f'AimCLR (AAAI 2022), Table {number}' for number in range(2, 9)),
    ]
    for table in TABLES:
        assert all(len(row.values) == len(table.columns) for row in table.rows)


def test_methods_that_can_be_measured_have_configs():
    named = {row.measured['method'] for table in TABLES for row in table.rows if row.measured}
    assert {'HaLP', 'MoCo', 'CMD', 'HaLP + CMD', 'AimCLR', 'SkeletonCLR', 'ST-GCN'} <= named
    folders = {
        letters(path.name.replace('crosclr', 'crossclr')) for path in (ROOT / 'configs').iterdir()
    }
    assert {letters(name) for name in named} <= folders

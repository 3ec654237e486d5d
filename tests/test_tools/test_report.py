"""tools/report.py, end to end."""

from tests.reports import write_result
from tests.runs import CONFIG, run_tool, tiny_options


def test_page_of_a_real_evaluation(random_clips, tmp_path):
    results = tmp_path / 'results'
    for seed in (0, 1):
        evaluation = run_tool(
            *('test.py', CONFIG, '--untrained', '--protocol', 'knn', '--seed', seed),
            *('--out', results / f'{seed}.json', *tiny_options(random_clips)),
        )
        assert evaluation.returncode == 0, evaluation.stderr
    page = tmp_path / 'page.html'
    result = run_tool('report.py', results, '--out', page)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:2] == ['results   2 files, 1 settings', 'pictures  1']
    assert [line.partition(' of 3')[0] for line in lines[2:-1]] == [
        *('note: 0.json: 1', 'note: 1.json: 1'),  # classes have no training clips
    ]
    assert lines[-1] == f'written: {page}'
    text = page.read_text()
    assert 'halp bigru joint (from synthetic xsub) (untrained)' in text
    assert '2 (0, 1)' in text


def test_one_line_errors(tmp_path):
    write_result(tmp_path / 'results' / 'a.json')
    for arguments, message in (
        ((tmp_path / 'none', '--out', tmp_path / 'page.html'), 'there is no folder of results'),
        ((tmp_path / 'results', '--out', tmp_path / 'page.txt'), 'ends in .html or .md'),
    ):
        result = run_tool('report.py', *arguments)
        assert result.returncode == 1
        assert result.stderr.startswith('report.py: error: ')
        assert message in result.stderr
        assert result.stderr.count('\n') == 1
    assert list(tmp_path.iterdir()) == [tmp_path / 'results']

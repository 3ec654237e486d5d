"""tools/report.py, end to end."""

import runpy

from tests.reports import write_result
from tests.runs import CONFIG, ROOT, run_tool, tiny_options


def test_page_of_a_real_evaluation(random_clips, tmp_path):
    results = tmp_path / 'results'
    evaluation = run_tool(
        *('test.py', CONFIG, '--untrained', '--protocol', 'knn', '--seed', 3),
        *('--out', results / 'knn.json', *tiny_options(random_clips)),
    )
    assert evaluation.returncode == 0, evaluation.stderr
    page = tmp_path / 'page.html'
    result = run_tool('report.py', results, '--out', page)
    assert result.returncode == 0, result.stderr
    first, second, note, last = result.stdout.splitlines()
    assert (first, second) == ('results   1 file, 1 setting', 'pictures  1')
    assert note.startswith('note: knn.json: 1 of 3 classes have no training clips')
    assert last == f'written: {page}'
    text = page.read_text()
    assert 'HaLP BiGRU joint (untrained)' in text
    assert '1 (3)' in text


def test_one_line_errors(tmp_path, capsys):
    main = runpy.run_path(str(ROOT / 'tools' / 'report.py'))['main']
    write_result(tmp_path / 'results' / 'a.json')
    for folder, page, message in (
        ('none', 'page.html', 'there is no folder of results'),
        ('results', 'page.txt', 'page.txt; expected a name that ends in .html or .md'),
    ):
        assert main([str(tmp_path / folder), '--out', str(tmp_path / page)]) == 1
        captured = capsys.readouterr()
        assert captured.out == ''
        assert captured.err.startswith('report.py: error: ')
        assert message in captured.err
        assert captured.err.count('\n') == 1
    assert list(tmp_path.iterdir()) == [tmp_path / 'results']

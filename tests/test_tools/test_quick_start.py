"""tools/quick_start.py, end to end with one epoch."""

import re

from tests.runs import CONFIG, run_tool


def test_quick_start_prints_the_table_and_leaves_what_it_names(tmp_path):
    result = run_tool('quick_start.py', '--config', CONFIG, '--epochs', 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    table = result.stdout[result.stdout.index('top-1 accuracy') :]
    for encoder in ('untrained', 'trained'):
        knn, linear = re.search(rf'^{encoder} encoder +([\d.]+) +([\d.]+)$', table, re.M).groups()
        assert 0 < float(knn) < 100
        assert 0 < float(linear) < 100
    knn, logistic = re.search(r'^coordinates +([\d.]+) +([\d.]+)$', table, re.M).groups()
    assert 50 < float(knn) < 100
    assert 50 < float(logistic) < 100
    for name in ('checkpoint', 'log', 'curves'):
        path = tmp_path / re.search(rf'^{name} +(\S+)$', table, re.M)[1]
        assert path.stat().st_size > 1000, name
    assert (tmp_path / 'data' / 'synthetic.safetensors').exists()

"""The tables of a benchmark, of result files that are made here."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from halp_mm.reporting.benchmark_report import SplitRows, write_benchmark
from halp_mm.reporting.benchmark_rows import RowFiles, column_heading
from tests.reports import result_content, run_content

NUM_CLIPS = 200


def hits_with(share: float, seed: int) -> np.ndarray:
    """Hits of a share of the clips: the first ones for all, but that a seed has other 4 clips."""
    hits = np.zeros(NUM_CLIPS, np.float32)
    hits[: round(share * NUM_CLIPS)] = 1
    swapped = np.random.default_rng(seed).permutation(NUM_CLIPS)[:4]
    hits[swapped] = 1 - hits[swapped]
    return hits


def write_result(
    path: Path, protocol: str, hits: dict[str, np.ndarray], names: str = 'clip', **changes
) -> Path:
    """A result file, and the file of its hits."""
    metrics = {metric: 100 * float(array.mean()) for metric, array in hits.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = result_content(
        run_content(**changes),
        protocol=protocol,
        metrics={'top1': 50.0, 'top5': 90.0} | metrics,
        data_files=[{'file': 'data/mine.safetensors', 'bytes': 1234, 'sha256': 'e' * 64}],
    )
    path.write_text(json.dumps(content))
    arrays = {f'hits/{metric}': array for metric, array in hits.items()}
    np.savez(
        path.with_suffix('.npz'), names=np.array([f'{names}{i}' for i in range(200)]), **arrays
    )
    return path


def trained(folder: Path, name: str, share: float, seeds=(0, 1, 2), names: str = 'clip', **places):
    """A row of kNN and few-shot accuracies, whose labels help a little."""
    results = []
    for seed in seeds:
        place = folder / name / f'seed_{seed}'
        knn = {'top1': hits_with(share, seed)}
        shots = {f'{n}_shot/top1': hits_with(share - 0.3 + n / 100, seed) for n in (5, 20)}
        results += [(seed, write_result(place / 'knn.json', 'knn', knn, names))]
        results += [(seed, write_result(place / 'few_shot.json', 'few_shot', shots, names))]
        record = {'cpu_seconds': {'training': 90.0}, 'stopped_after': places.get('limit')}
        (place / 'run.json').write_text(json.dumps(record))
    places.pop('limit', None)
    records = [folder / name / f'seed_{seed}' / 'run.json' for seed in seeds]
    kind = places.pop('kind', 'trained')
    command = f'python tools/benchmark.py --methods {name}'
    return RowFiles(
        kind,
        name,
        '',
        command,
        f'configs/{name}/bigru_mine.py',
        results,
        records,
        method=name,
        **places,
    )


@pytest.fixture
def rows(tmp_path) -> list[RowFiles]:
    hits = {'knn/top1': hits_with(0.5, 0), 'logistic/top1': hits_with(0.6, 0)}
    coordinates = write_result(tmp_path / 'c' / 'coordinates.json', 'coordinates', hits)
    return [
        RowFiles(
            'coordinates', 'coordinates', '', 'python x', 'configs/moco/a.py', [(None, coordinates)]
        ),
        trained(tmp_path, 'untrained', 0.4, kind='untrained'),
        trained(tmp_path, 'moco', 0.70, coordinates=0, untrained=1),
        trained(tmp_path, 'halp', 0.705, coordinates=0, untrained=1),
        trained(tmp_path, 'cmd', 0.5, coordinates=0, untrained=1, limit=480.0),
        trained(tmp_path, 'stgcn', 0.9, kind='supervised', coordinates=0),
    ]


def table(page: str, caption: str) -> dict[str, dict[str, str]]:
    """A table of the page: its cells by row and heading."""
    _, _, text = page.partition(f'### {caption}\n')
    lines = [line for line in text.split('\n### ')[0].splitlines() if line.startswith('|')]
    headings, _, *body = [[cell.strip() for cell in line.split('|')[1:-1]] for line in lines]
    return {cells[0]: dict(zip(headings, cells)) for cells in body}


def test_accuracies_and_differences(rows, tmp_path):
    written = write_benchmark([SplitRows('mine xsub_test', rows)], tmp_path, 'A summary.', ['Why.'])
    assert written.notes == ['Why.']
    page = (tmp_path / 'report.md').read_text()
    accuracies = table(page, 'Accuracies')
    knn = [100 * hits_with(0.70, seed).mean() for seed in range(3)]
    mean, deviation = np.mean(knn), np.std(knn, ddof=1)
    assert accuracies['moco']['kNN'].removesuffix(' ≈') == f'{mean:.1f} ± {deviation:.1f}'
    assert list(accuracies['moco']) == [
        '', 'kNN', 'linear', '5 labels a class', '20 labels a class', 'seeds', 'training, CPU min',
    ]  # fmt: skip
    assert accuracies['moco']['training, CPU min'] == '1.5'
    assert accuracies['moco']['seeds'] == '3'
    assert accuracies['coordinates']['linear'].startswith('**')
    assert accuracies['coordinates']['kNN'] == f'{100 * hits_with(0.5, 0).mean():.1f}'
    assert accuracies['halp']['kNN'].startswith('**'), 'the best without labels'
    assert not accuracies['stgcn']['kNN'].startswith('**')
    assert {'*Without training*', '*Trained without labels*', '*Trained with labels*'} <= set(
        accuracies
    )
    assert '†: ended by the time limit' in page
    assert 'cmd †' in accuracies

    of_coordinates = table(page, 'Minus the coordinates, as the encoder sees them')
    expected = np.mean([hits_with(0.70, seed).mean() for seed in range(3)])
    expected = 100 * (expected - hits_with(0.5, 0).mean())
    assert of_coordinates['moco']['kNN'].startswith(f'**{expected:+.1f} ')
    assert list(of_coordinates['moco']) == ['', 'kNN'], 'coordinates have no few-shot result here'
    assert not of_coordinates['cmd †']['kNN'].startswith('**')
    of_untrained = table(page, 'Minus the untrained encoder')
    assert set(of_untrained) == {'moco', 'halp', 'cmd †'}
    assert of_untrained['moco']['5 labels a class'].startswith('**+')
    of_baseline = table(page, 'Minus moco')
    assert set(of_baseline) == {'halp', 'cmd †', 'stgcn'}
    assert not of_baseline['halp']['kNN'].startswith('**'), 'one clip more is chance'
    assert table(page, 'Rows')['halp']['Command'] == 'python tools/benchmark.py --methods halp'
    assert table(page, 'Data files')['data/mine.safetensors']['SHA-256'] == 'e' * 64
    html = (tmp_path / 'report.html').read_text()
    assert f'<strong>{accuracies["halp"]["kNN"].strip("*")}</strong>' in html


def test_the_baseline_is_the_one_that_was_trained_on_the_same_clips(rows, tmp_path):
    pooled = [
        replace(
            trained(tmp_path, f'{name}_pooled', share), name=name, method=name, trained_on='all'
        )
        for name, share in (('moco', 0.6), ('halp', 0.65))
    ]

    def gain(share: float, other: float) -> str:
        gains = [hits_with(share, i).mean() - hits_with(other, i).mean() for i in range(3)]
        return f'{100 * np.mean(gains):+.1f} '

    for of_set, caption, expected in (
        (
            [*rows, *pooled],
            'moco, trained on the same clips',
            {'halp': gain(0.705, 0.7), 'halp (from all)': gain(0.65, 0.6)},
        ),
        (pooled, 'moco (from all)', {'halp (from all)': gain(0.65, 0.6)}),
        ([*rows, pooled[1]], 'moco', {'halp (from all)': gain(0.65, 0.7)}),
    ):
        written = write_benchmark([SplitRows('mine xsub_test', of_set)], tmp_path, 'A summary.')
        assert not written.notes
        differences = table((tmp_path / 'report.md').read_text(), f'Minus {caption}')
        assert not {'moco', 'moco (from all)'} & set(differences)
        for name, text in expected.items():
            assert differences[name]['kNN'].strip('*').startswith(text)


def test_what_is_not_there_yet_is_left_out(rows, tmp_path):
    (tmp_path / 'halp' / 'seed_2' / 'knn.json').unlink()
    (tmp_path / 'halp' / 'seed_1' / 'knn.npz').unlink()
    rows.append(RowFiles('trained', 'later', '', 'x', 'c/later.py', [(0, tmp_path / 'none.json')]))
    written = write_benchmark([SplitRows('mine xsub_test', rows)], tmp_path, 'A summary.')
    (problem,) = written.notes
    assert 'seed_1/knn.json: no difference is tested, as ' in problem
    page = (tmp_path / 'report.md').read_text()
    accuracies = table(page, 'Accuracies')
    assert accuracies['halp']['seeds'] == '2 to 3'
    assert 'later' not in accuracies
    one = 100 * (hits_with(0.705, 0).mean() - hits_with(0.70, 0).mean())
    assert table(page, 'Minus moco')['halp']['kNN'].strip('*').startswith(f'{one:+.1f} ')
    with pytest.raises(ValueError, match='there is no result yet'):
        write_benchmark([SplitRows('mine xsub_test', rows[-1:])], tmp_path, 'A summary.')


def test_rows_of_other_clips_are_not_compared(rows, tmp_path):
    rows.append(trained(tmp_path, 'other', 0.5, names='file'))
    written = write_benchmark([SplitRows('mine xsub_test', rows)], tmp_path, 'A summary.')
    (note,) = written.notes
    assert note == 'mine xsub_test: rows are of different test clips, so nothing is compared'
    assert '### Minus' not in (tmp_path / 'report.md').read_text()


def test_headings():
    names = ('knn', 'linear', '1_shot', '20_shot', 'retrieval', 'classifier')
    assert [column_heading(name) for name in names] == [
        'kNN', 'linear', '1 label a class', '20 labels a class', 'retrieval', 'own answers',
    ]  # fmt: skip

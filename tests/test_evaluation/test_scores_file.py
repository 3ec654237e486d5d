"""Files of class scores: there and back, and files that are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from halp_mm.evaluation import read_scores, top_k_accuracy, write_scores
from tests.test_evaluation.test_fusion import CLASSES, result_of


class Touching:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


@pytest.fixture
def arrays(tmp_path: Path) -> dict[str, np.ndarray]:
    """The arrays of a good file."""
    write_scores(result_of(), tmp_path / 'good.npz')
    with np.load(tmp_path / 'good.npz', allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r'.') as caught:
        read_scores(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert f'tools/test.py CONFIG CHECKPOINT --dump {path}' in message
    return message


def test_there_and_back(tmp_path):
    result = result_of(names=[f'clip {i} ü' for i in range(60)], split='')
    path = tmp_path / 'folder' / 'scores.npz'
    write_scores(result, path)
    found = read_scores(path)
    for key in ('names', 'classes', 'dataset', 'split', 'protocol'):
        assert getattr(found, key) == getattr(result, key)
    assert torch.equal(found.scores, result.scores)
    assert torch.equal(found.labels, result.labels)
    top1, top5 = (top_k_accuracy(result.scores, result.labels, k) for k in (1, 5))
    assert found.metrics == {'top1': top1, 'top5': top5, 'num_test': 60}
    before = path.read_bytes()
    write_scores(found, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ['scores.npz']


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no file of scores .*none.npz. Make it'):
        read_scores(tmp_path / 'none.npz')


def test_files_that_are_no_archives(tmp_path, arrays):
    good, bad = (tmp_path / 'good.npz').read_bytes(), tmp_path / 'bad.npz'
    for content in (b'', b'scores', good[:-30], good[: len(good) // 2]):
        bad.write_bytes(content)
        assert f'({len(content)} bytes) is truncated or not a NumPy archive' in refusal(bad)
    with bad.open('wb') as file:
        np.save(file, arrays['scores'])
    assert 'not a NumPy archive' in refusal(bad)


def test_damaged_archive(tmp_path, arrays):
    content = bytearray((tmp_path / 'good.npz').read_bytes())
    content[500] ^= 0xFF  # in the scores
    (tmp_path / 'bad.npz').write_bytes(content)
    assert 'is damaged' in refusal(tmp_path / 'bad.npz')


def test_pickled_objects_are_refused_and_not_run(tmp_path, arrays):
    trace = tmp_path / 'trace'
    names = np.array([Touching(trace)] * 60, dtype=object)
    np.savez(tmp_path / 'bad.npz', **(arrays | {'names': names}))
    assert 'holds more than plain arrays' in refusal(tmp_path / 'bad.npz')
    assert not trace.exists()


@pytest.mark.parametrize('key', ['scores', 'labels', 'names', 'classes', 'split', 'protocol'])
def test_lacking_array(tmp_path, arrays, key):
    del arrays[key]
    np.savez(tmp_path / 'bad.npz', **arrays)
    assert f"lacks the arrays ['{key}']" in refusal(tmp_path / 'bad.npz')


BAD_ARRAYS = {
    'flat': ('scores', np.zeros(60, np.float32), 'scores are float32 [60]; expected float32 ['),
    'integers': ('scores', np.zeros((60, 7), int), 'scores are int64 [60, 7]; expected float32'),
    'empty': ('scores', np.zeros((0, 7), np.float32), 'scores are float32 [0, 7]; expected'),
    'short': ('labels', np.zeros(59, int), 'labels are int64 [59]; expected int64 [60]'),
    'fractions': ('labels', np.zeros(60), 'labels are float64 [60]; expected int64 [60]'),
    'far': ('labels', np.arange(60), 'labels are 0 to 59; expected 0 to 6'),
    'negative': ('labels', np.arange(60) % 7 - 1, 'labels are -1 to 5; expected 0 to 6'),
    'names': ('names', np.array(['a']), 'names is text [1]; expected text [60] beside scores'),
    'numbers': ('names', np.arange(60), 'names is int64 [60]; expected text [60]'),
    'classes': ('classes', np.array(CLASSES[:5]), 'classes is text [5]; expected text [7]'),
    'dataset': ('dataset', np.array(['a', 'b']), 'dataset is text [2]; expected text []'),
    'features': (
        'features/joint',
        np.zeros((59, 4), np.float32),
        'features/joint is float32 [59, 4]; expected float32 [60, D]',
    ),
}


def test_features_of_every_stream_there_and_back(tmp_path):
    features = {stream: torch.randn(60, 4) for stream in ('joint', 'bone')}
    write_scores(replace(result_of(), features=features), tmp_path / 'scores.npz')
    found = read_scores(tmp_path / 'scores.npz').features
    assert list(found) == ['joint', 'bone']
    assert all(torch.equal(found[stream], features[stream]) for stream in features)


@pytest.mark.parametrize(('key', 'array', 'message'), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_arrays_that_do_not_fit(tmp_path, arrays, key, array, message):
    np.savez(tmp_path / 'bad.npz', **(arrays | {key: array}))
    assert message in refusal(tmp_path / 'bad.npz')


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_scores_that_are_not_finite(tmp_path, arrays, value):
    arrays['scores'][[3, 3, 8], [0, 1, 2]] = value
    np.savez(tmp_path / 'bad.npz', **arrays)
    message = refusal(tmp_path / 'bad.npz')
    assert "scores of 2 of 60 clips are NaN or infinite, such as those of 'clip3'" in message

"""The small files that say which test clips were recognised."""

import numpy as np
import pytest
import torch

from halp_mm.evaluation import EvaluationResult
from halp_mm.evaluation.hits_file import read_hits, write_hits


@pytest.fixture
def written(tmp_path):
    hits = {'top1': torch.tensor([1.0, 0.0]), '5_shot/top1': torch.tensor([0.2, 0.6])}
    result = EvaluationResult(
        {}, torch.zeros(2, 2), torch.zeros(2), ['a', 'é'], ['x', 'y'], 'd', 's', 'p', hits=hits
    )
    write_hits(result, tmp_path / 'knn.npz')
    return tmp_path / 'knn.npz', hits


def test_what_is_read_is_what_was_written(written):
    path, hits = written
    names, found = read_hits(path)
    assert names == ['a', 'é']
    assert found.keys() == hits.keys()
    for metric, array in found.items():
        np.testing.assert_array_equal(array, hits[metric].numpy())


def test_damaged_and_foreign_files(written, tmp_path):
    path, _ = written
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r'knn\.npz is damaged: .*do it again'):
        read_hits(path)
    np.savez(path, names=np.array(['a', 'b']), **{'hits/top1': np.zeros(3)})
    with pytest.raises(ValueError, match='has 2 clips, but hits of another number'):
        read_hits(path)
    np.savez(path, names=np.array([object()]))
    with pytest.raises(ValueError, match='is damaged'):
        read_hits(path)
    with pytest.raises(FileNotFoundError):
        read_hits(tmp_path / 'none.npz')

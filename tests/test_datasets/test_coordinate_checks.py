"""Numbers that are no coordinates, on every road into a data set."""

import numpy as np
import pytest
import torch

from halp_mm.commands.prepare_folder import main
from halp_mm.datasets import ClipStorage, ClipWriter, SkeletonDataset
from halp_mm.datasets.coordinate_checks import describe_bad_coordinates


@pytest.mark.parametrize(
    ('value', 'wrong'),
    [
        (1e9, None),
        (-1e9, None),
        (np.nan, '2 coordinates that are NaN or infinite'),
        (-np.inf, '2 coordinates that are NaN or infinite'),
        (3e38, '2 coordinates up to 3e+38, more than 1e+09, which is no place in any unit'),
        (-2e9, '2 coordinates up to 2e+09, more than 1e+09, which is no place in any unit'),
    ],
)
def test_description(value, wrong):
    clip = np.ones((1, 4, 20, 3), np.float32)
    clip[0, 1, 2, :2] = value
    assert describe_bad_coordinates(clip) == wrong
    assert describe_bad_coordinates(torch.from_numpy(clip)) == wrong


def test_absurd_coordinate_is_refused_at_preparation(tmp_path, capsys):
    clip = np.ones((4, 20, 3), np.float32)
    clip[1, 2, 0] = 3e38
    (tmp_path / 'clips').mkdir()
    np.save(tmp_path / 'clips' / 'far.npy', clip)
    (tmp_path / 'labels.csv').write_text('name,label,split\nfar,nod,train\n')
    words = [tmp_path / 'clips', '--layout', 'kinect_v1', '--labels', tmp_path / 'labels.csv']
    assert main([*map(str, words), '--out', str(tmp_path / 'out')]) == 1
    assert 'far.npy' in (error := capsys.readouterr().err)
    assert '1 coordinates up to 3e+38' in error


def test_absurd_coordinate_is_refused_at_reading(tmp_path):
    with ClipWriter(tmp_path / 'out', 'kinect_v1', ['nod'], 'one') as writer:
        writer.add('far', np.full((1, 4, 20, 3), 0.125), 0, ['train'])
    content = (tmp_path / 'out').read_bytes()
    start = content.index(np.full(240, 0.125, '<f4').tobytes())
    changed = content[:start] + np.float32(3e38).tobytes() + content[start + 4 :]
    (tmp_path / 'out').write_bytes(changed)
    assert ClipStorage(tmp_path / 'out').clip(0).max() > 1e38
    with pytest.raises(ValueError, match=r"clip 'far' has 1 coordinates up to 3e\+38"):
        SkeletonDataset(tmp_path / 'out', 'train')[0]

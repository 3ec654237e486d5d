"""The picture of a run's curves."""

import json

import cv2
import pytest

from halp_mm.visualization import plot_curves


def write_log(work_dir, timestamp: str, lines: list[dict]) -> None:
    folder = work_dir / timestamp / 'vis_data'
    folder.mkdir(parents=True)
    text = '\n'.join(json.dumps(line) for line in lines)
    (folder / 'scalars.json').write_text(text)


def test_picture_of_a_resumed_run(tmp_path):
    first = [{'loss': 3.0 - epoch, 'epoch': epoch, 'step': 9 * epoch} for epoch in (1, 2, 3)]
    write_log(tmp_path, '20260101_000000', [*first, {'val/knn_top1': 40.0, 'step': 2}])
    picture = plot_curves(tmp_path, tmp_path / 'first.png')
    before = cv2.imread(str(picture))
    assert before.shape[1] > before.shape[0] > 100
    assert before.std() > 5, 'an empty picture'

    # Epoch 3 is trained again: the newer figure replaces the older one.
    write_log(tmp_path, '20260101_000001', [{'loss': -20.0, 'epoch': 3, 'step': 27}])
    plot_curves(tmp_path, tmp_path / 'second.png')
    after = cv2.imread(str(tmp_path / 'second.png'))
    assert (before != after).any()
    assert sorted(path.name for path in tmp_path.glob('*.png')) == ['first.png', 'second.png']


def test_no_log(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no log \*/vis_data/scalars.json under'):
        plot_curves(tmp_path, tmp_path / 'curves.png')


@pytest.mark.parametrize(
    ('name', 'panel'),
    [
        ('loss', 0),
        ('joint/moco/loss', 0),
        ('train_accuracy', 1),
        ('joint/moco/accuracy', 1),
        ('bone/lossless/t_star', 1),
        ('val/top1', 2),
        ('val/knn_top1', 2),
        ('val/linear_top5', 2),
    ],
)
def test_every_kind_of_figure_is_drawn(tmp_path, name, panel):
    pictures = []
    for middle in (1.5, 2.5):  # the axes are the same
        work_dir = tmp_path / str(middle)
        values = enumerate((1.0, middle, 3.0), 1)
        write_log(work_dir, '20260101_000000', [{name: v, 'epoch': epoch} for epoch, v in values])
        pictures.append(cv2.imread(str(plot_curves(work_dir, work_dir / 'curves.png'))))
    drawn = (pictures[0] != pictures[1]).any(axis=(0, 2)).nonzero()[0]
    assert set(drawn * 3 // pictures[0].shape[1]) == {panel}

"""The picture of features in the plane."""

import cv2
import numpy as np
import pytest

from halp_mm.visualization import plot_features
from halp_mm.visualization.feature_picture import MAX_CLASSES

TAB10 = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)]


def draw(tmp_path, classes: list[str], name: str = 'picture.png', each: int = 20) -> np.ndarray:
    """RGB of a picture of classes that stand in columns, from left to right."""
    labels = np.arange(each * len(classes)) % len(classes)
    points = np.stack([labels + 0.0, np.arange(len(labels)) // len(classes)], 1)
    path = plot_features(points, labels, classes, 'a title', tmp_path / name)
    return cv2.imread(str(path))[..., ::-1]


def test_each_class_has_its_colour_and_its_place(tmp_path):
    picture = draw(tmp_path, ['wave', 'nod', 'kick', 'bow', 'sit'])
    legend = 0.9 * picture.shape[1]
    previous_column = previous_row = -1.0
    for color in TAB10:
        rows, columns = np.nonzero((picture == color).all(-1))
        dots = columns < legend
        assert dots.sum() > 500
        assert (~dots).sum() > 10, 'not in the legend'
        assert columns[dots].mean() > previous_column
        assert rows[~dots].mean() > previous_row
        previous_column, previous_row = columns[dots].mean(), rows[~dots].mean()


def test_same_picture_twice_and_nothing_else(tmp_path):
    draw(tmp_path, ['wave', 'nod'], 'a.png')
    draw(tmp_path, ['wave', 'nod'], 'b.png')
    draw(tmp_path, ['wave', 'sit'], 'c.png')
    a, b, c = ((tmp_path / f'{name}.png').read_bytes() for name in 'abc')
    assert a == b != c
    assert len(list(tmp_path.iterdir())) == 3


def test_as_many_classes_as_can_be_told_apart(tmp_path):
    names = [f"touch other person's pocket or back {i}" for i in range(MAX_CLASSES)]
    picture = draw(tmp_path, names)
    legend = (picture[:, int(0.8 * picture.shape[1]) :] == 255).all(-1)
    assert legend[-5:].all(), 'the legend leaves the picture'
    assert legend[:, -5:].all(), 'the legend leaves the picture'
    assert not legend.all()
    with pytest.raises(ValueError, match='31 classes cannot be told apart; choose at most 30'):
        draw(tmp_path, [*names, 'one more'], 'b.png')
    assert not (tmp_path / 'b.png').exists()


def test_names_are_shown_as_they_are(tmp_path):
    """Not as formulas, and not hidden."""
    plain, odd = draw(tmp_path, ['a', 'b']), draw(tmp_path, ['$\\x{$', '_b'], 'odd.png')
    for picture in (plain, odd):
        for color in TAB10[:2]:
            assert (picture[:, int(0.9 * picture.shape[1]) :] == color).all(-1).any()


def test_other_endings(tmp_path):
    with pytest.raises(ValueError, match=r'picture.jpg; expected a name that ends in .png'):
        draw(tmp_path, ['a', 'b'], 'picture.jpg')

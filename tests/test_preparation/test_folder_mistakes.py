"""Mistakes that exports make are named as what they are."""

import numpy as np
import pytest

from halp_mm.commands.prepare_folder import main
from halp_mm.datasets import ClipStorage
from halp_mm.preparation.folder.labels import read_labels
from halp_mm.preparation.folder.source import read_clip
from halp_mm.skeletons import get_layout

PEOPLE = np.random.default_rng(0).normal(size=(2, 30, 25, 3))  # [M, T, V, C]


def save(path, array):
    np.save(path, array)
    return path


@pytest.mark.parametrize(
    ('array', 'transpose'),
    [
        (PEOPLE.transpose(3, 1, 2, 0), (3, 1, 2, 0)),
        (PEOPLE[:1].transpose(3, 1, 2, 0), (3, 1, 2, 0)),
        (PEOPLE.transpose(1, 0, 2, 3), (1, 0, 2, 3)),
        (PEOPLE[:1].transpose(1, 0, 2, 3), (1, 0, 2, 3)),
        (PEOPLE[:1, :3].transpose(1, 0, 2, 3), (1, 0, 2, 3)),
        (PEOPLE[0].transpose(2, 0, 1), (1, 2, 0)),
    ],
)
def test_axes_in_another_order(tmp_path, array, transpose):
    """The transpose that the message asks for makes a good clip of the array."""
    layout, path = get_layout('kinect_v2'), save(tmp_path / 'clip.npy', array)
    with pytest.raises(ValueError, match='axes are not in the order people, frames') as caught:
        read_clip(path, layout)
    call = f'save clip.transpose({", ".join(map(str, transpose))})'
    assert call in str(caught.value)
    clip = read_clip(save(path, array.transpose(transpose)), layout)
    people, frames = clip.shape[:2]
    np.testing.assert_array_equal(clip, PEOPLE[:people, :frames].astype(np.float32))


def test_scores_of_poses_in_an_image_are_no_third_person(tmp_path):
    draw = np.random.default_rng(0)
    pixels, scores = draw.uniform(0, 640, (2, 30, 17, 2)), draw.uniform(size=(2, 30, 17, 1))
    people = np.concatenate([pixels, scores], -1)
    layout = get_layout('coco17')
    with pytest.raises(ValueError, match=r'save clip\.transpose\(3, 1, 2, 0\)'):
        read_clip(save(tmp_path / 'a.npy', people.transpose(3, 1, 2, 0)), layout)
    assert read_clip(save(tmp_path / 'a.npy', people), layout).shape == (2, 30, 17, 3)
    three = draw.uniform(0, 640, (3, 30, 17, 2))
    assert read_clip(save(tmp_path / 'a.npy', three), layout).shape == (3, 30, 17, 2)


def test_a_few_people_in_few_frames_are_people(tmp_path):
    for shape in ((1, 1), (2, 1), (2, 2), (4, 4)):
        array = np.ones((*shape, 25, 3))
        assert (
            read_clip(save(tmp_path / 'a.npy', array), get_layout('kinect_v2')).shape[:2] == shape
        )


ROW = ','.join(['1.5'] * 75)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (ROW.encode('utf-16'), 'is UTF-16, not UTF-8'),
        (ROW.replace(',', ';').encode(), 'has semicolons between its cells: '),
        (
            ROW.replace(',', ';').replace('.', ',').encode(),
            'has semicolons between its cells, and a comma in its numbers',
        ),
        (f'{ROW}\n{ROW.replace("1.5", "", 1)}\n'.encode(), 'line 2: cell 1 is empty'),
        (f'{ROW}\n{ROW[:-3]}\n'.encode(), 'line 2: cell 75 is empty'),
    ],
)
def test_csv_clips(tmp_path, content, message):
    (tmp_path / 'clip.csv').write_bytes(content)
    with pytest.raises(ValueError, match=rf'clip\.csv.*{message}'):
        read_clip(tmp_path / 'clip.csv', get_layout('kinect_v2'))


def test_a_byte_order_mark_does_no_harm(tmp_path):
    (tmp_path / 'clip.csv').write_bytes(b'\xef\xbb\xbf' + ROW.encode())
    assert read_clip(tmp_path / 'clip.csv', get_layout('kinect_v2')).shape == (1, 1, 25, 3)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('name,label,split\na,x,train\n'.encode('utf-16'), 'is UTF-16, not UTF-8'),
        (b'name;label;split\na;x;train\n', 'has semicolons between its cells'),
    ],
)
def test_labels(tmp_path, content, message):
    (tmp_path / 'labels.csv').write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_labels(tmp_path / 'labels.csv')


def test_integer_labels_with_gaps_and_a_name_of_the_data_set(tmp_path, capsys):
    (tmp_path / 'clips').mkdir()
    for name in 'ab':
        save(tmp_path / 'clips' / f'{name}.npy', PEOPLE)
    (tmp_path / 'labels.csv').write_text('name,label,split\na,1,train\nb,12,train\n')
    words = [tmp_path / 'clips', '--layout', 'kinect_v2', '--labels', tmp_path / 'labels.csv']
    words += ['--dataset', 'my set', '--out', tmp_path / 'out', '--workers', 1]
    assert main([*map(str, words)]) == 0
    text = 'numbered anew: the classes 0 to 1 are called like their labels: 1, 12. With the names'
    out = capsys.readouterr().out
    assert text in out
    assert 'without clips' not in out
    storage = ClipStorage(tmp_path / 'out')
    assert (storage.dataset, storage.class_names) == ('my set', ['1', '12'])
    assert storage.labels.tolist() == [0, 1]
    (tmp_path / 'names').write_text('\n'.join(f'action {i}' for i in range(13)))
    assert main([*map(str, words), '--classes', str(tmp_path / 'names')]) == 0
    out = capsys.readouterr().out
    assert 'numbered anew' not in out
    assert 'classes without clips: 11 of 13: action 0, action 2, action 3' in out
    assert ClipStorage(tmp_path / 'out').labels.tolist() == [1, 12]


@pytest.mark.parametrize('name', ['labels.csv', 'other.csv'])
def test_a_labels_file_in_the_folder_is_used_and_said(tmp_path, capsys, name):
    folder = tmp_path / 'mine'
    folder.mkdir()
    for i in range(3):
        save(folder / f'clip{i}.npy', np.random.default_rng(i).normal(size=(9, 25, 3)))
    (folder / name).write_text('name,label,split\nclip0,a,train\nclip1,b,test\nclip2,,train\n')
    words = [folder, '--layout', 'kinect_v2', '--out', tmp_path / 'out', '--workers', 1]
    status = main([*map(str, words)])
    said = capsys.readouterr()
    if name == 'other.csv':  # taken for a clip, which it is not
        assert status == 1
        assert 'other.csv' in said.err
        return
    assert status == 0, said.err
    line = f'labels: those in {folder / name}, which was found in the folder'
    assert said.out.splitlines().count(line) == 1
    storage = ClipStorage(tmp_path / 'out')
    assert (storage.class_names, storage.labels.tolist()) == (['a', 'b'], [0, 1, -1])
    assert storage.notes['remarks'] == [line]


def test_a_clip_called_labels_is_a_clip(tmp_path):
    (tmp_path / 'mine').mkdir()
    np.savetxt(tmp_path / 'mine' / 'labels.csv', np.ones((4, 75)), delimiter=',')
    words = [tmp_path / 'mine', '--layout', 'kinect_v2', '--out', tmp_path / 'out', '--workers', 1]
    assert main([*map(str, words)]) == 0
    storage = ClipStorage(tmp_path / 'out')
    assert (storage.names, storage.labels.tolist()) == (['labels'], [-1])

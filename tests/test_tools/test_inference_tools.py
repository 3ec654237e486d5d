"""tools/infer.py, extract_features.py and find_similar.py, end to end and without any config."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

from halp_mm.apis import SkeletonInferencer, encode_files, read_features
from halp_mm.datasets import ClipStorage, ClipWriter
from tests.conftest import write_random_clips
from tests.runs import run_tool, train_and_save


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny training, a saved model, a gallery, and a folder of clips with some labels."""
    folder = train_and_save(tmp_path_factory.mktemp('inference'), ('finetune',))
    storage = ClipStorage(folder / 'clips.safetensors')
    (folder / 'own').mkdir()
    for position in range(4):
        np.save(folder / 'own' / f'new{position}.npy', storage.clip(position).numpy())
    (folder / 'labels.csv').write_text(
        'name,label,split\nnew0,sit,train\nnew1,jump,train\nnew2,,train\nnew3,jump,train\n'
    )
    return folder


def run(folder: Path, tool: str, *arguments: object) -> str:
    result = run_tool(tool, *arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    return result.stdout


def refused(folder: Path, tool: str, *arguments: object, status: int = 1) -> str:
    result = run_tool(tool, *arguments, cwd=folder)
    assert result.returncode == status, result.stderr
    assert result.stderr.count('\n') == 1
    return result.stderr


def test_features_of_data_files_and_folders(folder):
    out = run(
        *(folder, 'extract_features.py', 'work', 'clips.safetensors', 'own'),
        *('--out', 'both.safetensors'),
    )
    assert '16 clips, 12 with a label of 3 classes; features: joint 16, bone 16' in out
    found = read_features(folder / 'both.safetensors')
    assert found.names[:2] == ['clip000', 'clip001']
    assert found.names[12:] == ['new0', 'new1', 'new2', 'new3']
    assert found.labels[10:].tolist() == [1, 2, -1, -1, -1, -1]
    for stream, features in found.features.items():
        assert features[:4].numpy() == pytest.approx(features[12:].numpy(), abs=1e-5), stream
    storage = ClipStorage(folder / 'clips.safetensors')
    inferencer = SkeletonInferencer.from_checkpoint(folder / 'work')
    for position, name in enumerate(storage.names):
        alone = inferencer.encode(storage.clip(position))
        for stream, features in found.features.items():
            assert features[position].numpy() == pytest.approx(alone[stream][0].numpy(), abs=1e-5)
        assert found.names[position] == name


def test_labels_of_a_folder_make_a_gallery(folder):
    run(
        *(folder, 'extract_features.py', 'work', 'own', '--labels', 'labels.csv'),
        *('--out', 'own.safetensors'),
    )
    found = read_features(folder / 'own.safetensors')
    assert [found.classes[label] if label >= 0 else None for label in found.labels.tolist()] == [
        'sit',
        'jump',
        None,
        'jump',
    ]
    lines = run(folder, 'infer.py', 'work', 'own', '--gallery', 'own.safetensors').splitlines()
    assert lines[0].split() == ['clip', 'action', 'score', 'next', 'score', 'nearest', 'clip']
    assert [line.split()[:2] for line in lines[1:3]] == [['new0', 'sit'], ['new1', 'jump']]
    assert lines[-1] == '4 of 4 clips are in the gallery: the nearest is itself'


def test_classes_of_several_files_are_joined_by_name(folder, tmp_path):
    with ClipWriter(tmp_path / 'more.safetensors', 'kinect_v2', ['wave', 'jump'], 'more') as writer:
        for i in range(2):
            clip = np.random.default_rng(i).normal(size=(1, 20, 25, 3))
            writer.add(f'more{i}', clip, label=i, splits=['a'])
        writer.add('nobody', np.zeros((1, 20, 25, 3)), label=1, splits=['a'])
    both = [folder / 'clips.safetensors', tmp_path / 'more.safetensors']
    found = encode_files(folder / 'work', both)
    assert found.classes == ['sit', 'stand', 'wave', 'jump']
    assert found.labels[12:].tolist() == [2, 3]
    assert found.names[12:] == ['more0', 'more1']
    lines = run(folder, 'infer.py', 'finetune.pth', tmp_path / 'more.safetensors').splitlines()
    assert re.fullmatch(r'right: (0 of 1 .*, 0.0 %|1 of 1 .*, 100.0 %)', lines[-2])
    assert lines[-1] == 'labels that the model cannot give: 1 of 2'
    part = encode_files(folder / 'work', [folder / 'clips.safetensors'], split='test')
    assert part.names == ['clip000', 'clip003', 'clip006', 'clip009']


def test_warnings_name_the_clip(folder, tmp_path, caplog):
    with ClipWriter(tmp_path / 'more.safetensors', 'kinect_v2', ['a'], 'more') as writer:
        for people in (1, 3):
            clip = np.random.default_rng(0).normal(size=(people, 30, 25, 3))
            writer.add(f'of {people}', clip, label=0, splits=['a'])
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        encode_files(folder / 'work', [tmp_path / 'more.safetensors'])
    finally:
        logger.removeHandler(caplog.handler)
    (message,) = {r.getMessage() for r in caplog.records if r.levelname == 'WARNING'}
    assert "more.safetensors: clip 'of 3' shows 3 people, and the model takes 2" in message


def test_another_layout_is_converted(folder, tmp_path):
    write_random_clips(tmp_path / 'v1.safetensors', layout='kinect_v1', num_clips=2)
    array = ClipStorage(tmp_path / 'v1.safetensors').clip(0).numpy()
    np.save(tmp_path / 'clip.npy', array)
    files = [tmp_path / 'v1.safetensors', tmp_path / 'clip.npy']
    found = encode_files(folder / 'work', files, layout='kinect_v1')
    joint = found.features['joint'].numpy()
    assert joint[0] == pytest.approx(joint[2], abs=1e-5)
    words = refused(folder, 'extract_features.py', 'work', files[1], '--out', 'x.npz')
    assert 'clip.npy has people, frames, joints and coordinates [1, 20, 20, 3]; expected' in words
    assert 'It may be kinect_v1 or' in words


def test_answers(folder, tmp_path):
    answers = tmp_path / 'answers.csv'
    words = ('finetune.pth', 'clips.safetensors', '--split', 'test', '--out', answers)
    lines = run(folder, 'infer.py', *words).splitlines()
    assert lines[0].split() == ['clip', 'action', 'score', 'next', 'score', 'label']
    with np.load(folder / 'finetune.npz') as dumped:
        scores, labels = dumped['scores'], dumped['labels']
        classes, names = dumped['classes'].tolist(), dumped['names'].tolist()
    with answers.open(newline='') as file:
        rows = list(csv.DictReader(file))
    for row, line, name, expected in zip(rows, lines[1:], names, scores):
        assert line.split()[:2] == [name, classes[expected.argmax()]]
        assert row['clip'] == name
        assert row['action'] == classes[expected.argmax()]
        assert [float(row[c]) for c in classes] == pytest.approx(expected.tolist(), abs=1e-6)
    right = int((scores.argmax(1) == labels).sum())
    assert lines[-2] == f'right: {right} of 4 clips with a label, {25 * right:.1f} %'
    single = run(folder, 'infer.py', 'finetune.pth', 'own/new1.npy').splitlines()
    assert single[0].split() == ['clip', 'action', 'score', 'next', 'score']
    assert single[1].startswith('new1 ')


def test_recordings(folder, tmp_path):
    lines = run(
        *(folder, 'infer.py', 'finetune.pth', 'own/new3.npy', '--window', 0.5),
        *('--frame-rate', 20, '--picture', tmp_path / 'timeline.png'),
    ).splitlines()
    assert lines[0].split() == ['start', '(s)', 'end', '(s)', 'action', 'score']
    assert lines[1].split()[0] == '0.00'
    assert lines[-2].split()[1] == '1.45'
    with Image.open(tmp_path / 'timeline.png') as image:
        assert image.size[0] > 500
    several = run(folder, 'infer.py', 'finetune.pth', 'own', '--window', 10).splitlines()
    assert [line for line in several if line.startswith('new')] == ['new0', 'new1', 'new2', 'new3']


@pytest.mark.parametrize('picture', ['similar.gif', 'similar.png'])
def test_similar_clips_are_drawn_side_by_side(folder, tmp_path, picture):
    run(folder, 'extract_features.py', 'work', 'clips.safetensors', '--out', 'g.safetensors')
    count = 3
    words = ('find_similar.py', 'work', 'own/new1.npy', '--num-neighbours', count)
    out = ('--out', tmp_path / picture, '--size', 120)
    lines = run(folder, *words, '--among', 'g.safetensors', *out).splitlines()
    assert lines[0].split() == ['clip', 'action', 'similarity']
    assert lines[1].split() == ['1', 'clip001', 'stand', '1.000']
    assert lines[:-1] == run(folder, *words, '--among', 'clips.safetensors').splitlines()
    assert len(lines) == 1 + count + 1
    with Image.open(tmp_path / picture) as image:
        columns, rows = (3, 2) if picture.endswith('gif') else (6, 1 + count)
        assert image.size == (columns * 120, rows * 120)


def test_the_clip_itself_is_passed_over(folder):
    lines = run(
        *(folder, 'find_similar.py', 'work', 'clips.safetensors', '--name', 'clip005'),
        *('--among', 'clips.safetensors', '--num-neighbours', 20),
    ).splitlines()
    names = [line.split()[1] for line in lines[1:]]
    assert sorted([*names, 'clip005']) == [f'clip{i:03d}' for i in range(12)]


def test_mistakes(folder):
    extract, infer, similar = 'extract_features.py', 'infer.py', 'find_similar.py'
    run(folder, extract, 'finetune.pth', 'own', '--out', 'tuned.safetensors')
    for words, message in (
        ((extract, 'work', 'own', '--out', 'x.txt'), 'x.txt is called .txt; expected one of'),
        ((extract, 'work', 'none', '--out', 'x.npz'), 'there is no file or folder none'),
        ((extract, 'work', 'own', '--split', 'a', '--out', 'x.npz'), 'own is a folder, which has'),
        ((extract, 'none.pth', 'own', '--out', 'x.npz'), 'there is no checkpoint none.pth'),
        ((infer, 'work', 'own'), 'no gallery of labelled clips to compare new clips with'),
        ((infer, 'work', 'own', '--gallery', 'tuned.safetensors'), 'features of other encoders'),
        ((infer, 'finetune.pth', 'own', '--out', 'x.txt'), 'are written to a .csv file'),
        ((similar, 'work', 'own', '--among', 'own'), 'own has 4 clips; name one of them by --name'),
        ((similar, 'work', 'own', '--name', 'x', '--among', 'own'), "own has no clip 'x': new0, n"),
        ((similar, 'work', 'own/new1.npy', '--among', 'own', '--out', 'x.bmp'), "ends in '.bmp'"),
    ):
        assert message in refused(folder, *words)
    words = (infer, 'finetune.pth', 'own/new1.npy', '--stride', 4)
    assert 'go with --window' in refused(folder, *words, status=2)
    words = (infer, 'finetune.pth', 'own', '--window', 4, '--picture', 'x.png')
    assert 'shows a single recording; found 4' in refused(folder, *words, status=2)
    assert not [path.name for path in folder.iterdir() if path.name.startswith('x.')]


def test_a_gallery_whose_clips_are_gone(folder, tmp_path):
    data_file = write_random_clips(tmp_path / 'gone.safetensors', num_clips=3)
    gallery = tmp_path / 'gallery.safetensors'
    run(folder, 'extract_features.py', 'work', data_file, '--out', gallery)
    data_file.unlink()
    words = ('work', 'own/new1.npy', '--among', gallery)
    assert 'clip001' in run(folder, 'find_similar.py', *words)
    message = refused(folder, 'find_similar.py', *words, '--out', 'x.png')
    assert f'there is no file or folder {data_file}' in message

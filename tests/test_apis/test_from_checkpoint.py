"""Answers from a checkpoint alone, in processes that can see nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from safetensors import safe_open
from safetensors.torch import save_file

from halp_mm.apis import SkeletonInferencer, evaluate, load_config
from halp_mm.apis.features_file import read_features, write_features
from halp_mm.commands.config_options import parse_options
from halp_mm.datasets import ClipStorage
from halp_mm.engine import load_model
from tests.conftest import write_random_clips
from tests.runs import (
    CONFIG,
    ROOT,
    run_tool,
    tiny_classifier_config,
    train_and_save,
    two_stream_options,
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny training, and its encoders fine-tuned."""
    return train_and_save(tmp_path_factory.mktemp('from_checkpoint'), ('linear', 'finetune'))


def clips_of(data_file: Path, split: str = 'test') -> tuple[list[str], list[np.ndarray]]:
    storage = ClipStorage(data_file)
    positions = storage.split(split).tolist()
    clips = [storage.clip(position).numpy() for position in positions]
    return [storage.names[position] for position in positions], clips


def pretraining_config(folder: Path) -> Config:
    words = two_stream_options(folder / 'clips.safetensors')[1:]
    return load_config(CONFIG, parse_options(words))


def scores_of(answers: list, classes: list[str]) -> np.ndarray:
    return np.array(
        [[answer.scores[answer.classes.index(name)] for name in classes] for answer in answers]
    )


@pytest.mark.parametrize('protocol', ['linear', 'finetune'])
def test_answers_are_those_of_the_evaluation(folder, protocol):
    inferencer = SkeletonInferencer.from_checkpoint(folder / f'{protocol}.pth')
    names, clips = clips_of(folder / 'clips.safetensors')
    with np.load(folder / f'{protocol}.npz') as dumped:
        assert dumped['names'].tolist() == names
        assert inferencer.classes == dumped['classes'].tolist()
        answers = inferencer(clips)
        found = scores_of(answers, inferencer.classes)
        assert found == pytest.approx(dumped['scores'], abs=1e-6)
    assert all(answer.neighbours == [] for answer in answers)
    assert found.sum(1) == pytest.approx(np.ones(len(clips)), abs=1e-6)


TEN_LINES = """
import numpy as np
from halp_mm.apis import SkeletonInferencer

inferencer = SkeletonInferencer.from_checkpoint('model.pth')
answer = inferencer(np.load('clip.npy'))
print(answer.action, ' '.join(f'{score:.6f}' for score in answer.scores))
print(inferencer.encode('clip.npy')['bone'].shape)
"""


def test_a_process_that_sees_nothing_else(folder, tmp_path):
    """An empty folder with the checkpoint and a clip; no file of the repository but modules."""
    _, clips = clips_of(folder / 'clips.safetensors')
    np.save(tmp_path / 'clip.npy', clips[0])
    (tmp_path / 'model.pth').write_bytes((folder / 'finetune.pth').read_bytes())
    program = f'root = {str(ROOT)!r}\n{ISOLATED}{TEN_LINES}'
    hidden = folder / 'clips.safetensors'
    hidden.rename(folder / 'hidden')
    try:
        done = subprocess.run(
            [sys.executable, '-I', '-B', '-c', program],
            cwd=tmp_path,
            env={'PATH': os.environ['PATH'], 'OMP_NUM_THREADS': '1', 'HOME': str(folder)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        (folder / 'hidden').rename(hidden)
    assert done.returncode == 0, done.stderr
    expected = SkeletonInferencer.from_checkpoint(folder / 'finetune.pth')(clips[0])
    action, *scores = done.stdout.splitlines()[0].split()
    assert action == expected.action
    assert [float(score) for score in scores] == pytest.approx(expected.scores, abs=2e-6)
    assert done.stdout.splitlines()[1] == 'torch.Size([1, 16])'
    assert sorted(path.name for path in tmp_path.iterdir()) == ['clip.npy', 'model.pth']


#: No configs and no data of the repository: opening any of its files but the package is an error.
#: (The README installs into the repository's folder: what is installed may be opened.)
ISOLATED = """
import sys, pathlib
package = pathlib.Path(root, 'halp_mm')
installed = {pathlib.Path(sys.prefix), pathlib.Path(root, 'halp_mm.egg-info')}

def refuse(event, arguments):
    if event == 'open' and isinstance(arguments[0], str) and arguments[0].startswith(f'{root}/'):
        path = pathlib.Path(arguments[0])
        if not installed.isdisjoint(path.parents):
            return
        if package not in path.parents or path.suffix not in ('.py', '.pyc'):
            raise RuntimeError(f'{path} was opened')

sys.path.insert(0, root)
sys.addaudithook(refuse)
"""


def test_a_pretraining_only_encodes_and_compares(folder):
    inferencer = SkeletonInferencer.from_checkpoint(folder / 'work')
    _, clips = clips_of(folder / 'clips.safetensors')
    with pytest.raises(ValueError, match=r'no classifier, and no gallery of labelled clips'):
        inferencer(clips[0])
    with pytest.raises(ValueError, match='there is no gallery to save'):
        inferencer.save('gallery.safetensors')
    features = inferencer.encode(clips)
    assert {stream: tuple(part.shape) for stream, part in features.items()} == {
        'joint': (4, 16),
        'bone': (4, 16),
    }
    alone = inferencer.encode(clips[1])
    assert torch.allclose(alone['bone'][0], features['bone'][1], atol=1e-6)
    with pytest.raises(ValueError, match='there are no clips to encode'):
        inferencer.encode([])


def test_gallery_round_trip(folder, tmp_path):
    """The gallery of the training clips, saved and loaded, gives the same answers."""
    config = pretraining_config(folder)
    checkpoint = folder / 'work' / 'epoch_1.pth'
    first = SkeletonInferencer(config, checkpoint, k=3)
    first.save(tmp_path / 'gallery.safetensors')
    again = SkeletonInferencer.from_checkpoint(checkpoint, tmp_path / 'gallery.safetensors', k=3)
    _, clips = clips_of(folder / 'clips.safetensors')
    assert first(clips, num_neighbours=9) == again(clips, num_neighbours=9)
    _, result = evaluate(load_config(config, {'protocols.knn.k': 3}), checkpoint, 'knn')
    found = scores_of(again(clips), again.classes)
    assert found == pytest.approx(result.scores.numpy(), abs=1e-6)
    assert len(again.gallery.sources) == 8
    loaded = read_features(tmp_path / 'gallery.safetensors')
    with (tmp_path / 'gallery.safetensors').open('r+b') as file:
        file.write(bytes((tmp_path / 'gallery.safetensors').stat().st_size))  # it may change later
    assert torch.equal(loaded.features['bone'], first.gallery.features['bone'])
    again.save(tmp_path / 'again.safetensors')
    assert read_features(tmp_path / 'again.safetensors').names == first.gallery.names
    with pytest.raises(ValueError, match=r'a gallery is a .safetensors file, got gallery.npz'):
        again.save('gallery.npz')


def test_a_classifier_with_a_gallery_names_neighbours(folder, tmp_path):
    config = pretraining_config(folder)
    SkeletonInferencer(config, folder / 'work').save(tmp_path / 'gallery.safetensors')
    linear = SkeletonInferencer.from_checkpoint(folder / 'linear.pth')
    _, clips = clips_of(folder / 'clips.safetensors')
    before = linear(clips[0])
    linear.use_gallery(tmp_path / 'gallery.safetensors')
    answer = linear(clips[0])
    assert (answer.classes, answer.scores) == (before.classes, before.scores)
    assert len(answer.neighbours) == 5
    finetuned = SkeletonInferencer.from_checkpoint(folder / 'finetune.pth')
    with pytest.raises(ValueError, match=r'gallery.safetensors has features of other encoders'):
        finetuned.use_gallery(tmp_path / 'gallery.safetensors')


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda parts: parts.update(label=parts['label'] + 9), 'label has numbers outside 0 to 2'),
        (lambda parts: parts.pop('name'), r"it lacks \['name'\]"),
        (lambda parts: parts.update({'features/bone': torch.ones(3, 16)}), r'bone is .*\[3, 16\]'),
        (lambda parts: parts.update(source=torch.ones(8)), 'source is torch.float32'),
    ],
)
def test_damaged_galleries(folder, tmp_path, change, words):
    path = tmp_path / 'gallery.safetensors'
    SkeletonInferencer(pretraining_config(folder), folder / 'work').save(path)
    with safe_open(path, framework='pt') as file:
        metadata, parts = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    change(parts)
    save_file(parts, path, metadata)
    with pytest.raises(ValueError, match=f'gallery.safetensors is no file of features: .*{words}'):
        read_features(path)
    path.write_bytes(b'nothing')
    with pytest.raises(ValueError, match='is no file of features'):
        read_features(path)
    save_file(parts, path)
    with pytest.raises(ValueError, match='is no file of features: its format is None'):
        read_features(path)
    with pytest.raises(FileNotFoundError, match='there is no file of features'):
        read_features(tmp_path / 'none.safetensors')


def test_features_as_arrays_and_as_a_table(folder, tmp_path):
    clips = SkeletonInferencer(pretraining_config(folder), folder / 'work').gallery
    write_features(clips, tmp_path / 'x.npz')
    with np.load(tmp_path / 'x.npz', allow_pickle=False) as arrays:
        assert np.array_equal(arrays['features/bone'], clips.features['bone'].numpy())
        assert arrays['names'].tolist() == clips.names
    write_features(clips, tmp_path / 'x.csv')
    head, first, *_ = (tmp_path / 'x.csv').read_text().splitlines()
    assert head.startswith('name,action,joint_0,joint_1,')
    assert head.endswith(',bone_15')
    name, action, *values = first.split(',')
    assert (name, action) == ('clip001', 'stand')
    assert np.array_equal(np.float32(values[:16]), clips.features['joint'][0].numpy())
    with pytest.raises(ValueError, match=r'x.txt is called .txt; expected one of .safetensors'):
        write_features(clips, tmp_path / 'x.txt')


def test_transfer_converts_to_the_encoders_layout(folder, tmp_path):
    """Fine-tuned on another sensor's clips, the model takes that sensor's clips."""
    other = write_random_clips(tmp_path / 'other.safetensors', layout='kinect_v1')
    target = tmp_path / 'target.py'
    target.write_text(
        f'train_dataloader = dict(dataset=dict(type="SkeletonDataset", data_file={str(other)!r}, '
        f'split="train"))\ntest_dataset = dict(type="SkeletonDataset", data_file={str(other)!r}, '
        'split="test")\n'
    )
    result = run_tool(
        *('test.py', CONFIG, folder / 'work', '--protocol', 'transfer', '--target', target),
        *('--save', tmp_path / 'model.pth', '--dump', tmp_path / 'scores.npz'),
        *two_stream_options(folder / 'clips.safetensors'),
    )
    assert result.returncode == 0, result.stderr
    inferencer = SkeletonInferencer.from_checkpoint(tmp_path / 'model.pth')
    assert inferencer.layout.name == 'kinect_v1'
    first, *_ = load_model(tmp_path / 'model.pth').description.normalization
    assert (first['type'], first['layout']['name']) == ('ConvertLayout', 'kinect_v2')
    _, clips = clips_of(other)
    with np.load(tmp_path / 'scores.npz') as dumped:
        found = scores_of(inferencer(clips), inferencer.classes)
        assert found == pytest.approx(dumped['scores'], abs=1e-6)


def test_a_supervised_training_answers(folder, tmp_path):
    data_file = folder / 'clips.safetensors'
    config, values = tiny_classifier_config(data_file, train_cfg__max_epochs=1)
    options = ['--cfg-options', *(f'{key}={value}' for key, value in values.items())]
    result = run_tool('train.py', config, '--work-dir', tmp_path, *options)
    assert result.returncode == 0, result.stderr
    inferencer = SkeletonInferencer.from_checkpoint(tmp_path)
    _, result = evaluate(load_config(config, values), tmp_path, 'classifier')
    found = scores_of(inferencer(clips_of(data_file)[1]), inferencer.classes)
    assert found == pytest.approx(result.scores.numpy(), abs=1e-6)


def test_protocols_that_save_nothing(folder):
    config = pretraining_config(folder)
    with pytest.raises(ValueError, match=r"'knn' gives no model that can be saved"):
        evaluate(config, folder / 'work', 'knn', save='model.pth')
    with pytest.raises(ValueError, match=r'work is a folder; expected a file to save to'):
        evaluate(config, folder / 'work', 'linear', save=folder / 'work')
    path = folder / 'work' / 'epoch_1.pth'
    with pytest.raises(ValueError, match=r'epoch_1.pth is the checkpoint of the encoder'):
        evaluate(config, path, 'linear', save=path)


@pytest.fixture
def warnings_of(folder, caplog):
    """The warnings for a clip."""

    def ask(clip: np.ndarray, **settings) -> list[str]:
        inferencer = SkeletonInferencer.from_checkpoint(folder / 'finetune.pth')
        logger = MMLogger.get_current_instance()
        logger.addHandler(caplog.handler)
        try:
            inferencer(clip, **settings)
        finally:
            logger.removeHandler(caplog.handler)
        return [record.getMessage() for record in caplog.records]

    return ask


def test_nothing_is_said_of_clips_like_the_training_clips(folder, warnings_of):
    assert warnings_of(clips_of(folder / 'clips.safetensors')[1][0]) == []


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (lambda clip: clip * 1000, 'likely metres and millimetres; convert one of them'),
        (lambda clip: clip / 100, 'likely metres and centimetres; convert one of them'),
        (lambda clip: clip[:, :4], 'the clip has 4 frames; the training clips have 23 to 53'),
        (lambda clip: clip.repeat(20, 1), 'a recording of several actions is answered window by'),
        (
            lambda clip: np.concatenate([np.zeros_like(clip[:1]), clip[:1]]),
            'the clip shows nobody in slot 0 and somebody in slot 1, counted from 0: empty slots',
        ),
        (
            lambda clip: np.concatenate([clip[:1]] * 3),
            'the clip shows 3 people, and the model takes 2: those in the slots 0, 1 are used',
        ),
    ],
)
def test_what_is_odd_is_said(folder, warnings_of, change, words):
    (warning,) = warnings_of(change(clips_of(folder / 'clips.safetensors')[1][0]))
    assert words.lower() in warning.lower()


def test_wrong_layouts_are_refused(folder):
    inferencer = SkeletonInferencer.from_checkpoint(folder / 'finetune.pth')
    with pytest.raises(ValueError, match=r'Name the layout .*It may be kinect_v1 or msr_action3d'):
        inferencer(np.ones((1, 30, 20, 3)))
    with pytest.raises(ValueError, match=r"'coco17' has 2 dimensions and 'kinect_v2' has 3"):
        inferencer(np.ones((1, 30, 17, 2)), layout='coco17')

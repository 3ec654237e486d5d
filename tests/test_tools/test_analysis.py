"""tools/analysis/fuse_streams.py, plot_tsne.py and positive_purity.py, end to end."""

import csv
import json
import re
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from halp_mm.apis import draw_features, evaluate, load_config
from halp_mm.apis.positive_purity import positive_purity
from halp_mm.datasets import ClipWriter
from halp_mm.evaluation import read_scores, top_k_accuracy, write_scores
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT, run_tool, tiny_options


@pytest.fixture(scope='module')
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Data file and checkpoint of a tiny training."""
    folder = tmp_path_factory.mktemp('trained')
    data_file = write_random_clips(folder / 'clips.safetensors', num_clips=36)
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    result = run_tool('train.py', CONFIG, '--work-dir', folder / 'work', *options)
    assert result.returncode == 0, result.stderr
    return data_file, folder / 'work' / 'epoch_1.pth'


def config_of(data_file: Path, test_split: str = 'train', **options: object):
    """The tiny config of this data file, with the classes ``['sit', 'stand', 'wave']``."""
    pairs = [pair.partition('=') for pair in tiny_options(data_file, **options)[1:]]
    values = {key: int(value) if value.isdigit() else value for key, _, value in pairs}
    values |= {'test_dataset.split': test_split, 'train_on_test_clips': True}
    return load_config(CONFIG, values)


def main_of(tool: str) -> Callable[[list], int]:
    """A tool's main in this process."""
    main = runpy.run_path(str(ROOT / 'tools' / 'analysis' / tool))['main']
    return lambda *arguments: main([str(argument) for argument in arguments])


def assert_one_clear_error(capsys, *words: str) -> None:
    captured = capsys.readouterr()
    assert captured.out == ''
    assert captured.err.count('error: ') == 1
    for word in words:
        assert word in captured.err


@pytest.fixture
def dumps(random_clips, tmp_path) -> list[Path]:
    """Scores of two untrained encoders, of joints and of bones."""
    paths = []
    for stream in ('joint', 'bone'):
        config = config_of(random_clips)
        config.model.streams = config.data_preprocessor.streams = [stream]
        path = tmp_path / f'{stream}.npz'
        write_scores(evaluate(config, None, 'knn')[1], path)
        paths.append(path)
    return paths


def test_fused_scores(dumps, tmp_path):
    out = tmp_path / 'fused.npz'
    result = run_tool('analysis/fuse_streams.py', *dumps, '--weights', '0.6', '0.4', '--out', out)
    assert result.returncode == 0, result.stderr
    joint, bone, fused = (read_scores(path) for path in (*dumps, out))
    np.testing.assert_allclose(fused.scores, 0.6 * joint.scores + 0.4 * bone.scores, rtol=1e-6)
    assert fused.names == joint.names == [f'clip{i:03d}' for i in range(12) if i % 3]
    assert (fused.dataset, fused.split, fused.protocol) == ('random', 'train', 'KNNProtocol')
    assert fused.classes == ['sit', 'stand', 'wave']
    lines = result.stdout.splitlines()
    assert lines[0] == 'KNNProtocol on random train: 8 clips, 3 classes'
    assert lines[1].split() == ['scores', 'weight', 'top-1', 'top-5']
    for line, scores, words in (
        (lines[2], joint, [str(dumps[0]), '0.6']),
        (lines[3], bone, [str(dumps[1]), '0.4']),
        (lines[4], fused, ['fused']),
    ):
        figures = [f'{top_k_accuracy(scores.scores, scores.labels, k):.2f}' for k in (1, 5)]
        assert line.split() == words + figures
    assert lines[5] == f'written: {out}'


def test_fused_report(dumps, tmp_path):
    out, scores = tmp_path / 'fused.json', tmp_path / 'fused.npz'
    main = main_of('fuse_streams.py')
    for path in (out, scores):
        assert main(*dumps, '--weights', 0.6, 0.4, '--out', path) == 0
    report, fused = json.loads(out.read_text()), read_scores(scores)
    assert [report[key] for key in ('protocol', 'dataset', 'train_split', 'test_split')] == [
        *('knn', 'random', 'train', 'train')
    ]
    predicted = fused.scores.argmax(1).tolist()
    confusion = [[0] * 3 for _ in range(3)]
    for label, guess in zip(fused.labels.tolist(), predicted):
        confusion[label][guess] += 1
    assert report['confusion'] == confusion
    assert report['metrics']['num_test'] == 8
    assert report['metrics']['top1'] == pytest.approx(
        100 * sum(confusion[i][i] for i in range(3)) / 8
    )
    # Every third clip sits, and is a test clip; here training clips are judged.
    assert report['classes'][0] == {'class': 'sit', 'top1': None, 'num_train': 0, 'num_test': 0}
    assert [row['num_train'] for row in report['classes']] == [0, 4, 4]
    assert "1 of 3 classes have no training clips ('sit')" in report['warnings'][0]
    assert report['seed'] == 0
    for row, dump, weight in zip(report['fused'], dumps, (0.6, 0.4), strict=True):
        alone = read_scores(dump)
        assert (row['file'], row['weight']) == (str(dump), weight)
        assert row['top1'] == alone.metrics['top1']
        assert row['config'] == str(CONFIG)
        assert len(row['config_sha256']) == 64
        assert row['checkpoint'] is None, 'untrained'
        assert row['seed'] == 0
    joint, bone = report['fused']
    assert joint['config_sha256'] != bone['config_sha256'], 'other streams'
    assert 'config_sha256' not in report, 'only what all have in common'
    assert fused.origin['config'] == str(CONFIG)


def test_fusing_refuses_in_one_line(dumps, tmp_path, random_clips, capsys):
    main = main_of('fuse_streams.py')
    out = tmp_path / 'fused.npz'
    other = tmp_path / 'other.npz'
    write_scores(evaluate(config_of(random_clips, test_split='test'), None, 'knn')[1], other)
    assert main(*dumps, other, '--out', out) == 1
    assert_one_clear_error(capsys, 'fuse_streams.py', str(other), "in split: 'train' and 'test'")
    assert main(*dumps, '--weights', 1, '--out', out) == 1
    assert_one_clear_error(capsys, 'there are 1 weights for 2 scores')
    assert main(dumps[0], dumps[0], '--out', out) == 1
    assert_one_clear_error(capsys, f'{dumps[0]} is given twice')
    assert main(dumps[0], tmp_path / 'none.npz', '--out', out) == 1
    assert_one_clear_error(capsys, 'there is no file of scores', 'none.npz')
    assert main(*dumps, '--out', tmp_path / 'fused.txt') == 1
    assert_one_clear_error(capsys, 'fused.txt; expected a name that ends in .json or .npz')
    assert not out.exists()


def test_picture_of_a_checkpoint_is_the_same_twice(trained, tmp_path, capsys):
    data_file, checkpoint = trained
    picture = tmp_path / 'picture.png'
    arguments = (
        *(CONFIG, checkpoint, '--seed', 3, '--out', picture),
        *tiny_options(data_file, test_dataset__split='train', train_on_test_clips=True),
    )
    result = run_tool('analysis/plot_tsne.py', *arguments)
    assert result.returncode == 0, result.stderr
    first = picture.read_bytes()
    picture.unlink()
    capsys.readouterr()
    assert main_of('plot_tsne.py')(*arguments) == 0  # in another process
    assert capsys.readouterr().out == result.stdout
    assert picture.read_bytes() == first
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        'random train, joint stream, epoch_1.pth',
        '24 clips of 2 classes: stand, wave',
    ]
    assert re.fullmatch(r'NMI of k-means \(k = 2\) on L2-normalised features: 0\.\d{3}', lines[2])
    assert lines[3] == f'written: {picture}'
    assert cv2.imread(str(picture)).std() > 5, 'an empty picture'


@pytest.fixture
def poses(tmp_path: Path) -> Path:
    """Clips of six poses with a little noise, which any encoder can tell apart."""
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(6, 25, 3))
    path = tmp_path / 'poses.safetensors'
    with ClipWriter(path, 'kinect_v2', [f'pose {i}' for i in range(8)], 'poses') as writer:
        for i in range(60):
            clip = means[i % 6] + 0.02 * rng.normal(size=(1, 10 + i % 7, 25, 3))
            writer.add(f'clip{i}', clip.astype(np.float32), label=i % 6, splits=['train', 'test'])
    return path


def test_clusters_of_separable_clips_are_the_classes(poses, tmp_path):
    config = config_of(poses)
    config.model.streams = ['joint', 'bone']
    for stream, expected in ((None, 'joint'), ('bone', 'bone')):
        summary = draw_features(config, None, tmp_path / 'all.png', stream=stream)
        assert summary.stream == expected
        assert summary.classes == [f'pose {i}' for i in range(6)], 'the two without clips'
        assert summary.num_clips == 60
        assert summary.nmi == pytest.approx(1)
    named = draw_features(config, None, tmp_path / 'two.png', ['pose 4', 'pose 1'])
    assert (named.classes, named.num_clips) == (['pose 1', 'pose 4'], 20)


def test_classes_are_drawn_by_the_seed(poses, tmp_path):
    drawn = []
    for seed in (0, 0, 1, 2, 3):
        config = config_of(poses)
        config.randomness.seed = seed
        classes = draw_features(config, None, tmp_path / 'picture.png', 3).classes
        assert len(classes) == 3
        assert classes == sorted(classes)
        drawn.append(classes)
    assert drawn[0] == drawn[1]
    assert any(classes != drawn[0] for classes in drawn)


def test_drawing_refuses_in_one_line(poses, tmp_path, capsys):
    main = main_of('plot_tsne.py')
    out, options = tmp_path / 'picture.png', tiny_options(poses)

    def error(*arguments: object) -> None:
        assert main(CONFIG, '--untrained', '--out', out, *arguments, *options) == 1

    error('--classes', 'pose 1', 'pose 7')
    assert_one_clear_error(capsys, str(poses), "no clips of class 'pose 7'", "'pose 5'")
    error('--classes', 'pose 1')
    assert_one_clear_error(capsys, "only class 'pose 1' is chosen")
    for count in (1, 7):
        error('--classes', count)
        assert_one_clear_error(capsys, f'{count} classes cannot be drawn', 'expected 2 to 6')
    error('--stream', 'bone')
    assert_one_clear_error(capsys, "no stream 'bone'; its streams are ['joint']")
    error('--out', tmp_path / 'picture.gif')
    assert_one_clear_error(capsys, 'picture.gif; expected a name that ends in .png')
    assert main(CONFIG, tmp_path / 'none.pth', '--out', out, *options) == 1
    assert_one_clear_error(capsys, 'there is no checkpoint', 'none.pth')
    with pytest.raises(SystemExit, match='2'):
        main(CONFIG, '--out', out)
    assert 'give either a checkpoint or --untrained' in capsys.readouterr().err
    assert not out.exists()


def test_missing_scikit_learn(poses, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'sklearn', None)  # as if it were not installed
    arguments = (CONFIG, '--untrained', '--out', tmp_path / 'x.png', *tiny_options(poses))
    assert main_of('plot_tsne.py')(*arguments) == 1
    assert_one_clear_error(capsys, 'plot_tsne.py: error: ', 'pip install scikit-learn')


def test_positives_over_a_grid(trained, tmp_path, capsys):
    data_file, checkpoint = trained
    out = tmp_path / 'positives.csv'
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    words = [CONFIG, checkpoint, '--hardness', '0', '0.8', '--num-prototypes', '3', '6', '16']
    words += ['--num-newest', '8', '30', '--head', 'skip_closest=True', '--num-anchors', '10']
    assert main_of('positive_purity.py')(*words, *options, '--out', out) == 0
    printed = capsys.readouterr().out.splitlines()
    head = ['checkpoint', 'lambda', 'K', 'N', 'kept', 'nearest', 'own', 'same', 'class']
    assert printed[0].split()[:9] == head
    assert printed[-1] == f'written: {out}'
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert len(rows) == len(printed) - 2 == 2 * 5  # 16 clusters of 8 keys are left out
    settings = [(row['hardness'], row['num_newest'], row['num_prototypes']) for row in rows]
    assert settings[:3] == [('0.0', '8', '3'), ('0.0', '8', '6'), ('0.0', '30', '3')]
    for row, line in zip(rows, printed[1:]):
        cells = line.split()
        assert cells[0] == Path(row['checkpoint']).name == 'epoch_1.pth'
        assert cells[1] == f'{float(row["hardness"]):g}'
        assert cells[4] == f'{100 * float(row["kept"]):.1f}'
        rounded = [float(row[k]) for k in ('pull_key', 'pull_class', 'key_class')]  # to 4 places
        assert [float(cell) for cell in cells[-3:]] == pytest.approx(rounded, abs=6e-4)
        assert sum(float(row[name]) for name in ('own', 'same_class', 'other_class')) == (
            pytest.approx(1, abs=2e-4)
        )
        if row['hardness'] == '0.0':
            assert row['pull_key'] == '1.0'


def test_positives_that_cannot_be_measured(trained, capsys, tmp_path):
    data_file, checkpoint = trained
    options = tiny_options(data_file, train_cfg__max_epochs=1)
    main = main_of('positive_purity.py')
    assert main(CONFIG, checkpoint, *options, '--out', tmp_path / 'a.json') == 1
    assert_one_clear_error(capsys, 'a.json', '.csv')
    words = ['--num-newest', '8', '--num-prototypes', '9', '10']
    assert main(CONFIG, checkpoint, *words, *options) == 1
    assert_one_clear_error(capsys, '[9, 10]', '[8]')
    assert main(CONFIG, checkpoint, '--num-anchors', '0', *options) == 1
    assert_one_clear_error(capsys, 'num_anchors')
    data = {'train_dataloader.dataset.data_file': data_file, 'test_dataset.data_file': data_file}
    data |= {'train_dataloader.dataset.split': 'train', 'test_dataset.split': 'test'}
    config = load_config(ROOT / 'configs' / 'barlow_twins' / 'bigru_synthetic_xsub.py', data)
    with pytest.raises(ValueError, match='no key networks'):
        next(positive_purity(config, [None]))

"""What is looked at before the first step, by the real Runner."""

import numpy as np
import pytest

from halp_mm.apis import evaluate, train
from halp_mm.datasets import ClipWriter
from halp_mm.engine.hooks.preflight_hook import steps_of_an_epoch
from halp_mm.evaluation.encoder_fit import check_layout
from halp_mm.skeletons import get_layout
from tests.conftest import write_random_clips
from tests.runs import CONFIG

TINY = {
    'train_dataloader.dataset.split': 'train',
    'test_dataset.split': 'test',
    'model.encoder.hidden_size': 4,
    'model.encoder.num_layers': 1,
    'model.queue_size': 16,
    'train_cfg.max_epochs': 1,
}


def tiny(data_file, **options):
    options = {key.replace('__', '.'): value for key, value in options.items()}
    files = dict.fromkeys(
        ['train_dataloader.dataset.data_file', 'test_dataset.data_file'], str(data_file)
    )
    heads = {'model.heads': dict(halp=None)}
    return TINY | files | heads | options


def test_steps_of_an_epoch():
    assert steps_of_an_epoch(100, 64, 1) == '100 clips, batch 64: 1 step an epoch, 36 clips dropped'
    assert steps_of_an_epoch(128, 64, 2) == '128 clips, batch 64: 2 steps an epoch'
    assert steps_of_an_epoch(100, 64, 2) == '100 clips, batch 64: 2 steps an epoch'


def test_a_training_without_a_step_does_not_start(random_clips, tmp_path):
    options = tiny(random_clips, train_dataloader__batch_size=9)
    with pytest.raises(ValueError, match=r'8 clips .* do not fill a batch of 9, .*batch_size=8 or'):
        train(CONFIG, tmp_path / 'run', options)
    assert not list((tmp_path / 'run').glob('*.pth'))


def test_the_log_says_how_many_clips_are_dropped(random_clips, tmp_path):
    runner = train(CONFIG, tmp_path, tiny(random_clips, train_dataloader__batch_size=5))
    expected = '8 clips, batch 5: 1 step an epoch, 3 clips dropped'
    assert expected in runner.log_file.read_text()


def test_another_layout_of_as_many_joints_does_not_start(tmp_path):
    data_file = write_random_clips(tmp_path / 'v1.safetensors', layout='kinect_v1')
    options = tiny(data_file, train_dataloader__batch_size=4, model__encoder__layout='msr_action3d')
    with pytest.raises(ValueError, match=r"'msr_action3d' of 20 joints.*'kinect_v1' of 20 joints"):
        train(CONFIG, tmp_path / 'run', options)


def test_layouts_may_differ_by_name():
    layout = get_layout('kinect_v2')
    renamed = get_layout({**layout.to_dict(), 'name': 'mine'})
    assert renamed != layout
    assert check_layout(renamed, layout) is None


def write_clips(path, classes):
    clips = np.random.default_rng(0).normal(size=(8, 1, 12, 25, 3))
    with ClipWriter(path, 'kinect_v2', classes, 'mine') as writer:
        for i, clip in enumerate(clips):
            split = 'test' if i % 3 == 0 else 'train'
            writer.add(f'clip{i}', clip, label=i % len(classes), splits=[split])
    return path


def test_a_single_class_has_no_accuracy(tmp_path):
    data_file = write_clips(tmp_path / 'one.safetensors', ['unknown'])
    runner = train(CONFIG, tmp_path / 'run', tiny(data_file, train_dataloader__batch_size=4))
    log = runner.log_file.read_text()
    assert "no evaluation: a single class, 'unknown', has no accuracy" in log
    assert 'knn_top1' not in log


def test_labelled_test_clips_of_unlabelled_training_clips_do_not_start(tmp_path):
    train_clips = write_clips(tmp_path / 'one.safetensors', ['unknown'])
    test_clips = write_clips(tmp_path / 'two.safetensors', ['sit', 'stand'])
    options = tiny(
        train_clips, train_dataloader__batch_size=4, test_dataset__data_file=str(test_clips)
    )
    with pytest.raises(ValueError, match='train and test split have different classes'):
        train(CONFIG, tmp_path / 'run', options)
    assert not list((tmp_path / 'run').glob('*.pth'))


@pytest.mark.parametrize(
    ('key', 'message'),
    [
        ('num_people', 'num_people is 3, but the clips are of 2 people; set'),
        ('num_channels', 'num_channels is 5, but the clips have 3 numbers a joint; set'),
    ],
)
def test_people_and_channels_are_compared(random_clips, tmp_path, key, message):
    value = {'num_people': 3, 'num_channels': 5}[key]
    options = tiny(random_clips, train_dataloader__batch_size=4)
    with pytest.raises(ValueError, match=f'model.encoder.{message}'):
        train(CONFIG, tmp_path / 'run', options | {f'model.encoder.{key}': value})


def write_split(path, clips, splits, scale=1.0):
    with ClipWriter(path, 'kinect_v2', ['sit', 'stand'], 'mine') as writer:
        for i, clip in enumerate(clips):
            writer.add(f'clip{i}', clip * scale, label=i % 2, splits=splits[i])
    return path


@pytest.fixture
def clips():
    return np.random.default_rng(0).normal(size=(8, 1, 12, 25, 3))


def test_test_clips_that_are_trained_on_are_said(clips, tmp_path):
    splits = [['train', 'test'], ['test'], *[['train']] * 6]
    data_file = write_split(tmp_path / 'a.safetensors', clips, splits)
    options = tiny(data_file, train_dataloader__batch_size=4)
    log = train(CONFIG, tmp_path / 'run', options).log_file.read_text()
    assert '1 of the 2 test clips' in log
    assert 'are training clips (' in log


def test_a_training_on_all_test_clips_does_not_start(clips, tmp_path):
    data_file = write_split(tmp_path / 'a.safetensors', clips, [['train', 'test']] * 8)
    options = tiny(data_file, train_dataloader__batch_size=4)
    with pytest.raises(ValueError, match=r'8 of the 8 test clips .* train_on_test_clips=True'):
        train(CONFIG, tmp_path / 'run', options)
    assert not list((tmp_path / 'run').glob('*.pth'))
    train(CONFIG, tmp_path / 'allowed', options | {'train_on_test_clips': True})


def test_an_evaluation_on_training_clips_is_said(clips, tmp_path):
    splits = [['train', 'test'], ['test'], *[['train']] * 6]
    some = tiny(write_split(tmp_path / 'some.safetensors', clips, splits))
    (warning,) = evaluate(CONFIG, None, 'knn', some)[0]['warnings']
    assert warning.startswith('1 of the 2 test clips')
    every = tiny(write_split(tmp_path / 'every.safetensors', clips, [['train', 'test']] * 8))
    for protocol in ('knn', 'coordinates'):
        with pytest.raises(ValueError, match=r'8 of the 8 test clips .* train_on_test_clips=True'):
            evaluate(CONFIG, None, protocol, every)
    (warning,) = evaluate(CONFIG, None, 'knn', every | {'train_on_test_clips': True})[0]['warnings']
    assert warning.startswith('8 of the 8 test clips')


def test_other_units_of_the_test_clips_are_said(clips, tmp_path):
    train_clips = write_split(tmp_path / 'a.safetensors', clips[:4], [['train']] * 4)
    test = write_split(tmp_path / 'b.safetensors', clips[4:], [['test']] * 4, scale=1000.0)
    options = tiny(train_clips, train_dataloader__batch_size=4, test_dataset__data_file=str(test))
    log = train(CONFIG, tmp_path / 'run', options).log_file.read_text()
    assert 'likely metres and millimetres' in log
    results, _ = evaluate(CONFIG, None, cfg_options=options)
    assert any('likely metres and millimetres' in line for line in results['warnings'])


def test_protocols_refuse_a_single_class(tmp_path):
    data_file = write_clips(tmp_path / 'one.safetensors', ['unknown'])
    for protocol in ('knn', 'coordinates', 'linear'):
        with pytest.raises(ValueError, match="of the single class 'unknown'"):
            evaluate(CONFIG, None, protocol, cfg_options=tiny(data_file))

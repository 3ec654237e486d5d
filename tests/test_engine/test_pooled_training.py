"""Training and evaluating on several data files that a config names together."""

import pytest

from halp_mm.apis import evaluate, load_config, train
from halp_mm.commands.config_options import parse_options
from halp_mm.datasets import ClipStorage
from halp_mm.datasets.merging import merge_data_files
from halp_mm.engine import load_checkpoint_file
from halp_mm.sha256 import file_sha256, files_sha256
from tests.conftest import write_random_clips
from tests.runs import CONFIG, tiny_options

EPOCHS = 'train_cfg.max_epochs'


@pytest.fixture
def files(tmp_path):
    return [
        str(write_random_clips(tmp_path / name, num_clips=count))
        for name, count in (('one.safetensors', 12), ('two.safetensors', 9))
    ]


def config_for(data_file, **changes):
    """The synthetic config, shrunk, on data files."""
    options = parse_options(tiny_options('none', model__heads__halp='None')[1:])
    places = ('train_dataloader.dataset.data_file', 'test_dataset.data_file')
    options |= dict.fromkeys(places, data_file)
    return load_config(CONFIG, {**options, EPOCHS: 1, **changes})


def test_training_evaluating_and_resuming(files, tmp_path):
    train(config_for(files), tmp_path / 'run')
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert log.count(' of 3 classes; 3 are in several files, joined by name: ') == 1
    assert log.count('val/knn_top1') > 0
    resumed = train(config_for(files, **{EPOCHS: 2}), tmp_path / 'run', resume=True)
    checkpoint = load_checkpoint_file(resumed.last_checkpoint)
    assert checkpoint['meta']['run_identity']['data']['file_sha256'] == files_sha256(files)
    for protocol, encoder in (('knn', resumed.last_checkpoint), ('coordinates', None)):
        results, _ = evaluate(config_for(files), encoder, protocol)
        assert results['dataset'] == 'one + two'
        assert [file['file'] for file in results['data_files']] == files
        assert [file['sha256'] for file in results['data_files']] == list(map(file_sha256, files))
    changed = write_random_clips(tmp_path / 'other.safetensors', num_clips=8)
    changed.rename(files[1])
    with pytest.raises(ValueError, match=r'with other data: the training clips in .*one.*two'):
        train(config_for(files, **{EPOCHS: 3}), tmp_path / 'run', resume=True)


def test_the_merged_file_gives_the_same_accuracy(files, tmp_path):
    merge_data_files(files, out=tmp_path / 'merged')
    found = [
        evaluate(config_for(data_file), None, 'coordinates')[0]['metrics']
        for data_file in (files, str(tmp_path / 'merged'))
    ]
    assert found[0] == found[1]


def test_what_a_config_may_not_say(files):
    with pytest.raises(ValueError, match=r'are both split .train. of .*one.safetensors: the clips'):
        config_for(files, **{'test_dataset.data_file': files[0], 'test_dataset.split': 'train'})
    with pytest.raises(FileNotFoundError, match='there is no data file nothing'):
        train(config_for([files[0], 'nothing']), 'run')


def test_the_encoder_gets_the_layout_of_the_files(tmp_path):
    files = [
        str(write_random_clips(tmp_path / name, layout='kinect_v1', num_clips=6)) for name in 'ab'
    ]
    config = config_for(files)
    del config.model.encoder['layout']
    config = load_config(config)
    assert config.model.encoder.layout == ClipStorage(files[0]).layout.name == 'kinect_v1'

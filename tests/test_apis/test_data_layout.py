"""The layout of encoders that name none, on real data files."""

import pytest
import torch

from halp_mm.apis import SkeletonInferencer, evaluate, extract_features, load_config, train
from halp_mm.skeletons import LAYOUTS
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT


def options(data_file, **more):
    values = {
        'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
        'train_dataloader.batch_size': 4,
        'test_dataset': dict(data_file=str(data_file), split='test'),
        'model.encoder.hidden_size': 4,
        'model.encoder.num_layers': 1,
        'model.queue_size': 16,
        'model.heads': dict(halp=None),
        'train_cfg.max_epochs': 1,
        'log_level': 'WARNING',
    }
    return values | {key.replace('__', '.'): value for key, value in more.items()}


@pytest.fixture
def kinect_v1(tmp_path):
    return write_random_clips(tmp_path / 'v1.safetensors', layout='kinect_v1')


def test_a_run_takes_the_layout_of_its_data_and_says_so(kinect_v1, tmp_path):
    runner = train(CONFIG, tmp_path / 'run', options(kinect_v1))
    checkpoint = torch.load(runner.last_checkpoint, weights_only=True)
    assert checkpoint['meta']['run']['config']['model.encoder.layout'] == "'kinect_v1'"
    results, _ = evaluate(CONFIG, runner.last_checkpoint, cfg_options=options(kinect_v1))
    assert not any('config' in warning for warning in results['warnings'])


def test_each_of_several_encoders(kinect_v1):
    config = load_config(
        ROOT / 'configs' / 'isc' / 'bigru-stgcn_synthetic_xsub.py',
        {'train_dataloader.dataset.data_file': str(kinect_v1)},
    )
    encoder = config.model.encoder
    assert (encoder.sequence.layout, encoder.graph.layout) == ('kinect_v1', 'kinect_v1')


def test_a_layout_of_ones_own_is_written_out(tmp_path):
    mine = LAYOUTS['kinect_v1'].to_dict() | {'name': 'mine'}
    data_file = write_random_clips(tmp_path / 'mine.safetensors', layout=mine)
    layout = load_config(CONFIG, options(data_file)).model.encoder.layout
    assert (layout['name'], layout['joints']) == ('mine', tuple(mine['joints']))


def test_what_clips_are_converted_to_counts(kinect_v1):
    conversion = [dict(type='Compose', transforms=[dict(type='ConvertLayout', layout='smpl24')])]
    made = load_config(CONFIG, options(kinect_v1, data_preprocessor__normalization=conversion))
    assert made.model.encoder.layout == 'smpl24'


def test_a_named_layout_stays_and_a_missing_file_says_nothing(kinect_v1):
    made = load_config(CONFIG, options(kinect_v1, model__encoder__layout='kinect_v2'))
    assert made.model.encoder.layout == 'kinect_v2'
    assert 'layout' not in load_config(CONFIG, options('none.safetensors')).model.encoder


@pytest.mark.parametrize('protocol', ['knn', 'linear', 'finetune'])
def test_evaluation_refuses_another_layout_of_as_many_joints(kinect_v1, protocol):
    wrong = options(kinect_v1, model__encoder__layout='msr_action3d')
    with pytest.raises(ValueError, match=r"is 'msr_action3d' of 20 joints.*'kinect_v1' of 20"):
        evaluate(CONFIG, None, protocol, cfg_options=wrong)


def test_inference_and_features_refuse_it_too(kinect_v1):
    wrong = options(kinect_v1, model__encoder__layout='msr_action3d')
    for ask in (SkeletonInferencer, extract_features):
        with pytest.raises(ValueError, match=r"'msr_action3d' of 20 joints.*'kinect_v1' of 20"):
            ask(CONFIG, None, cfg_options=wrong)

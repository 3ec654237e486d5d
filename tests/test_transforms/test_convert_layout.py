"""ConvertLayout, from a batch to a training run on another sensor's clips."""

import pickle

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import load_config, train
from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.evaluation import extract_features
from halp_mm.registry import MODELS
from halp_mm.skeletons import convert_joints, get_layout
from halp_mm.transforms import ConvertLayout, PreNormalize3D, build_transform
from tests.conftest import write_random_clips
from tests.helpers import clip_of, random_clips
from tests.runs import CONFIG, run_tool, tiny_options

NORMALIZATION = [dict(type='ConvertLayout', layout='kinect_v2'), dict(type='PreNormalize3D')]


@pytest.fixture
def msr_clips(tmp_path):
    """A data file of random clips with the 20 joints of MSR-Action3D."""
    return write_random_clips(tmp_path / 'msr.safetensors', layout='msr_action3d', num_clips=24)


def test_a_batch_gets_the_new_layout():
    clips = random_clips(layout='msr_action3d')
    result = ConvertLayout('kinect_v2')(clips)
    assert result.layout is get_layout('kinect_v2')
    assert torch.equal(result.num_frames, clips.num_frames)
    expected = convert_joints(clips.coordinates, 'msr_action3d', 'kinect_v2')
    assert torch.equal(result.coordinates, expected)
    assert torch.equal(result.present(), clips.present())
    assert not ConvertLayout.is_random
    for i in range(len(clips)):
        alone = ConvertLayout('kinect_v2')(clip_of(clips, i))
        frames = int(clips.num_frames[i])
        assert torch.equal(alone.coordinates[0], result.coordinates[i, :, :frames])


def test_own_layouts_are_dicts():
    layout = get_layout('kinect_v1').to_dict()
    layout['name'] = 'mine'
    result = ConvertLayout(layout)(random_clips(layout='msr_action3d'))
    assert result.layout.name == 'mine'
    with pytest.raises(ValueError, match="unknown skeleton layout 'kinect_v9'"):
        ConvertLayout('kinect_v9')
    with pytest.raises(ValueError, match="'coco17' has 2 dimensions and 'mine' has 3"):
        ConvertLayout(layout)(random_clips(layout='coco17', channels=2))


def test_normalized_clips_are_stored_with_the_new_layout(msr_clips):
    raw, once = SkeletonDataset(msr_clips, 'train'), SkeletonDataset(msr_clips, 'train')
    normalization = build_transform(NORMALIZATION)
    once.normalize_once(normalization)
    assert (raw.layout.name, once.layout.name) == ('msr_action3d', 'kinect_v2')
    assert once.metainfo == raw.metainfo
    streams = dict(type='SkeletonPreprocessor', streams=['joint', 'bone', 'motion'])
    preprocessor = MODELS.build(dict(streams, normalization=NORMALIZATION))
    views = []
    for dataset in (raw, once, pickle.loads(pickle.dumps(once))):
        batch = pad_clips([dataset[i] for i in range(5)])
        assert batch['layout'] == dataset.layout
        assert batch['clips'].shape[-2] == batch['layout'].num_joints
        views.append(preprocessor(batch)['views']['clip'])
    for stream, expected in views[0].items():
        assert expected.shape[-2:] == (25, 3)
        for view in views[1:]:
            torch.testing.assert_close(view[stream], expected)


def test_a_layout_for_later_transforms(msr_clips):
    clips = random_clips(layout='msr_action3d')
    expected = PreNormalize3D()(ConvertLayout('kinect_v2')(clips))
    result = build_transform(NORMALIZATION)(clips)
    assert torch.equal(result.coordinates, expected.coordinates)
    upper = get_layout('kinect_v2').index('spine_mid')
    assert not result.coordinates[:, 0, :, upper].any(), "Kinect v2's upper spine joint is 0"


def shrunk(data_file, tmp_path, **options) -> Config:
    config = load_config(
        CONFIG,
        {
            'data_preprocessor.normalization': NORMALIZATION,
            'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
            'train_dataloader.batch_size': 4,
            'test_dataset': dict(data_file=str(data_file), split='test'),
            'model.encoder.hidden_size': 8,
            'model.projector.out_dim': 8,
            'model.queue_size': 32,
            'model.heads.halp': None,
            'train_cfg.max_epochs': 1,
            'work_dir': str(tmp_path / 'work'),
            'log_level': 'WARNING',
            'experiment_name': tmp_path.name,
            **options,
        },
    )
    config.visualizer.name = tmp_path.name  # mmengine keeps visualizers by name
    return config


def test_training_is_the_same_with_and_without_normalizing_once(msr_clips, tmp_path):
    states, features = [], []
    for max_gigabytes in (4.0, 0.0):
        config = shrunk(
            msr_clips, tmp_path, **{'default_hooks.normalize_once.max_gigabytes': max_gigabytes}
        )
        config.experiment_name += str(max_gigabytes)
        config.work_dir += str(max_gigabytes)
        runner = train(config)
        sample = runner.train_dataloader.dataset[0]
        assert sample['normalized'] == (max_gigabytes > 0)
        assert sample['clip'].shape[-2] == (25 if max_gigabytes else 20)
        states.append(runner.model.state_dict())
        dataset = SkeletonDataset(msr_clips, 'test', num_people=2)
        features.append(extract_features(runner.model, dataset)['joint'])
    for key, value in states[0].items():
        torch.testing.assert_close(value, states[1][key], msg=key)
    torch.testing.assert_close(*features)
    assert features[0].shape == (8, 4 * 16)  # four segments


def test_tool_trains_and_validates_a_kinect_v2_model_on_msr_action3d_clips(msr_clips, tmp_path):
    config = tmp_path / 'converted.py'
    config.write_text(
        f"_base_ = '{CONFIG}'\ndata_preprocessor = dict(normalization={NORMALIZATION!r})\n"
    )
    work_dir = tmp_path / 'work'
    options = tiny_options(msr_clips, train_cfg__max_epochs=1)
    result = run_tool('train.py', config, '--work-dir', work_dir, *options)
    assert result.returncode == 0, result.stderr
    assert 'val/knn_top1' in result.stdout + result.stderr
    state = torch.load(work_dir / 'epoch_1.pth', weights_only=True)['state_dict']
    assert state['query_networks.joint.encoder.input_norm.weight'].shape == (
        3,
    )  # shared by joints and people

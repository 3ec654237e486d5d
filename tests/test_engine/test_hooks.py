"""Hooks, on a real Runner in this process."""

import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer

from halp_mm.apis import load_config, train
from halp_mm.engine.hooks import PlainCheckpointHook
from halp_mm.models import Pretrainer, SkeletonPreprocessor
from halp_mm.registry import DATASETS
from halp_mm.training_progress import TrainingProgress
from tests.runs import CONFIG


@pytest.fixture
def config(random_clips, tmp_path) -> Config:
    """The synthetic config, shrunk, on random clips."""
    options = {
        'train_dataloader.dataset': dict(data_file=str(random_clips), split='train'),
        'train_dataloader.batch_size': 4,
        'test_dataset': dict(data_file=str(random_clips), split='test'),
        'model.encoder.hidden_size': 8,
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'model.heads.halp': None,
        'train_cfg.max_epochs': 2,
        'work_dir': str(tmp_path / 'work'),
        'log_level': 'WARNING',
        'experiment_name': tmp_path.name,
    }
    config = load_config(CONFIG, options)
    config.visualizer.name = tmp_path.name  # mmengine keeps visualizers by name
    return config


def test_deferred_scalars_are_those_of_every_iteration(config):
    histories = []
    for interval in (1, 3):
        config.default_hooks.runtime_info.interval = interval
        config.experiment_name += str(interval)
        config.work_dir += str(interval)
        hub = train(config).message_hub
        histories.append({k: v.data[0].tolist() for k, v in hub.log_scalars.items() if 'loss' in k})
    every, deferred = histories
    assert every.keys() == deferred.keys() == {'train/loss', 'train/joint/moco/loss'}
    for key, values in every.items():
        assert len(values) == 4, 'two epochs of two iterations'
        assert values == deferred[key]


@pytest.mark.parametrize('interval', [1, 3])
def test_what_has_ended_leaves_the_log(config, interval):
    config.default_hooks.runtime_info.interval = interval
    config.model.heads.halp = dict(type='HaLPHead', end_epoch=1, num_prototypes=3, num_newest=8)
    histories = train(config).message_hub.log_scalars
    assert {'train/loss', 'train/joint/moco/loss', 'train/joint/moco/accuracy'} <= set(histories)
    assert not [name for name in histories if 'halp' in name]


def test_normalize_once_gives_the_same_training_as_each_time(config):
    states = []
    for max_gigabytes in (4.0, 0.0):
        config.default_hooks.normalize_once.max_gigabytes = max_gigabytes
        config.experiment_name += 'x'
        config.work_dir += 'x'
        runner = train(config)
        assert runner.train_dataloader.dataset[0]['normalized'] == (max_gigabytes > 0)
        states.append(runner.model.state_dict())
    for key, value in states[0].items():
        torch.testing.assert_close(value, states[1][key], msg=key)


def test_progress_reaches_model_and_views(config, monkeypatch):
    moments = []
    for owner, name in ((Pretrainer, 'loss'), (SkeletonPreprocessor, 'make_views')):
        function = getattr(owner, name)

        def watched(self, *arguments, function=function):
            found = [
                x if isinstance(x, TrainingProgress) else x['progress']
                for x in arguments
                if isinstance(x, TrainingProgress) or (isinstance(x, dict) and 'progress' in x)
            ]
            moments.extend(found)
            return function(self, *arguments)

        monkeypatch.setattr(owner, name, watched)
    config.default_hooks.evaluation = None
    train(config, seed=3)
    expected = [TrainingProgress(i // 2, i, 2, seed=3, max_epochs=2) for i in range(4)]
    assert moments[1::2] == expected, 'the model'
    assert moments[::2] == expected, 'the views'


def test_spawned_workers_see_the_normalized_clips(config):
    config.train_dataloader.update(num_workers=1, persistent_workers=True)
    config.env_cfg.mp_cfg.mp_start_method = 'spawn'
    runner = train(config)
    assert runner.iter == 4
    normalized = runner.train_dataloader.dataset
    raw = DATASETS.build(config.train_dataloader.dataset)
    seen = []
    for batch in runner.train_dataloader:  # by its worker, which was spawned
        assert batch['normalized']
        for clip, frames, index in zip(batch['clips'], batch['num_frames'], batch['indices']):
            clip = clip[:, :frames].cpu()
            assert torch.equal(clip, normalized[int(index)]['clip'].cpu())
            assert not torch.equal(clip, raw[int(index)]['clip'])
            seen.append(int(index))
    assert sorted(seen) == list(range(len(raw)))


def test_a_random_normalisation_is_refused(config):
    config.data_preprocessor.normalization = [dict(type='Shear')]
    with pytest.raises(ValueError, match='random draws cannot be done once for all'):
        train(config)


def test_after_a_resume_no_loss_of_an_ended_head_is_logged(config):
    config.model.heads = dict(
        moco=dict(type='MoCoHead'),
        halp=dict(type='HaLPHead', end_epoch=1, num_prototypes=3, num_newest=8),
    )
    config.default_hooks.checkpoint.interval = 1
    first = train(config, cfg_options={'train_cfg.max_epochs': 1})
    assert 'train/joint/halp/loss' in first.message_hub.log_scalars
    config.experiment_name += 'resumed'
    resumed = train(config, resume=True)
    assert resumed.iter == 4
    assert len(resumed.message_hub.log_scalars['train/joint/moco/loss'].data[0]) == 4
    assert 'train/joint/halp/loss' not in resumed.message_hub.log_scalars


def test_histories_keep_double_precision_in_a_checkpoint():
    value = 1 / 3
    checkpoint = {
        'message_hub': {
            'log_scalars': {'train/lr': HistoryBuffer([value], [1])},
            'runtime_info': {'iter': np.int64(3)},
        }
    }
    hook = PlainCheckpointHook()
    hook.before_save_checkpoint(None, checkpoint)
    stored = checkpoint['message_hub']['log_scalars']['train/lr']
    assert stored['values'].dtype == stored['counts'].dtype == torch.float64
    hook.after_load_checkpoint(None, checkpoint)
    assert checkpoint['message_hub']['log_scalars']['train/lr'].data[0].tolist() == [value]
    assert type(checkpoint['message_hub']['runtime_info']['iter']) is int


def test_histories_have_an_end(config):
    config.default_hooks.runtime_info.update(interval=1, history=3)
    buffers = train(config).message_hub.log_scalars
    assert len(buffers['train/joint/moco/loss'].data[0]) == 3
    assert len(buffers['train/time'].data[0]) <= 4


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_graphs_need_a_gpu(config, tmp_path):
    config.custom_hooks = [dict(type='CudaGraphHook')]
    with pytest.raises(ValueError, match='CudaGraphHook: it needs a GPU, and the model is on the'):
        train(config)
    assert not list(tmp_path.glob('work/epoch_*.pth'))


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_a_training_with_graphs_learns_what_it_does_without(config, tmp_path):
    weights = []
    for hooks in ([], [dict(type='CudaGraphHook')]):
        config.custom_hooks = hooks
        config.experiment_name = config.visualizer.name = f'{tmp_path.name} {len(hooks)}'
        config.work_dir = str(tmp_path / f'{len(hooks)}')
        model = train(copy.deepcopy(config)).model
        assert getattr(model, 'graphs', None) is None
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-2, atol=1e-4)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_graphs_do_not_suit_accumulated_gradients(config):
    config.custom_hooks = [dict(type='CudaGraphHook')]
    config.optim_wrapper.accumulative_counts = 2
    with pytest.raises(ValueError, match='accumulative_counts adds up'):
        train(config)

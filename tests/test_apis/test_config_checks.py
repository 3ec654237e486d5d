"""Wrong configs are refused by a sentence that names the key and what fits."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import LinearLR

from halp_mm.apis import (
    SkeletonInferencer,
    build_model,
    evaluate,
    extract_features,
    load_config,
    plan_runs,
    train,
    training_config,
)
from halp_mm.apis.config_checks import locate, problems_of
from halp_mm.apis.training_settings import check_training_settings, is_stuck
from halp_mm.component_building import ComponentError
from halp_mm.registry import MODELS
from tests.runs import CONFIG, ROOT
from tests.test_configs.test_configs import CONFIGS


def test_all_shipped_configs_pass():
    for path in CONFIGS:
        config = Config.fromfile(path)
        assert list(problems_of(config)) == [], path
        check_training_settings(config)


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('tran_cfg.max_epochs', 3, "a config has no 'tran_cfg'; did you mean 'train_cfg'"),
        ('modle.queue_size', 3, "a config has no 'modle'; did you mean 'model'"),
        ('data_file', 'x', "'data_file' is a variable of the config file"),
        ('model.encoder.hiden_size', 3, "model.encoder: BiGRU has no argument 'hiden_size'; did"),
        ('model.encoder.hidden_size', '3', 'model.encoder: BiGRU: hidden_size must be a whole'),
        ('model.encoder.type', 'BiGRRU', "model.encoder: there is no model 'BiGRRU'; did you me"),
        ('model.queue.size', 3, "model.queue.size: model has no 'queue'"),
        ('model.queue_size.x', 3, "model.queue_size is 1024, which has no 'x'"),
        ('protocols.knn.kk', 3, "protocols.knn: KNNProtocol has no argument 'kk'; did you mean"),
        ('protocols.kn.k', 3, "protocols has no 'kn'; did you mean 'knn'"),
        ('train_dataloader.batchsize', 3, "has no 'batchsize'; did you mean 'batch_size'"),
        ('train_dataloader.dataset.splitt', 'a', "SkeletonDataset has no argument 'splitt'"),
        ('default_hooks.checkpoint.intervall', 3, "CheckpointHook has no argument 'intervall'"),
        ('optim_wrapper.optimizer.learning_rate', 3, "AdamW has no argument 'learning_rate'"),
        ('train_cfg.max_epoch', 3, "train_cfg: EpochBasedTrainLoop has no argument 'max_epoch'"),
        ('param_scheduler.0.gama', 3, "param_scheduler.0: LinearLR has no argument 'gama'"),
        ('param_scheduler.2.gamma', 3, 'param_scheduler is a list of 2; expected a number below'),
        ('randomness.sead', 3, "randomness has no 'sead'; did you mean 'seed'"),
        ('val_dataloader', {'batch_size': 3}, 'val_dataloader is not supported'),
        ('default_hooks.checkpoint.save_best', 'top1', 'save_best is not supported'),
        ('custom_hooks', [{'type': 'EarlyStoppingHook', 'monitor': 'top1'}], 'is not supported'),
        ('train_dataloader.dataset.type', 'RepeatDataset', r'(has no argument|not supported)'),
        ('train_dataloader.dataset.split', 'xsub_test', 'are both split .xsub_test.'),
    ],
)
def test_unknown_keys(key, value, message):
    with pytest.raises(ValueError, match=message):
        load_config(CONFIG, {key: value})


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('optim_wrapper.optimizer.lr', 0),
        ('optim_wrapper.optimizer.lr', float('nan')),
        ('optim_wrapper.optimizer.betas', [0.9, 1]),
        ('optim_wrapper.optimizer.weight_decay', -1),
        ('param_scheduler.0.start_factor', float('nan')),
        ('param_scheduler.1.T_max', 0),
        ('train_cfg.max_epochs', 0),
        ('train_dataloader.batch_size', 0),
        ('default_hooks.checkpoint.interval', 0),
        ('default_hooks.checkpoint.max_keep_ckpts', 0),
        ('default_hooks.logger.interval', 0),
        ('randomness.seed', -1),
    ],
)
def test_ranges_of_training_settings(key, value):
    with pytest.raises(ValueError, match=key.replace('.', r'\.') + ' must be'):
        training_config(CONFIG, cfg_options={key: value})


@pytest.mark.parametrize(('begin', 'end'), [(0, 1), (0, 2), (0, 5), (3, 4), (3, 6)])
def test_a_linear_schedule_within_an_epoch_never_leaves_its_start(begin, end):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule = LinearLR(optimizer, start_factor=0.1, begin=begin, end=end)
    for _ in range(10):
        optimizer.step()
        schedule.step()
    stays = optimizer.param_groups[0]['lr'] < 0.5
    settings = dict(type='LinearLR', start_factor=0.1, begin=begin, end=end)
    assert is_stuck(settings) == stays
    assert not is_stuck(settings | dict(convert_to_iter_based=True))
    if stays:
        with pytest.raises(ValueError, match=r'param_scheduler\.0 begins and ends within an epoch'):
            training_config(CONFIG, cfg_options={'param_scheduler': [settings]})


def test_own_variables_stay_and_misspelt_keys_of_a_file_do_not(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(f"_base_ = '{CONFIG}'\nview = [1]\nlayout_of_mine = dict(a=1)\n")
    assert load_config(path).view == [1]
    path.write_text(f"_base_ = '{CONFIG}'\ntran_cfg = dict(max_epochs=3)\n")
    with pytest.raises(ValueError, match="no 'tran_cfg'; did you mean 'train_cfg'"):
        load_config(path)


def test_new_settings_of_known_components():
    options = {
        'optim_wrapper.clip_grad.max_norm': 1.0,
        'optim_wrapper.paramwise_cfg.custom_keys.motion.lr_mult': 0.1,
        'train_on_test_clips': True,
    }
    config = load_config(CONFIG, options)
    assert config.optim_wrapper.clip_grad == {'max_norm': 1.0}


def test_an_error_of_a_component_gets_its_place():
    config = Config.fromfile(CONFIG)
    config.model.encoder.num_layers = 0
    with pytest.raises(ComponentError) as caught:
        MODELS.build(config.model.encoder)
    assert locate(config, caught.value).startswith('model.encoder: BiGRU: num_layers must be')


OUT_OF_RANGE = {'model.encoder.num_layers': 0}


@pytest.mark.parametrize('ask', [train, evaluate, extract_features, SkeletonInferencer])
def test_every_api_names_the_place_of_a_value_out_of_range(ask, random_clips, tmp_path):
    files = dict.fromkeys(
        ['train_dataloader.dataset.data_file', 'test_dataset.data_file'], str(random_clips)
    )
    splits = {'train_dataloader.dataset.split': 'train', 'test_dataset.split': 'test'}
    second = tmp_path / 'run' if ask is train else None
    with pytest.raises(ValueError, match=r'^model.encoder: BiGRU: num_layers must be'):
        ask(CONFIG, second, cfg_options=files | splits | OUT_OF_RANGE)


def test_an_ablation_finds_it_before_the_first_run(random_clips, tmp_path):
    files = dict.fromkeys(
        ['train_dataloader.dataset.data_file', 'test_dataset.data_file'], str(random_clips)
    )
    splits = {'train_dataloader.dataset.split': 'train', 'test_dataset.split': 'test'}
    for wrong, where in (
        (OUT_OF_RANGE, 'model.encoder: BiGRU: num_layers'),
        ({'protocols.knn.k': 0}, 'protocols.knn: KNNProtocol: k'),
    ):
        with pytest.raises(ValueError, match=f'^{where} must be'):
            plan_runs([CONFIG], work_dir=tmp_path, cfg_options=files | splits | wrong)


def test_an_unknown_stream_is_named_by_its_key():
    path = ROOT / 'configs' / 'isc' / 'bigru-stgcn_synthetic_xsub.py'
    config = load_config(path, {'model.streams.sequence': 'jointx'})
    with pytest.raises(ValueError, match=r"^model: Pretrainer: streams.sequence.*'jointx'"):
        build_model(config)

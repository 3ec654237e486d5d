"""Training and what follows it, as a notebook calls it: a real Runner in this process."""

from importlib import import_module
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from halp_mm.apis import (
    SkeletonInferencer,
    evaluate,
    extract_features,
    load_config,
    train,
    training_config,
)
from tests.runs import CONFIG


@pytest.fixture
def options(random_clips, tmp_path) -> dict:
    """What shrinks the synthetic config, on random clips."""
    return {
        'train_dataloader.dataset': dict(data_file=str(random_clips), split='train'),
        'train_dataloader.batch_size': 4,
        'test_dataset': dict(data_file=str(random_clips), split='test'),
        'model.encoder.hidden_size': 8,
        'model.projector.out_dim': 8,
        'model.queue_size': 32,
        'model.heads.halp': None,
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 1,
        'log_level': 'WARNING',
        'experiment_name': tmp_path.name,  # mmengine keeps loggers and visualizers by name
    }


def test_the_text_of_a_config_is_written_as_it_is(monkeypatch, tmp_path):
    """To lay it out with yapf took 0.05 s, at the start of a run and in each checkpoint."""
    monkeypatch.setattr('mmengine.config.config.FormatCode', None)
    config = load_config(CONFIG, {'train_cfg.max_epochs': 7})
    config.dump(tmp_path / 'dumped.py')
    assert Config.fromfile(tmp_path / 'dumped.py').to_dict() == config.to_dict()
    assert load_config(config).pretty_text == config.pretty_text
    assert (config.filename, config.text) == (str(CONFIG), Config.fromfile(CONFIG).text)


def test_from_a_config_to_an_answer(options, tmp_path, random_clips):
    runner = train(CONFIG, tmp_path / 'work', options, seed=3)
    assert runner.work_dir == str(tmp_path / 'work')
    assert runner.last_checkpoint == tmp_path / 'work' / 'epoch_1.pth'
    assert runner.log_file.is_file()
    assert runner.log_file.is_relative_to(tmp_path / 'work')
    assert runner.seed == 3

    checkpoint = runner.last_checkpoint
    report, result = evaluate(CONFIG, checkpoint, cfg_options=options, seed=3)
    assert (report['protocol'], report['seed']) == ('knn', 3)
    assert report['checkpoint'] == str(checkpoint)

    test = extract_features(CONFIG, checkpoint, 'test', options)
    assert test.names == result.names
    weights = torch.load(checkpoint, weights_only=True)['state_dict']
    trained = runner.model.state_dict()
    assert all(torch.equal(trained[name].cpu(), value) for name, value in weights.items())

    inferencer = SkeletonInferencer(CONFIG, checkpoint, cfg_options=options)
    answer = inferencer(torch.randn(40, 25, 3))
    assert answer.action in ('sit', 'stand', 'wave')


def test_config_that_was_read_stays_as_it_is(options, tmp_path):
    config = load_config(CONFIG, options)
    before = config.to_dict()
    made = training_config(
        *(config, tmp_path, {'train_cfg.max_epochs': 7}, 5),
        **dict(validate=False, auto_scale_lr=True, resume=True, launcher='pytorch'),
    )
    assert config.to_dict() == before
    assert (made.train_cfg.max_epochs, made.randomness.seed, made.work_dir) == (7, 5, str(tmp_path))
    assert (made.resume, made.load_from, made.auto_scale_lr.enable) == (True, None, True)
    assert made.default_hooks.evaluation is None
    assert made.default_hooks.normalize_once.type == 'NormalizeOnceHook'
    # What is not said stays: a prepared config can be trained as it is.
    assert training_config(made).to_dict() == made.to_dict()


def test_default_work_dir(options):
    made = training_config(CONFIG, cfg_options=options)
    assert made.work_dir == str(Path('work_dirs', 'halp', 'bigru_synthetic_xsub'))
    assert made.randomness.seed == 0


def test_bad_settings(options, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no config none.py'):
        train('none.py')
    with pytest.raises(FileNotFoundError, match=r'no checkpoint none.pth to resume from'):
        train(CONFIG, tmp_path, options, resume='none.pth')
    with pytest.raises(ValueError, match='normalization is a list of 1'):
        train(CONFIG, tmp_path, {'data_preprocessor.normalization.7.type': 1})
    missing = options | {'test_dataset.data_file': 'none.safetensors'}
    with pytest.raises(FileNotFoundError, match=r'no data file none.safetensors. Make it with: '):
        train(CONFIG, tmp_path, missing)
    with pytest.raises(ValueError, match=r'no work_dir; give a work_dir'):
        train(Config(load_config(CONFIG, options).to_dict()))
    assert list(tmp_path.iterdir()) == [Path(options['test_dataset']['data_file'])]


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_mixed_precision_without_a_gpu_and_bfloat16(options, tmp_path, monkeypatch):
    monkeypatch.setattr(import_module('halp_mm.apis.train'), 'has_bfloat16', lambda: False)
    with pytest.raises(ValueError, match=r'\(amp\) needs a GPU, or a CPU with bfloat16'):
        train(CONFIG, tmp_path, options, amp=True)


def test_options_stay_as_they_are(random_clips):
    options = {'test_dataset': dict(data_file=str(random_clips), split='test')}
    load_config(CONFIG, options | {'test_dataset.split': 'train'})
    assert options == {'test_dataset': dict(data_file=str(random_clips), split='test')}

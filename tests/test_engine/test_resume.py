"""Runs that are killed, stopped and resumed: real Runners in this process."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook

from halp_mm.apis import load_config, train
from halp_mm.datasets import SkeletonDataset
from halp_mm.engine import TrainingStopped, load_checkpoint_file, parse_duration
from halp_mm.engine.checkpoint_file import seal_checkpoint_file
from halp_mm.engine.resume import newest_checkpoint, resolve_checkpoint
from halp_mm.evaluation import KNNProtocol
from halp_mm.registry import HOOKS
from tests.conftest import write_random_clips
from tests.runs import CONFIG, environment


@HOOKS.register_module()
class SignalHook(Hook):
    """Send a signal to this process in an iteration."""

    def __init__(self, number: int, iteration: int) -> None:
        self.number = number
        self.iteration = iteration

    def before_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.iteration:
            os.kill(os.getpid(), self.number)


@pytest.fixture
def config(tmp_path) -> Config:
    """The synthetic config, shrunk: 2 epochs of 4 iterations."""
    data_file = write_random_clips(tmp_path / 'random.safetensors', num_clips=12)
    options = {
        'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
        'train_dataloader.batch_size': 2,
        'test_dataset': dict(data_file=str(data_file), split='test'),
        'model.encoder.hidden_size': 8,
        'model.projector.out_dim': 8,
        'model.queue_size': 30,
        'model.heads.halp': None,
        'default_hooks.normalize_once': None,
        'train_cfg.max_epochs': 2,
        'default_hooks.checkpoint.interval': 1,
        'work_dir': str(tmp_path / 'work'),
        'log_level': 'INFO',
        'experiment_name': tmp_path.name,
    }
    return load_config(CONFIG, options)


def train_once(config: Config, **settings):
    """Train under a name of its own: mmengine keeps loggers and hubs by name."""
    config = config.copy()
    train_once.count += 1
    config.experiment_name += str(train_once.count)
    config.visualizer = {**config.visualizer, 'name': config.experiment_name}
    return train(config, validate=settings.pop('validate', False), **settings)


train_once.count = 0


def log_of(work_dir: str) -> str:
    newest = max(Path(work_dir).glob('*/*.log'), key=lambda path: path.stat().st_mtime_ns)
    return newest.read_text()


def assert_same_weights(first: dict, second: dict) -> None:
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[key]) for key, value in first.items())


def fake_checkpoint(path: Path, epoch: int, iteration: int) -> Path:
    """What a run needs to go on, and nothing else."""
    content = {
        'meta': {'epoch': epoch, 'iter': iteration},
        'state_dict': {'weight': torch.randn(40, 10)},
        'optimizer': {},
        'message_hub': {},
    }
    torch.save(content, path)
    seal_checkpoint_file(path)
    return path


def test_the_newest_readable_checkpoint_whatever_the_names_and_notes_say(tmp_path):
    good = fake_checkpoint(tmp_path / 'epoch_1.pth', 3, 12)
    fake_checkpoint(tmp_path / 'epoch_9.pth', 2, 8)
    newer = fake_checkpoint(tmp_path / 'stopped.pth', 3, 13)
    fake_checkpoint(tmp_path / 'best_top1.pth', 9, 99)
    torch.save({'weight': torch.zeros(1)}, tmp_path / 'weights.pth')
    (tmp_path / 'last_checkpoint').write_text('epoch_9.pth')
    said = []
    assert newest_checkpoint(tmp_path, said.append) == newer
    assert len(said) == 1
    assert 'weights.pth cannot be resumed from: it holds no state_dict, no optim' in said[0]
    assert resolve_checkpoint(tmp_path) == newer

    newer.write_bytes(newer.read_bytes()[:1000])
    flipped = fake_checkpoint(tmp_path / 'epoch_4.pth', 4, 16)
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 4
    flipped.write_bytes(content)
    said.clear()
    assert newest_checkpoint(tmp_path, said.append) == good
    assert any('stopped.pth (1000 bytes) cannot be read' in line for line in said)
    assert any('epoch_4.pth' in line and 'not match its checksum' in line for line in said)

    for path in tmp_path.glob('*.pth'):
        path.write_bytes(b'')
    with pytest.raises(ValueError, match='holds 4 checkpoints, and none can be resumed from: '):
        newest_checkpoint(tmp_path)
    for path in tmp_path.glob('*.pth'):
        path.unlink()
    assert newest_checkpoint(tmp_path) is None
    with pytest.raises(FileNotFoundError, match='there are no checkpoints in'):
        resolve_checkpoint(tmp_path)


def test_every_flipped_bit_and_every_cut_is_noticed(tmp_path):
    path = fake_checkpoint(tmp_path / 'epoch_1.pth', 1, 4)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    for position in [*generator.integers(len(whole), size=40), *range(-100, 0)]:
        content = bytearray(whole)
        content[position] ^= 1 << generator.integers(8)
        path.write_bytes(content)
        with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
            load_checkpoint_file(path)
    for size in generator.integers(len(whole), size=20):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match='cannot be read as a checkpoint'):
            load_checkpoint_file(path)


def test_a_new_run_does_not_overwrite_another(config):
    train_once(config)
    before = {path: path.read_bytes() for path in Path(config.work_dir).glob('*.pth')}
    assert len(before) == 2
    with pytest.raises(ValueError, match=r'earlier run \(epoch_1.pth, epoch_2.pth\).*--resume'):
        train_once(config)
    assert before == {path: path.read_bytes() for path in Path(config.work_dir).glob('*.pth')}


def test_resume_in_an_empty_folder_starts_anew_and_tidies_up(config):
    work_dir = Path(config.work_dir)
    work_dir.mkdir()
    dead = work_dir / 'epoch_1.pth.999999999.partial'
    alive = work_dir / f'epoch_7.pth.{os.getpid()}.partial'
    dead.touch()
    alive.touch()
    runner = train_once(config, resume=True)
    assert 'holds no checkpoints: the run starts anew' in log_of(config.work_dir)
    assert not dead.exists()
    assert alive.exists()
    assert (work_dir / 'last_checkpoint').read_text() == 'epoch_2.pth'
    assert runner.last_checkpoint == work_dir / 'epoch_2.pth'


def test_a_moved_work_directory_goes_on_without_its_note(config, tmp_path):
    reference = train_once(config).model.state_dict()
    moved = Path(config.work_dir).rename(tmp_path / 'moved')
    (moved / 'epoch_2.pth').write_bytes((moved / 'epoch_2.pth').read_bytes()[:5000])
    (moved / 'last_checkpoint').write_text('')
    config.work_dir = str(moved)
    runner = train_once(config, resume=True)
    assert_same_weights(runner.model.state_dict(), reference)
    assert 'passed over: ' in log_of(config.work_dir)
    assert runner.last_checkpoint == moved / 'epoch_2.pth'


@pytest.mark.parametrize(
    ('number', 'status'),
    [(signal.SIGTERM, 75), (signal.SIGUSR1, 75), (signal.SIGINT, 130)],
)
def test_stopped_within_an_epoch_and_resumed(config, number, status, monkeypatch):
    handlers = signal.getsignal(number)
    reference = train_once(config).model.state_dict()
    config.work_dir += '_stopped'
    stopped = config.copy()
    stopped.custom_hooks = [dict(type='SignalHook', number=int(number), iteration=5)]
    with pytest.raises(TrainingStopped) as stop:
        train_once(stopped)
    assert stop.value.code == status
    assert signal.getsignal(number) == handlers
    work_dir = Path(config.work_dir)
    assert (work_dir / 'last_checkpoint').read_text() == 'stopped.pth'
    assert 'stopped after 6 iterations, 1 whole epochs' in log_of(config.work_dir)
    meta = load_checkpoint_file(work_dir / 'stopped.pth')['meta']
    assert (meta['epoch'], meta['iter']) == (1, 6)

    config.custom_hooks = []
    config.data_on_device = False
    loaded, load = [], SkeletonDataset.batch
    monkeypatch.setattr(
        SkeletonDataset, 'batch', lambda self, rows: loaded.extend(rows) or load(self, rows)
    )
    runner = train_once(config, resume=True)
    assert len(loaded) == 4  # two iterations' batches, not those that were done
    assert_same_weights(runner.model.state_dict(), reference)
    assert not (work_dir / 'stopped.pth').exists()
    losses = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(losses) == 8, 'the history has every iteration'


def test_stopped_at_the_end_of_an_epoch(config):
    reference = train_once(config).model.state_dict()
    config.work_dir += '_stopped'
    config.custom_hooks = [dict(type='SignalHook', number=int(signal.SIGTERM), iteration=3)]
    with pytest.raises(TrainingStopped):
        train_once(config)
    assert [path.name for path in Path(config.work_dir).glob('*.pth')] == ['epoch_1.pth']
    config.custom_hooks = []
    assert_same_weights(train_once(config, resume=True).model.state_dict(), reference)


def test_a_signal_in_the_evaluation(config, monkeypatch):
    config.default_hooks.evaluation.interval = 1
    reference = train_once(config, validate=True).model.state_dict()
    config.work_dir += '_stopped'
    run = KNNProtocol.run
    with monkeypatch.context() as patch:

        def killed(*args):
            os.kill(os.getpid(), signal.SIGTERM)
            return run(*args)

        patch.setattr(KNNProtocol, 'run', killed)
        with pytest.raises(TrainingStopped):
            train_once(config, validate=True)
    assert 'the evaluation after epoch 1 is left for the resumed run' in log_of(config.work_dir)
    runner = train_once(config, validate=True, resume=True)
    assert_same_weights(runner.model.state_dict(), reference)
    log = log_of(config.work_dir)
    assert re.findall(r'Epoch\(val\) \[(\d)\]', log) == ['1', '2']


def test_stop_after(config):
    config.train_cfg.max_epochs = 10_000
    config.default_hooks.checkpoint.interval = 10_000
    with pytest.raises(TrainingStopped) as stop:
        train_once(config, stop_after='1s')
    assert stop.value.code == 75
    assert 'the time that it was given is over' in log_of(config.work_dir)
    assert (Path(config.work_dir) / 'stopped.pth').exists()


@pytest.mark.parametrize(
    ('text', 'seconds'), [('3h50m', 13800), ('90m', 5400), ('1d2s', 86402), ('45s', 45)]
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize('text', ['', '3', '0s', '3 hours', '-1h', '5m3h', 7])
def test_no_durations(text):
    with pytest.raises(ValueError, match='expected a time such as 3h50m'):
        parse_duration(text)


def test_what_a_resumed_run_takes_from_where(config, tmp_path):
    train_once(config)
    config.merge_from_dict(
        {
            'train_cfg.max_epochs': 3,
            'optim_wrapper.optimizer.lr': 7.0,
            'model.heads.moco.temperature': 0.2,
            'randomness.seed': 5,
            'train_dataloader.batch_size': 4,
        }
    )
    moved = tmp_path / 'moved.safetensors'
    Path(config.train_dataloader.dataset.data_file).rename(moved)
    config.train_dataloader.dataset.data_file = config.test_dataset.data_file = str(moved)
    runner = train_once(config, resume=True)
    log = log_of(config.work_dir)
    for line in (
        "optim_wrapper.optimizer.lr was 0.003, is 7.0 in the config: the checkpoint's is used",
        "model.heads.moco.temperature was 0.1, is 0.2 in the config: the config's is used",
        "randomness.seed was 0, is 5 in the config: the checkpoint's is used",
        "train_dataloader.batch_size was 2, is 4 in the config: the config's is used",
        "train_cfg.max_epochs was 2, is 3 in the config: the config's is used",
        'resumed with 2 iterations an epoch, it had 4: that of now is used',
    ):
        assert line in log, line
    assert runner.optim_wrapper.get_lr()['lr'][0] < 0.01
    assert runner.seed == runner.train_dataloader.sampler.seed == 0
    assert (runner.epoch, runner.iter) == (3, 6)


def test_other_data_are_refused(config):
    train_once(config)
    data_file = Path(config.train_dataloader.dataset.data_file)
    content = bytearray(data_file.read_bytes())
    position = content.index(b'clip001') - 8  # the last coordinate
    content[position] ^= 1
    data_file.write_bytes(content)
    with pytest.raises(ValueError, match='cannot be resumed with other data: the training clips'):
        train_once(config, resume=True)


def test_another_optimiser_is_refused(config):
    train_once(config)
    config.optim_wrapper.optimizer = dict(type='SGD', lr=0.001)
    with pytest.raises(ValueError, match=r"optim_wrapper.optimizer.type is 'SGD', it was 'AdamW'"):
        train_once(config, resume=True)


def test_another_model_is_refused(config):
    train_once(config)
    config.model.queue_size = 20
    message = r'queues.joint.key.entries is \[30, 8\], expected \[20, 8\]'
    with pytest.raises(ValueError, match=message):
        train_once(config, resume=True)


def test_a_checkpoint_without_optimiser_is_refused(config, tmp_path):
    runner = train_once(config)
    checkpoint = load_checkpoint_file(runner.last_checkpoint)
    for key in ('optimizer', 'message_hub'):
        torch.save({k: v for k, v in checkpoint.items() if k != key}, tmp_path / 'part.pth')
        with pytest.raises(ValueError, match=f'cannot be resumed from: it holds no {key}. Start a'):
            train_once(config, resume=tmp_path / 'part.pth')


def test_the_old_checkpoint_goes_after_the_new_one_is_there(config, monkeypatch):
    config.default_hooks.checkpoint.max_keep_ckpts = 1

    def fail(path):
        if 'epoch_2' in str(path):
            raise OSError(28, 'No space left on device')
        seal_checkpoint_file(path)

    monkeypatch.setattr('halp_mm.engine.runner.seal_checkpoint_file', fail)
    with pytest.raises(
        OSError, match=r'cannot write the checkpoint .*epoch_2.pth: .*No space left'
    ):
        train_once(config)
    assert [path.name for path in Path(config.work_dir).glob('*.pth*')] == ['epoch_1.pth']
    monkeypatch.undo()
    train_once(config, resume=True)
    assert [path.name for path in Path(config.work_dir).glob('*.pth*')] == ['epoch_2.pth']


@pytest.mark.parametrize('interval', [1, 3, 20])
def test_divergence_stops_and_spares_the_checkpoints(config, interval):
    train_once(config)
    before = {path: path.read_bytes() for path in Path(config.work_dir).glob('*.pth')}
    config.train_cfg.max_epochs = 4
    config.default_hooks.runtime_info.interval = interval
    config.custom_hooks = [dict(type='PoisonHook', iteration=9)]
    with pytest.raises(
        ValueError, match=r'joint/moco/loss is nan in epoch 3, iteration 3 of 4: tr'
    ):
        train_once(config, resume=True)
    assert before == {path: path.read_bytes() for path in Path(config.work_dir).glob('*.pth')}


def test_weights_that_are_not_finite_are_not_saved(config):
    config.custom_hooks = [dict(type='PoisonHook', iteration=3)]
    with pytest.raises(
        ValueError, match=r'NaN or infinite after 4 iterations: .*epoch_1.pth is not'
    ):
        train_once(config)
    assert not list(Path(config.work_dir).glob('*.pth*'))


def test_an_optimiser_that_is_not_finite_is_not_saved(config):
    train_once(config)
    config.train_cfg.max_epochs = 3
    config.custom_hooks = [dict(type='PoisonHook', iteration=11, what='momentum')]
    name = r'exp_avg of the optimiser for query_networks\.joint\.\S+ has entries that are'
    with pytest.raises(ValueError, match=f'{name} NaN or infinite after 12 iterations: .*epoch_3'):
        train_once(config, resume=True)
    assert not Path(config.work_dir, 'epoch_3.pth').exists()


def test_an_optimiser_that_is_not_finite_is_not_resumed_from(config):
    last = train_once(config).last_checkpoint
    checkpoint = load_checkpoint_file(last)
    checkpoint['optimizer']['state'][2]['exp_avg'][0] = torch.inf
    torch.save(checkpoint, last)
    name = r'exp_avg of the optimiser for query_networks\.joint\.\S+ has entries that are'
    with pytest.raises(ValueError, match=rf'epoch_2\.pth cannot be resumed from: {name} NaN'):
        train_once(config, resume=last)
    passed_over = []
    assert newest_checkpoint(config.work_dir, passed_over.append).name == 'epoch_1.pth'
    assert 'exp_avg of the optimiser for parameter 2 has entries' in passed_over[0]


@HOOKS.register_module()
class PoisonHook(Hook):
    """Make a weight or its momentum NaN after an iteration."""

    def __init__(self, iteration: int, what: str = 'weight') -> None:
        self.iteration = iteration
        self.what = what

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        if runner.iter == self.iteration:
            state = runner.optim_wrapper.optimizer.state
            weight = next(value for value in runner.model.parameters() if value in state)
            poisoned = weight if self.what == 'weight' else state[weight]['exp_avg']
            with torch.no_grad():
                poisoned.fill_(torch.nan)


def test_resume_in_an_empty_folder_starts_from_the_configs_weights(config, tmp_path):
    first = train_once(config)
    config.load_from = str(first.last_checkpoint)
    config.work_dir = str(tmp_path / 'second')
    train_once(config, resume=True)
    log = log_of(config.work_dir)
    assert f'tensors of the model are loaded from {config.load_from}' in log
    config.train_cfg.max_epochs += 1
    train_once(config, resume=True)
    assert 'resumed epoch: 2' in log_of(config.work_dir)


def test_load_from(config, tmp_path):
    train_once(config)
    source = Path(config.work_dir, 'epoch_2.pth')
    config.work_dir += '_next'
    config.load_from = str(source)
    train_once(config)
    assert f'tensors of the model are loaded from {source}' in log_of(config.work_dir)
    config.work_dir += '_next'
    config.model.queue_size = 20
    with pytest.raises(ValueError, match=r'epoch_2.pth was made with another model than this conf'):
        train_once(config)
    config.load_from, config.load_encoder_from = None, str(source)
    train_once(config)
    log = log_of(config.work_dir)
    assert "the encoder of the stream 'joint' starts with 18 tensors of " in log


def test_python_ends_though_workers_ignore_its_signals():
    code = """
from functools import partial
from torch.utils.data import DataLoader
from halp_mm.engine.stop import kill_workers_at_exit, leave_signals_to_the_main_process

kill_workers_at_exit()
init = partial(leave_signals_to_the_main_process, None)
loader = DataLoader(range(8), num_workers=1, persistent_workers=True, worker_init_fn=init)
iterator = iter(loader)
next(iterator)
"""
    done = subprocess.run([sys.executable, '-c', code], env=environment(), timeout=60, check=False)
    assert done.returncode == 0

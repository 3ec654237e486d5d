"""Training clips that are kept on the device: the same batches, and the same weights."""

import os
import re
import signal
from typing import ClassVar

import pytest
import torch
from mmengine.hooks import Hook
from torch.utils.data import DataLoader, DistributedSampler

from halp_mm.apis import load_config, train
from halp_mm.available_memory import available_memory
from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.engine import TrainingStopped
from halp_mm.engine.train_loop import first_batches_omitted, gathered_batches
from halp_mm.registry import HOOKS
from halp_mm.run_identity import overrides_that_count, settings_sha256
from tests.conftest import write_random_clips
from tests.runs import CONFIG

DEVICES = ['cpu', *(['cuda'] if torch.cuda.is_available() else [])]


@HOOKS.register_module()
class BatchesHook(Hook):
    """Keep all batches, and stop where it is told."""

    kept: ClassVar[list] = []
    stop_at = None

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.kept.append({key: value for key, value in data_batch.items() if key != 'progress'})
        if runner.iter == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def trained(tmp_path):
    """Train 3 epochs of 4 iterations; the batches, the weights and the log."""
    data_file = write_random_clips(tmp_path / 'random.safetensors', num_clips=12)

    def run(name, **options):
        settings = {
            'train_dataloader.dataset': dict(data_file=str(data_file), split='train'),
            'train_dataloader.batch_size': 2,
            'test_dataset': dict(data_file=str(data_file), split='test'),
            'model.encoder.hidden_size': 4,
            'model.projector.out_dim': 4,
            'model.queue_size': 30,
            'model.heads.halp': None,
            'custom_hooks': [dict(type='BatchesHook')],
            'train_cfg.max_epochs': 3,
            'work_dir': str(tmp_path / name),
            'log_level': 'INFO',
            **{key.replace('__', '.'): value for key, value in options.items()},
        }
        config = load_config(CONFIG, settings)
        run.count += 1  # mmengine keeps loggers and hubs by name
        config.experiment_name = config.visualizer.name = f'{tmp_path.name} {run.count}'
        BatchesHook.kept = []
        runner = train(config, validate=False, resume='resumed' in name)
        (log, *_) = sorted((tmp_path / name).glob('*/*.log'))
        return BatchesHook.kept, runner.model.state_dict(), log.read_text()

    run.count = 0
    return run


def assert_same_batches(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for one, other in zip(ours, theirs):
        assert one.keys() == other.keys()
        for key, value in one.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(value.cpu(), other[key]), key
            else:
                assert value == other[key], key


@pytest.mark.parametrize('options', [{}, {'default_hooks__normalize_once': None}])
def test_a_training_sees_the_same_batches(trained, options):
    batches, weights, log = trained('loader', data_on_device=False, **options)
    ours, our_weights, our_log = trained('device', **options)
    assert len(batches) == 12
    assert_same_batches(ours, batches)
    assert all(torch.equal(our_weights[name], value) for name, value in weights.items())
    assert 'clips      read batch by batch: data_on_device=False' in log
    place = DEVICES[-1]
    assert re.search(rf'clips      all on {place}\S* as one tensor, 0.\d+ GB of float32', our_log)
    orders = [torch.cat([batch['indices'] for batch in ours[i : i + 4]]) for i in (0, 4, 8)]
    assert not torch.equal(orders[0], orders[1])
    assert all(order.sort().values.tolist() == list(range(8)) for order in orders)


def test_a_resumed_training_goes_on_with_the_same_batches(trained, monkeypatch):
    batches, weights, _ = trained('loader', data_on_device=False)
    monkeypatch.setattr(BatchesHook, 'stop_at', 5)
    with pytest.raises(TrainingStopped):
        trained('resumed')
    first = BatchesHook.kept
    monkeypatch.setattr(BatchesHook, 'stop_at', None)
    rest, our_weights, _ = trained('resumed')
    assert (len(first), len(rest)) == (6, 6)
    assert_same_batches([*first, *rest], batches)
    assert all(torch.equal(our_weights[name], value) for name, value in weights.items())


def loader_of(dataset, rank, num_workers=0):
    sampler = DistributedSampler(dataset, 2, rank, shuffle=True, seed=3)
    sampler.set_epoch(2)
    return DataLoader(dataset, 2, sampler=sampler, collate_fn=pad_clips, num_workers=num_workers)


@pytest.mark.parametrize('device', DEVICES)
def test_each_of_two_ranks_gets_its_own_batches(random_clips, device):
    plain, kept = (SkeletonDataset(random_clips, 'train') for _ in range(2))
    kept.keep_on(device)
    seen = []
    for rank in (0, 1):
        theirs, ours = loader_of(plain, rank, num_workers=1), loader_of(kept, rank)
        expected, batches = list(theirs), list(gathered_batches(ours))
        assert all(batch['clips'].device.type == device for batch in batches)
        assert_same_batches(batches, expected)
        with first_batches_omitted(ours, 1):
            assert_same_batches(list(gathered_batches(ours)), expected[1:])
        seen += [batch['indices'] for batch in batches]
    assert torch.cat(seen).sort().values.tolist() == list(range(8))


@pytest.mark.parametrize('device', DEVICES)
def test_half_precision_rounds_once(random_clips, device):
    plain, kept = (SkeletonDataset(random_clips, 'train', num_people=1) for _ in range(2))
    kept.keep_on(device, torch.float16)
    (batch,) = gathered_batches(DataLoader(kept, 8, collate_fn=pad_clips))
    expected = pad_clips([plain[i] for i in range(8)])
    assert batch['clips'].dtype == kept[3]['clip'].dtype == torch.float32
    assert_same_batches([{**batch, 'clips': 0}], [{**expected, 'clips': 0}])
    assert torch.equal(batch['clips'].cpu(), expected['clips'].half().float())
    assert torch.equal(kept[3]['clip'].cpu(), plain[3]['clip'].half().float())
    kept.normalize_once(lambda clips: clips.with_coordinates(clips.coordinates * 2))
    assert kept.resident_on == torch.empty(0, device=device).device
    assert torch.equal(kept[3]['clip'].cpu(), 2 * plain[3]['clip'].half().float())


def test_what_does_not_fit_is_read(trained, monkeypatch):
    monkeypatch.setattr('halp_mm.engine.clips_place.available_memory', lambda: 200_000)
    few = {'default_hooks__normalize_once': None, 'train_cfg__max_epochs': 1}
    _, _, log = trained('few', **few)
    assert 'batch by batch: 0.000137 GB, more than half of the 0.0002 GB free\n' in log
    _, _, log = trained('half', data_on_device='half', **few)
    assert 'as one tensor, 6.84e-05 GB of float16, gathered by index' in log
    monkeypatch.setattr('halp_mm.engine.clips_place.available_memory', lambda: None)
    _, _, log = trained('unknown', **few)
    assert '0.000137 GB, and the system does not say what memory is free\n' in log
    with pytest.raises(
        ValueError, match="data_on_device must be 'auto' or True or False or 'half'"
    ):
        trained('wrong', data_on_device='gpu')


def test_only_half_precision_is_another_setting():
    hashes = {
        value: settings_sha256(load_config(CONFIG, {'data_on_device': value}))
        for value in ('auto', True, False, 'half')
    }
    assert hashes['auto'] == hashes[True] == hashes[False] == settings_sha256(load_config(CONFIG))
    assert hashes['half'] != hashes['auto']
    for value, counts in ((False, {}), ('half', {'data_on_device': 'half'})):
        assert overrides_that_count({'data_on_device': value}) == counts


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, 8000 * 1024),
        ({'memory.max': 'max\n', 'memory.current': '5\n'}, 8000 * 1024),
        ({'memory.max': '9000\n', 'memory.current': '5000\n'}, 4000),
        (
            {
                'memory.max': '9000\n',
                'memory.current': '5000\n',
                'memory.stat': 'anon 7\ninactive_file 30\n',
            },
            4030,
        ),
        (
            {
                'memory/memory.limit_in_bytes': '700\n',
                'memory/memory.usage_in_bytes': '900\n',
            },
            0,
        ),
    ],
)
def test_available_memory(tmp_path, files, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    meminfo = tmp_path / 'meminfo'
    meminfo.write_text('MemTotal:  9000 kB\nMemAvailable:     8000 kB\n')
    assert available_memory(meminfo, tmp_path) == expected
    meminfo.write_text('MemTotal:  9000 kB\n')
    assert available_memory(meminfo, tmp_path) is available_memory(tmp_path / 'none') is None

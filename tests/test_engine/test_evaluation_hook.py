"""Evaluation during training, on a real Runner in this process."""

import json
import time
from pathlib import Path

import pytest
from mmengine.config import Config

from halp_mm.apis import evaluate, load_config, train
from halp_mm.evaluation import effective_rank
from halp_mm.registry import HOOKS, PROTOCOLS
from tests.runs import tiny_classifier_config


@pytest.fixture
def config(random_clips, tmp_path) -> Config:
    """The supervised config of the synthetic data, shrunk, on random clips."""
    config_file, options = tiny_classifier_config(random_clips)
    config = load_config(config_file, options)
    config.merge_from_dict(
        dict(work_dir=str(tmp_path / 'work'), log_level='WARNING', experiment_name=tmp_path.name)
    )
    config.visualizer.name = tmp_path.name  # mmengine keeps visualizers by name
    return config


def logged(config: Config) -> list[dict]:
    """The lines of the log that hold accuracies of the test clips."""
    (log,) = Path(config.work_dir).glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if any(name.startswith('val/') for name in line)]


@pytest.mark.parametrize('protocol', ['classifier', 'knn', 'linear'])
def test_figures_are_those_of_the_protocol(config, protocol):
    config.default_hooks.evaluation.update(protocol=config.protocols[protocol], interval=2)
    train(config)
    lines = logged(config)
    assert [line['step'] for line in lines] == [2, 3], 'every second epoch and the last'
    names = {'val/top1', 'val/top5', 'val/effective_rank', 'evaluation_seconds', 'step'}
    assert all(set(line) == names for line in lines)
    for line in lines:
        checkpoint = Path(config.work_dir) / f'epoch_{line["step"]}.pth'
        report, result = evaluate(config, checkpoint, protocol)
        assert line['val/effective_rank'] == effective_rank(result.features['joint'])
        assert (line['val/top1'], line['val/top5']) == (
            report['metrics']['top1'],
            report['metrics']['top5'],
        )


def test_protocols_have_the_runs_seed_or_their_own(config):
    config.protocols.linear.seed = 11
    config.default_hooks.evaluation = dict(
        type='EvaluationHook', protocol=['knn', 'linear'], interval=3
    )
    runner = train(config, seed=5)
    hook_class = HOOKS.get('EvaluationHook')
    (hook,) = (hook for hook in runner.hooks if isinstance(hook, hook_class))
    assert {name: protocol.seed for name, protocol in hook.protocols.items()} == {
        'knn_': 5,
        'linear_': 11,
    }


def test_knn_keeps_its_names(config):
    config.default_hooks.evaluation = dict(type='KNNEvaluationHook', interval=3, k=2)
    config.protocols.knn.k = 2
    train(config)
    (line,) = logged(config)
    report, result = evaluate(config, Path(config.work_dir) / 'epoch_3.pth', 'knn')
    assert line.pop('evaluation_seconds') > 0
    assert line == {
        'val/effective_rank': effective_rank(result.features['joint']),
        'val/knn_top1': report['metrics']['top1'],
        'val/knn_top5': report['metrics']['top5'],
        'step': 3,
    }


def test_several_protocols_and_their_time(config, monkeypatch):
    """kNN and linear figures in one run; the logged time is the protocols' and little else."""
    config.default_hooks.evaluation = dict(
        type='EvaluationHook', protocol=['knn', 'linear'], interval=3
    )
    spent = []
    for name in ('KNNProtocol', 'LinearProtocol'):
        protocol = PROTOCOLS.get(name)

        def timed(self, *arguments, run=protocol.run):
            start = time.perf_counter()
            result = run(self, *arguments)
            spent.append(time.perf_counter() - start)
            return result

        monkeypatch.setattr(protocol, 'run', timed)
    train(config)
    (line,) = logged(config)
    assert sum(spent) <= line.pop('evaluation_seconds') < sum(spent) + 0.5
    assert line.pop('val/effective_rank') > 1
    expected = {'step': 3}
    for name in ('knn', 'linear'):
        metrics = evaluate(config, Path(config.work_dir) / 'epoch_3.pth', name)[0]['metrics']
        expected |= {f'val/{name}_top1': metrics['top1'], f'val/{name}_top5': metrics['top5']}
    assert line == expected


def test_unknown_protocol_stops_before_the_first_step(config):
    config.default_hooks.evaluation = dict(type='EvaluationHook', protocol=['knn', 'liner'])
    with pytest.raises(ValueError, match=r"asks for the protocol 'liner'; the config has \['cl"):
        train(config)
    assert not list(Path(config.work_dir).glob('*.pth'))


def test_evaluation_does_not_disturb_training(config):
    config.model.dropout = 0.5
    states = []
    for hook in (config.default_hooks.evaluation, None):
        config.default_hooks.evaluation = hook
        config.experiment_name += 'x'
        config.work_dir += 'x'
        states.append(train(config).model.state_dict())
    assert all((value == states[1][name]).all() for name, value in states[0].items())


def test_the_training_set_is_not_read_twice(config):
    runner = train(config)
    hook_class = HOOKS.get('EvaluationHook')
    (hook,) = (hook for hook in runner.hooks if isinstance(hook, hook_class))
    assert hook.train_dataset is runner.train_dataloader.dataset
    assert hook.test_dataset[0]['normalized']


def test_wrong_number_of_classes_stops_before_the_first_step(config, random_clips):
    config.model.num_classes = 2
    with pytest.raises(ValueError, match=r'num_classes is 2, but .* has 3 classes; set') as error:
        train(config)
    assert str(random_clips) in str(error.value)
    assert not list(Path(config.work_dir).glob('*.pth'))

"""tools/test.py on another data set, and its flags of fine-tuning."""

import json

import numpy as np
import pytest
import torch

from halp_mm.apis import build_model, evaluate, load_config
from halp_mm.datasets import ClipWriter, SkeletonDataset
from halp_mm.skeletons import convert_joints
from tests.conftest import write_random_clips
from tests.runs import CONFIG, ROOT, run_tool

SETTINGS = {'epochs': 2, 'batch_size': 3, 'learning_rate': 0.1, 'milestones': [1]}


def options_of(data_file, num_people=2) -> dict[str, object]:
    """Overrides that shrink the synthetic config to a file of random clips, and its fine-tuning."""
    return {
        'train_dataloader.dataset.data_file': str(data_file),
        'train_dataloader.dataset.split': 'train',
        'train_dataloader.dataset.num_people': num_people,
        'test_dataset.data_file': str(data_file),
        'test_dataset.split': 'test',
        'test_dataset.num_people': num_people,
        'model.encoder.hidden_size': 8,
        'model.encoder.num_people': num_people,
        'model.queue_size': 256,
        **{
            f'protocols.{protocol}.{key}': value
            for protocol in ('finetune', 'semi', 'transfer')
            for key, value in SETTINGS.items()
        },
    }


def command_line(options: dict[str, object]) -> list[str]:
    pairs = [f'{key}={value}'.replace(' ', '') for key, value in options.items()]
    return ['--cfg-options', *pairs]


def write_target(folder, data_file):
    """A config that says nothing but what the clips are."""
    splits = [
        f'dict(type="SkeletonDataset", data_file={str(data_file)!r}, split={split!r})'
        for split in ('train', 'test')
    ]
    path = folder / 'target.py'
    path.write_text('train_dataloader = dict(dataset={})\ntest_dataset = {}\n'.format(*splits))
    return path


def write_converted(path, data_file, num_people):
    """The clips of a file, clip by clip with the joints of Kinect v2 and so many people."""
    with ClipWriter(path, 'kinect_v2', ['sit', 'stand', 'wave'], 'random') as writer:
        for split in ('train', 'test'):
            dataset = SkeletonDataset(data_file, split)
            for name, sample in zip(dataset.names, dataset):
                converted = convert_joints(sample['clip'], dataset.layout, 'kinect_v2').numpy()
                clip = np.zeros((num_people, *converted.shape[1:]), np.float32)
                count = min(num_people, len(converted))
                clip[:count] = converted[:count]
                writer.add(name, clip, label=sample['label'], splits=[split])
    return path


@pytest.fixture
def files(tmp_path):
    """Clips of Kinect v2 and of MSR-Action3D, and a config of the latter."""
    own = write_random_clips(tmp_path / 'own.safetensors')
    other = write_random_clips(tmp_path / 'other.safetensors', 'msr_action3d', num_clips=9)
    return own, other, write_target(tmp_path, other)


def write_checkpoint(path, config):
    """A checkpoint of the config's model with weights that another seed draws."""
    config.randomness.seed = 5
    torch.save({'state_dict': build_model(config).state_dict()}, path)
    config.randomness.seed = 0
    return path


@pytest.mark.parametrize('num_people', [1, 2, 3])
def test_transfer_equals_fine_tuning_on_converted_clips(files, tmp_path, num_people):
    """People are cut or padded, joints are converted before anything else happens."""
    own, other, target = files
    config = load_config(CONFIG, options_of(own, num_people))
    checkpoint = write_checkpoint(tmp_path / 'model.pth', config)
    report, result = evaluate(config, checkpoint, 'transfer', target=target)
    converted = write_converted(tmp_path / 'converted.safetensors', other, num_people)
    own_config = load_config(CONFIG, options_of(converted, num_people))
    _, expected = evaluate(own_config, checkpoint, 'finetune')
    torch.testing.assert_close(result.scores, expected.scores, rtol=1e-4, atol=1e-6)
    assert (result.scores - result.scores.mean(0)).abs().max() > 1e-3  # clips do matter
    assert report['target'] == str(target)
    assert (report['metrics']['num_train'], report['metrics']['num_test']) == (6, 3)
    assert '1 of 3 classes have no training clips' in report['warnings'][0]


def test_the_tool_transfers(files, tmp_path):
    own, _, target = files
    options = options_of(own)
    config = load_config(CONFIG, options)
    checkpoint = write_checkpoint(tmp_path / 'model.pth', config)
    run = run_tool(
        *('test.py', CONFIG, checkpoint, '--protocol', 'transfer', '--target', target),
        *('--out', tmp_path / 'out.json', '--dump', tmp_path / 'scores.npz'),
        *command_line(options),
    )
    assert run.returncode == 0, run.stderr
    assert '1 of 3 classes have no training clips' in run.stdout
    assert run.stdout.startswith('transfer on random test\n')
    report = json.loads((tmp_path / 'out.json').read_text())
    assert report['settings']['type'] == 'TransferProtocol'
    _, expected = evaluate(config, checkpoint, 'transfer', target=target)
    with np.load(tmp_path / 'scores.npz') as scores:
        np.testing.assert_allclose(scores['scores'], expected.scores, rtol=1e-5)
        assert scores['names'].tolist() == ['clip000', 'clip003', 'clip006']


def test_the_tool_draws_labels(files, tmp_path):
    own, _, _ = files
    run = run_tool(
        *('test.py', CONFIG, '--untrained', '--protocol', 'semi', '--work-dir', tmp_path),
        *('--label-fraction', 0.5, 0.01, '--draws', 2, *command_line(options_of(own))),
    )
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / 'semi.json').read_text())
    assert report['settings']['label_fraction'] == [0.5, 0.01]
    assert report['settings']['draws'] == 2
    metrics = report['metrics']
    # 4 training clips of each of 2 classes
    assert (metrics['num_train'], metrics['0.5/num_train'], metrics['0.01/num_train']) == (4, 4, 2)
    assert metrics['top1'] == metrics['0.5/top1']
    for key in ('0.5/top1', '0.5/top1_std', '0.01/top5'):
        assert f'  {key} ' in run.stdout
        assert f'{metrics[key]:.2f}' in run.stdout


def test_the_tool_takes_few_clips_of_each_class(files, tmp_path):
    own, _, _ = files
    for protocol, name, start in (
        ('few_shot', 'top1', ['--untrained']),
        ('coordinates', 'logistic/top1', []),
    ):
        run = run_tool(
            *('test.py', CONFIG, *start, '--protocol', protocol, '--work-dir', tmp_path),
            *('--shots', 2, 1, '--draws', 2, *command_line(options_of(own))),
        )
        assert run.returncode == 0, run.stderr
        report = json.loads((tmp_path / f'{protocol}.json').read_text())
        assert (report['settings']['shots'], report['settings']['draws']) == ([2, 1], 2)
        metrics = report['metrics']
        assert (metrics['num_train'], metrics['1_shot/num_train']) == (4, 2)
        assert metrics[name] == metrics[f'2_shot/{name}']
        assert f'  1_shot/{name} ' in run.stdout


def test_tools_error(files):
    own, _, target = files
    run = run_tool(
        *('test.py', CONFIG, '--untrained', '--target', target, '--draws', 3),
        *command_line(options_of(own)),
    )
    assert run.returncode == 1
    message = "protocols.knn: KNNProtocol has no argument 'draws'; it has"
    assert run.stderr.splitlines()[-1].startswith(f'test.py: error: {message}')


def test_the_tools_options_suit_a_protocol_of_ones_own_name(files, tmp_path):
    own, _, _ = files
    config = tmp_path / 'config.py'
    config.write_text(
        f"_base_ = '{ROOT / CONFIG}'\nprotocols = dict(some=dict(type='FewShotProtocol'))"
    )
    run = run_tool(
        *('test.py', config, '--untrained', '--protocol', 'some', '--shots', 1, '--draws', 1),
        *command_line(options_of(own)),
    )
    assert run.returncode == 0, run.stderr
    assert '  1_shot/top1 ' in run.stdout


def test_other_protocols_take_a_target(files):
    """kNN on another data set; of the same layout, too, and a model of its own for each call."""
    own, _, target = files
    config = load_config(CONFIG, options_of(own))
    metrics = evaluate(config, None, 'knn', target=target)[0]['metrics']
    assert (metrics['num_train'], metrics['num_test']) == (6, 3)
    same = load_config(CONFIG, options_of(own))
    reports = [evaluate(config, None, 'knn', target=other)[0] for other in (same, None)]
    assert reports[0]['metrics'] == reports[1]['metrics']
    assert reports[0]['metrics']['num_test'] == 4


def test_transfer_needs_a_target(files):
    config = load_config(CONFIG, options_of(files[0]))
    with pytest.raises(ValueError, match='needs the config of another data set as target'):
        evaluate(config, None, 'transfer')


def test_target_of_another_dimension(files, tmp_path):
    own, _, _ = files
    flat = tmp_path / 'flat.safetensors'
    with ClipWriter(flat, 'coco17', ['sit'], 'flat') as writer:
        writer.add('clip', np.ones((1, 9, 17, 2), np.float32), label=0, splits=['train', 'test'])
    config = load_config(CONFIG, options_of(own))
    message = r'flat.safetensors does not suit the encoder: .* has 2 dimensions'
    with pytest.raises(ValueError, match=message):
        evaluate(config, None, 'transfer', target=write_target(tmp_path, flat))


def test_target_without_its_data_file(files, tmp_path):
    target = load_config(write_target(tmp_path, tmp_path / 'none.safetensors'))
    config = load_config(CONFIG, options_of(files[0]))
    with pytest.raises(FileNotFoundError, match=r'none\.safetensors'):
        evaluate(config, None, 'transfer', target=target)


def test_target_without_data_sets(files):
    target = load_config(ROOT / 'configs/_base_/evaluation/gru.py')
    config = load_config(CONFIG, options_of(files[0]))
    message = 'gru.py has no train_dataloader.dataset and no test_dataset; expected the config of'
    with pytest.raises(ValueError, match=message):
        evaluate(config, None, 'transfer', target=target)


def test_checkpoint_of_another_encoder(files, tmp_path):
    """As when the checkpoint goes with the target's config instead of the encoder's."""
    own, _, target = files
    options = options_of(own) | {'model.encoder.hidden_size': 4}
    checkpoint = write_checkpoint(tmp_path / 'model.pth', load_config(CONFIG, options))
    config = load_config(CONFIG, options_of(own))
    with pytest.raises(
        ValueError, match=r'model\.pth was made with another model than this config'
    ):
        evaluate(config, checkpoint, 'transfer', target=target)


def test_unknown_fraction(files):
    config = load_config(CONFIG, options_of(files[0]))
    with pytest.raises(
        ValueError, match=r'label_fraction must be a number within \(0, 1\], got 10'
    ):
        evaluate(config, None, 'semi', {'protocols.semi.label_fraction': [10]})

"""Published models: the same answers, without the training's state, with a card."""

import json
import re
from dataclasses import replace

import pytest
import torch

from halp_mm.apis.publish import publish_model
from halp_mm.engine.saved_model import INFERENCE, load_model, save_model
from halp_mm.sha256 import file_sha256
from tests.runs import run_tool
from tests.test_export.models import GRU, STGCN, saved_model

RUN = dict(
    method='HaLP',
    encoder={'joint': 'BiGRU'},
    streams={'joint': 'joint'},
    epochs=400,
    processes=1,
    data=dict(dataset='ntu60', layout='kinect_v2', train_split='xsub_train', file_sha256='a' * 64),
    overrides={'train_dataloader.dataset.data_file': '/home/me/x', 'optim_wrapper.lr': 0.1},
    config='/home/me/configs/halp.py',
    config_sha256='b' * 64,
    seed=7,
)


@pytest.fixture
def classifier(tmp_path):
    """A saved model of a protocol."""
    saved = saved_model(
        dict(joint=STGCN), [dict(type='RelativeNormalize3D')], [], ['sit', 'stand', 'wave | nod']
    )
    origin = dict(
        protocol='linear',
        dataset='ntu60',
        train_split='xsub_train',
        test_split='xsub_val',
        run=RUN,
        metrics={'top1': 81.25, 'top5': 97.5},
        settings={'epochs': 80},
        checkpoint_sha256='c' * 64,
    )
    path = tmp_path / 'model.pth'
    save_model(path, saved.model, replace(saved.description, origin=origin))
    return path


@pytest.fixture
def pretrained(tmp_path):
    """A checkpoint of a training, with what nobody needs afterwards."""
    model, description = saved_model(dict(joint=GRU), [dict(type='PreNormalize3D')])
    encoder = model.encoders['joint'].state_dict()
    state = {f'query_networks.joint.encoder.{name}': value for name, value in encoder.items()}
    state['queues.joint.key.entries'] = torch.ones(1000, 8)
    meta = {INFERENCE: description.to_dict(), 'run_identity': RUN, 'epoch': 350}
    path = tmp_path / 'epoch_350.pth'
    torch.save(dict(meta=meta, state_dict=state, optimizer={'lr': 0.1}), path)
    return path


def write_results(path, digest):
    results = dict(
        protocol='knn',
        dataset='ntu60',
        test_split='xsub_val',
        metrics={'top1': 70.0},
        checkpoint='epoch_350.pth',
        checkpoint_sha256=digest,
    )
    path.write_text(json.dumps(results))
    return path


def test_a_training_gives_its_encoder_alone(pretrained, tmp_path):
    results = write_results(tmp_path / 'knn.json', file_sha256(pretrained))
    made = publish_model(
        pretrained, 'halp', 'research only', tmp_path / 'out', [results], 'An encoder.'
    )
    assert sorted(path.name for path in (tmp_path / 'out').iterdir()) == sorted(
        [made.card.name, made.model.name]
    )
    assert made.model.name == f'halp-{file_sha256(made.model)[:8]}.pth'
    checkpoint = torch.load(made.model, weights_only=True)
    assert checkpoint.keys() == {'meta', 'state_dict'}
    assert made.num_bytes < pretrained.stat().st_size
    expected, found = load_model(pretrained), load_model(made.model)
    assert all(
        torch.equal(value, found.model.state_dict()[name])
        for name, value in expected.model.state_dict().items()
    )
    card = made.card.read_text()
    for text in (
        '# halp\n\nAn encoder.\n',
        '| Encoder | BiGRU of joint |',
        '| Method | HaLP |',
        '| Data of the encoder | ntu60, split xsub_train |',
        '| Epoch of the checkpoint | 350 |',
        '| Seed | 7 |',
        '| Config | halp.py |',
        '| Changed by options | {"optim_wrapper.lr": 0.1} |',
        'Licence of the data: research only',
        '| knn | ntu60 | xsub_val | 70.0 | - |',
        'inferencer.encode',
        file_sha256(made.model),
    ):
        assert text in card
    assert '/home/me' not in card + json.dumps(checkpoint['meta'])
    assert checkpoint['meta'][INFERENCE]['origin']['data_licence'] == 'research only'


def test_the_same_model_gives_the_same_file(classifier, tmp_path):
    first, second = (publish_model(classifier, 'm', 'any', tmp_path / out) for out in 'ab')
    assert first.model.name == second.model.name
    assert first.model.read_bytes() == second.model.read_bytes()


def test_a_classifier_keeps_its_protocol(classifier, tmp_path):
    results = write_results(tmp_path / 'knn.json', 'c' * 64)  # of the encoder's checkpoint
    said = run_tool(
        'publish_model.py', classifier, '--name', 'halp', '--data-licence', 'any',
        '--out-dir', tmp_path / 'out', '--results', results,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
    (card,) = (tmp_path / 'out').glob('*.md')
    assert re.match(r'model .*halp-[0-9a-f]{8}\.pth, 0\.\d MB\ncard  ', said.stdout)
    text = card.read_text()
    assert '| linear | ntu60 | xsub_val | 81.2 | 97.5 |\n| knn | ntu60 |' in text
    assert '| Classes | sit, stand, wave / nod |' in text
    assert '| Settings of the classifier | {"epochs": 80} |' in text
    assert 'answer = inferencer(clip)' in text


def test_results_of_other_checkpoints_are_refused(classifier, tmp_path):
    results = write_results(tmp_path / 'knn.json', 'd' * 64)
    with pytest.raises(ValueError, match=r'knn\.json is of the checkpoint epoch_350\.pth'):
        publish_model(classifier, 'm', 'any', tmp_path / 'out', [results])
    results.write_text('[]')
    with pytest.raises(ValueError, match=r'does not hold results of tools/test\.py'):
        publish_model(classifier, 'm', 'any', tmp_path / 'out', [results])
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('name', ['', 'a/b', 'a b'])
def test_names_are_file_names(classifier, name):
    with pytest.raises(ValueError, match=r'name is .*; expected letters'):
        publish_model(classifier, name, 'any')


def test_the_licence_is_said(classifier):
    with pytest.raises(ValueError, match='data_licence is empty'):
        publish_model(classifier, 'm', ' ')


def test_what_is_not_known_is_not_made_up(tmp_path):
    save_model(tmp_path / 'm.pth', *saved_model(dict(joint=GRU), [dict(type='PreNormalize3D')]))
    card = publish_model(tmp_path / 'm.pth', 'm', 'any', tmp_path).card.read_text()
    assert '| Training | not known |' in card
    assert '## Accuracy\n\nNot measured.\n' in card

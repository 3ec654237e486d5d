"""Models in one file: what is written is read again, and what strangers wrote runs nothing."""

import copy
import json
import os
from dataclasses import replace

import pytest
import torch
from mmengine.config import Config
from torch import nn

from halp_mm.datasets import SkeletonDataset
from halp_mm.engine.saved_model import (
    INFERENCE,
    ModelDescription,
    describe_model,
    load_model,
    save_model,
)
from halp_mm.engine.weights import load_encoders
from halp_mm.evaluation import extract_features
from halp_mm.evaluation.finetune import new_classifier
from halp_mm.models import BiGRU, InferenceModel
from halp_mm.registry import MODELS
from tests.helpers import tiny_classifier, tiny_model

CLASSES = ['sit', 'stand', 'wave']
STREAMS = ['joint', 'bone']


def config_of(**encoder: object) -> Config:
    """The parts of a config that describe tiny_model()."""
    return Config(
        dict(
            model=dict(encoder=dict(type='BiGRU', hidden_size=4, num_layers=1, **encoder)),
            data_preprocessor=dict(
                normalization=[dict(type='PreNormalize3D')],
                evaluation_view=[dict(type='CenterCropResize', num_frames=8)],
            ),
        )
    )


def classifying_model() -> InferenceModel:
    pretrained = tiny_model(streams=STREAMS)
    classifiers = {
        stream: nn.Linear(encoder.feature_dim, len(CLASSES))
        for stream, encoder in pretrained.encoders.items()
    }
    parts = (pretrained.encoders, pretrained.sources, pretrained.data_preprocessor, classifiers)
    return InferenceModel(*parts).eval()


@pytest.fixture
def saved(random_clips, tmp_path):
    model, dataset = classifying_model(), SkeletonDataset(random_clips, 'train')
    description = describe_model(config_of(), model, dataset, CLASSES, {'dataset': 'random'})
    save_model(tmp_path / 'model.pth', model, description)
    return tmp_path / 'model.pth', model, description, dataset


def changed(path, change) -> None:
    """The file with a changed description or changed weights, without the checksum."""
    checkpoint = torch.load(path, weights_only=True)
    change(checkpoint['meta'][INFERENCE], checkpoint['state_dict'])
    torch.save(checkpoint, path)


def test_what_is_written_is_read(saved):
    path, model, description, dataset = saved
    found, told = load_model(path)
    assert told == description
    assert told.clips.layout is not None
    assert told.clips.num_people == 2
    assert (told.clips.shortest, told.clips.median_frames, told.clips.longest) == (23, 38, 53)
    assert told.classes == CLASSES
    assert told.origin['dataset'] == 'random'
    assert not found.training
    expected, features = extract_features(model, dataset), extract_features(found, dataset)
    assert features.keys() == set(STREAMS)
    assert all(torch.equal(features[stream], expected[stream]) for stream in STREAMS)
    by_hand = sum(
        model.classifiers[stream](expected[stream]).softmax(1) for stream in STREAMS
    ) / len(STREAMS)
    assert torch.allclose(found.probabilities(features), by_hand, atol=1e-6)


def test_it_is_plain_and_sealed(saved):
    path = saved[0]
    checkpoint = torch.load(path, weights_only=True)
    text = json.dumps(checkpoint['meta'])
    assert json.loads(text)[INFERENCE]['encoders']['bone']['type'] == 'BiGRU'
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match='does not match its checksum'):
        load_model(path)


def test_encoders_are_taken_over(saved):
    path, model, *_ = saved
    classifier = tiny_classifier(encoder=dict(type='BiGRU', hidden_size=4, num_layers=1))
    load_encoders(classifier, str(path))
    for key, value in model.encoders['joint'].state_dict().items():
        assert torch.equal(classifier.encoder.state_dict()[key], value)


def test_only_what_scores_is_written_of_a_pretrainer(random_clips, tmp_path):
    pretrained = tiny_model()
    model = InferenceModel.of(pretrained.eval())
    assert not model.training
    assert InferenceModel.of(model) is model
    described = describe_model(config_of(), model, SkeletonDataset(random_clips, 'train'))
    save_model(tmp_path / 'encoder.pth', model, described)
    found, told = load_model(tmp_path / 'encoder.pth')
    assert told.classes == []
    assert found.classifiers == {}
    with pytest.raises(ValueError, match='no classifier, so it gives no probabilities'):
        found.probabilities({})


def test_a_perceptron_and_an_encoder_around_another_are_read(random_clips, tmp_path):
    encoder = dict(type='BiGRU', hidden_size=4, num_layers=1)
    config = config_of()
    config.model.encoder = dict(type='ViewAdaptedEncoder', encoder=encoder, hidden_size=3)
    pretrained = tiny_model(encoder=config.model.encoder)
    layer = pretrained.encoders['joint'].view_adaptation.outputs['rotation']
    nn.init.normal_(layer.weight)
    classifiers = {'joint': new_classifier(8, 5, len(CLASSES))}
    parts = (pretrained.encoders, pretrained.sources, pretrained.data_preprocessor, classifiers)
    model, dataset = InferenceModel(*parts).eval(), SkeletonDataset(random_clips, 'train')
    description = describe_model(config, model, dataset, CLASSES)
    assert description.hidden_dim == 5
    save_model(tmp_path / 'model.pth', model, description)
    found, _ = load_model(tmp_path / 'model.pth')
    features = extract_features(found, dataset)
    assert torch.equal(features['joint'], extract_features(model, dataset)['joint'])
    torch.testing.assert_close(found.probabilities(features), model.probabilities(features))


def test_diverged_models_are_not_written(saved, tmp_path):
    _, model, description, _ = saved
    nn.init.constant_(model.classifiers['bone'].bias, float('nan'))
    with pytest.raises(ValueError, match=r'bone.classifier.bias has entries that are NaN'):
        save_model(tmp_path / 'nan.pth', model, description)
    assert not (tmp_path / 'nan.pth').exists()


def test_descriptions_of_another_model_are_not_written(saved, tmp_path):
    _, model, description, _ = saved
    with pytest.raises(ValueError, match=r'of another model than it describes.*classifier'):
        save_model(tmp_path / 'other.pth', model, replace(description, classes=['a', 'b']))
    assert not (tmp_path / 'other.pth').exists()


@pytest.mark.parametrize(
    'encoder',
    [
        dict(type='STGCN', base_channels=16, stages=(1, 1), feature_dim=6, dropout=0.5),
        dict(type='HCN', num_frames=16, base_channels=2, image_width=16),
    ],
)
def test_every_encoder(random_clips, tmp_path, encoder):
    """Two representations of one stream, of which one is a BiGRU."""
    encoders = dict(sequence=dict(type='BiGRU', hidden_size=4), other=encoder)
    preprocessor = dict(
        type='SkeletonPreprocessor',
        normalization=[dict(type='RelativeNormalize3D', num_frames=16)],
        evaluation_view=[],
    )
    settings = dict(
        type='SkeletonClassifier', num_classes=2, streams=['joint'], data_preprocessor=preprocessor
    )
    parts = {
        name: MODELS.build(dict(settings, encoder=part)).encoder for name, part in encoders.items()
    }
    sources = dict.fromkeys(encoders, 'joint')
    model = InferenceModel(parts, sources, MODELS.build(preprocessor)).eval()
    config = Config(dict(model=dict(encoder=encoders), data_preprocessor=preprocessor))
    dataset = SkeletonDataset(random_clips, 'train')
    save_model(tmp_path / 'x.pth', model, describe_model(config, model, dataset))
    found, told = load_model(tmp_path / 'x.pth')
    assert told.streams == sources
    for stream, features in extract_features(model, dataset).items():
        assert torch.equal(extract_features(found, dataset)[stream], features)


def test_an_encoder_that_looks_at_its_weights_while_it_is_built(random_clips, tmp_path):
    """It cannot be built without memory for the check of its size."""

    class WeighedEncoder(BiGRU):
        def __init__(self, **kwargs) -> None:
            super().__init__(**kwargs)
            self.weighed = self.input_norm.weight.tolist()

    MODELS.register_module(module=WeighedEncoder)
    try:
        encoder = dict(type='WeighedEncoder', hidden_size=4, num_layers=1)
        model = InferenceModel.of(tiny_model(encoder=encoder).eval())
        config = Config(dict(model=dict(encoder=encoder)))
        described = describe_model(config, model, SkeletonDataset(random_clips, 'train'))
        save_model(tmp_path / 'own.pth', model, described)
        assert type(load_model(tmp_path / 'own.pth').model.encoders['joint']) is WeighedEncoder
    finally:
        MODELS.module_dict.pop('WeighedEncoder')
    with pytest.raises(ValueError, match=r"no model 'WeighedEncoder'.*import the module that"):
        load_model(tmp_path / 'own.pth')


def test_a_checkpoint_without_a_description(tmp_path):
    torch.save({'state_dict': tiny_model().state_dict()}, tmp_path / 'old.pth')
    with pytest.raises(ValueError, match=r'old.pth does not describe its model.*with its config'):
        load_model(tmp_path / 'old.pth')


HOSTILE = {
    'dotted type': (
        lambda told, _: told['encoders']['joint'].update(type='os.system'),
        r"encoders.joint.type is 'os.system'; expected the bare name of a registered model",
    ),
    'type of another registry': (
        lambda told, _: told['encoders']['joint'].update(type='ImgDataPreprocessor'),
        r"encoders.joint: there is no model 'ImgDataPreprocessor'",
    ),
    'unknown type': (
        lambda told, _: told['encoders']['joint'].update(type='MyEncoder'),
        r"there is no model 'MyEncoder'.*import the module that registers it first",
    ),
    'no encoder': (
        lambda told, _: told['encoders'].update(joint={'type': 'Projector'}),
        r"'Projector' is no Encoder",
    ),
    'unknown argument': (
        lambda told, _: told['encoders']['joint'].update(command='ls'),
        r"BiGRU has no argument 'command'",
    ),
    'weights from elsewhere': (
        lambda told, _: told['encoders']['joint'].update(init_cfg={'type': 'Pretrained'}),
        r"encoders.joint has the key 'init_cfg', which is not allowed",
    ),
    'another scope': (
        lambda told, _: told['normalization'][0].update(_scope_='mmengine'),
        r"normalization.0 has the key '_scope_'",
    ),
    'nested dotted type': (
        lambda told, _: told['evaluation_view'].append(
            {'type': 'Compose', 'transforms': [{'type': 'builtins.exec', 'object': 'x'}]}
        ),
        r"evaluation_view.1.transforms.0.type is 'builtins.exec'",
    ),
    'no plain values': (
        lambda told, _: told['normalization'][0].update(x=torch.zeros(1)),
        r'normalization.0.x is a Tensor; expected plain values',
    ),
    'unknown entry': (
        lambda told, _: told.update(custom_imports='x'),
        r"the entries \['custom_imports'\] are missing or unknown",
    ),
    'missing entry': (
        lambda told, _: told.pop('clips'),
        r"the entries \['clips'\] are missing or unknown",
    ),
    'another format': (
        lambda told, _: told.update(format='halp_mm model 9'),
        r"its format is 'halp_mm model 9'; expected 'halp_mm model 1'",
    ),
    'more than fits into memory': (
        lambda told, _: told['encoders']['joint'].update(hidden_size=10**6),
        r'its weights are of another model than it describes: networks.joint.*000\]',
    ),
    'another number of classes': (
        lambda told, _: told['classes'].append('jump'),
        r'classifier.bias is \[3\], expected \[4\]',
    ),
    'classes twice': (
        lambda told, _: told.update(classes=['sit', 'sit', 'wave']),
        'classes are not different names',
    ),
    'weights missing': (
        lambda _, state: state.pop('networks.bone.classifier.weight'),
        r'networks.bone.classifier.weight is missing',
    ),
    'no encoder of a stream': (
        lambda _, state: [state.pop(key) for key in list(state) if '.bone.encoder.' in key],
        r"it has no encoder of the stream 'bone'",
    ),
    'a stream called as a method': (
        lambda told, _: (
            told['streams'].update(keys='joint'),
            told['encoders'].update(keys=told['encoders']['joint']),
        ),
        r"it has no encoder of the stream 'keys'",
    ),
    'an unknown stream': (
        lambda told, _: told['streams'].update(joint='sound'),
        r"streams.joint: unknown stream 'sound'",
    ),
    'people': (
        lambda told, _: told['clips'].update(num_people=-1),
        'num_people must be a whole number of at least 1, got -1',
    ),
    'layout': (
        lambda told, _: told['clips'].update(layout='kinect_v2'),
        "layout must be a dict, got 'kinect_v2'",
    ),
    'length': (
        lambda told, _: told['clips'].update(body_length='long'),
        "body_length must be a number, got 'long'",
    ),
    'weights that are NaN': (
        lambda _, state: state['networks.bone.classifier.bias'].fill_(float('nan')),
        'bone.classifier.bias has entries that are NaN or infinite',
    ),
}


@pytest.mark.parametrize('case', HOSTILE)
def test_hostile_files_are_refused(saved, case, monkeypatch):
    change, words = HOSTILE[case]
    monkeypatch.setattr(os, 'system', lambda *_: pytest.fail('code of the file was run'))
    changed(saved[0], change)
    with pytest.raises(ValueError, match=words) as caught:
        load_model(saved[0])
    assert str(saved[0]) in str(caught.value)


def test_every_kind_of_description_survives_json(saved):
    told = copy.deepcopy(saved[2].to_dict())
    assert ModelDescription.from_dict(json.loads(json.dumps(told))).clips == saved[2].clips


@pytest.mark.parametrize(
    ('encoder', 'words'),
    [
        (dict(init_cfg=dict(type='Normal')), None),
        (dict(pooling=torch.nn.ReLU()), 'a config holds ReLU.*expected dicts, lists, texts'),
    ],
)
def test_configs_that_no_file_can_hold(random_clips, encoder, words):
    dataset = SkeletonDataset(random_clips, 'train')
    model = InferenceModel.of(tiny_model())
    if words is None:
        described = describe_model(config_of(**encoder), model, dataset)
        assert 'init_cfg' not in described.encoders['joint']
        return
    with pytest.raises(ValueError, match=words):
        describe_model(config_of(**encoder), model, dataset)

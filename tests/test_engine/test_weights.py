"""Weights into models: what does not fit, and what a stranger's address serves."""

import http.server
import os
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch
from mmengine.runner import CheckpointLoader
from torch import nn

from halp_mm.engine import load_checkpoint_file, load_weights
from halp_mm.engine.checkpoint_file import seal_checkpoint_file
from halp_mm.engine.weights import load_encoders
from halp_mm.registry import MODELS
from tests.helpers import tiny_model

ENCODER = dict(type='BiGRU', hidden_size=4, num_layers=1)


def classifier(stream: str = 'joint', seed: int = 0, pretrained=None, **encoder) -> nn.Module:
    torch.manual_seed(seed)
    return MODELS.build(
        dict(
            type='SkeletonClassifier',
            encoder={**ENCODER, **encoder},
            num_classes=3,
            streams=[stream],
            init_cfg=pretrained,
            data_preprocessor=dict(
                type='SkeletonPreprocessor',
                normalization=[dict(type='PreNormalize3D')],
                views=dict(clip=[dict(type='CenterCropResize', num_frames=8)]),
            ),
        )
    )


def saved(model: nn.Module, path: Path, meta: dict | None = None) -> str:
    torch.save({'state_dict': model.state_dict(), 'meta': meta or {}}, path)
    return os.fspath(path)


class RunsCommand:
    """An object whose unpickling would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and says nothing."""

    def log_message(self, *args) -> None:
        """Nothing."""


@pytest.fixture
def address(tmp_path):
    """The address of a web server on this machine that serves the test's folder."""
    handler = partial(Quiet, directory=os.fspath(tmp_path))
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f'http://127.0.0.1:{server.server_port}'
    server.shutdown()
    server.server_close()


def test_an_address_that_serves_a_payload(tmp_path, address):
    trap = tmp_path / 'executed'
    model = classifier()
    content = {'state_dict': model.state_dict(), 'meta': RunsCommand(trap)}
    torch.save(content, tmp_path / 'evil.pth')
    for load in (
        load_checkpoint_file,
        CheckpointLoader.load_checkpoint,
        partial(load_weights, model),
        partial(load_encoders, model),
        lambda name: classifier(pretrained=dict(type='Pretrained', checkpoint=name)).init_weights(),
    ):
        with pytest.raises(ValueError, match=rf'{address}/evil.pth .* cannot be read as a check'):
            load(f'{address}/evil.pth')
    assert not trap.exists()


def test_an_address_that_serves_weights(tmp_path, address):
    model, other = classifier(), classifier(seed=1)
    saved(model, tmp_path / 'good.pth')
    load_weights(other, f'{address}/good.pth')
    assert torch.equal(model.classifier.weight, other.classifier.weight)
    with pytest.raises(OSError, match=rf'cannot fetch the checkpoint {address}/none.pth: .*404'):
        load_weights(other, f'{address}/none.pth')


@pytest.mark.parametrize(
    'name',
    [
        *('s3://bucket/a.pth', 'petrel://a.pth', 'cluster:s3://a.pth', 'pavi://a.pth'),
        *('torchvision://resnet18', 'modelzoo://resnet18', 'open-mmlab://resnet50'),
        *('openmmlab://resnet50', 'mmcls://mobilenet_v2', 'ftp://host/a.pth'),
    ],
)
def test_other_addresses_are_refused(name):
    with pytest.raises(ValueError, match='read from files and from http:// and https:// addresses'):
        CheckpointLoader.load_checkpoint(name)


def test_a_bomb_is_refused_before_it_is_inflated(tmp_path):
    path = tmp_path / 'bomb.pth'
    with (
        zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive,
        archive.open('bomb/data.pkl', 'w') as file,
    ):
        for _ in range(64):
            file.write(bytes(1 << 20))
    with pytest.raises(ValueError, match='its 1 entries are compressed or overlap: 67108864 bytes'):
        load_checkpoint_file(path)
    with zipfile.ZipFile(path, 'w') as archive:
        for i in range(65_534):
            archive.writestr(f'{i}', b'')
    content = bytearray(path.read_bytes())
    content[-14:-10] = b'\xfe\xff\xfe\xff'
    content[-10:-6] = (0xFFFFFFF0).to_bytes(4, 'little')
    path.write_bytes(content)
    with pytest.raises(ValueError, match='it lists 65534 entries in 4294967280 bytes'):
        load_checkpoint_file(path)


def test_a_byte_array_of_any_size_is_refused(tmp_path):
    torch.save({'state_dict': {}, 'meta': bytearray(10)}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='it holds a bytearray'):
        load_checkpoint_file(tmp_path / 'a.pth')


def test_a_seal_does_not_change_what_is_read(tmp_path):
    model = classifier()
    path = saved(model, tmp_path / 'a.pth', {'epoch': 3})
    before = torch.load(path, weights_only=True)
    seal_checkpoint_file(path)
    for content in (load_checkpoint_file(path), torch.load(path, weights_only=True)):
        assert content['meta'] == before['meta']
        for key, value in before['state_dict'].items():
            assert torch.equal(value, content['state_dict'][key])


def test_pretrained_that_does_not_fit(tmp_path):
    name = saved(classifier(hidden_size=6), tmp_path / 'a.pth')
    model = classifier(init_cfg=dict(type='Pretrained', checkpoint=name, prefix='encoder'))
    with pytest.raises(ValueError, match=r'\(encoder\.\*\) was made with another model'):
        model.init_weights()
    model = classifier(init_cfg=dict(type='Pretrained', checkpoint=name, prefix='backbone.'))
    with pytest.raises(ValueError, match=r"no weights whose names begin with 'backbone.'"):
        model.init_weights()
    name = saved(nn.Linear(2, 2), tmp_path / 'b.pth')
    model = classifier(pretrained=dict(type='Pretrained', checkpoint=name))
    with pytest.raises(ValueError, match=r'b.pth was made with another model'):
        model.init_weights()


def test_pretrained_that_fits(tmp_path):
    source = classifier(seed=1)
    name = saved(source, tmp_path / 'a.pth')
    model = classifier(init_cfg=dict(type='Pretrained', checkpoint=name, prefix='encoder.'))
    model.init_weights()
    for key, value in source.encoder.state_dict().items():
        assert torch.equal(value, model.encoder.state_dict()[key])


def test_a_joint_checkpoint_into_a_bone_model(tmp_path):
    meta = {'run': {'streams': {'joint': 'joint'}}}
    source = classifier(seed=1)
    name = saved(source, tmp_path / 'a.pth', meta)
    bone = classifier('bone')
    with pytest.raises(
        ValueError, match=r"trained on the stream 'joint', but .* sees the stream 'b"
    ):
        load_weights(bone, name)
    with pytest.raises(ValueError, match=r"no encoder of the stream 'bone'; it has .*\['joint'\]"):
        load_encoders(bone, name)
    (line,) = load_encoders(bone, dict(checkpoint=name, stream='joint'))
    assert line.startswith("the encoder of the stream 'bone' starts with ")
    for key, value in source.encoder.state_dict().items():
        assert torch.equal(value, bone.encoder.state_dict()[key])
    assert not torch.equal(source.classifier.weight, bone.classifier.weight)


def test_the_encoder_of_a_pretrained_model(tmp_path):
    torch.manual_seed(1)
    source = tiny_model(streams=['joint', 'bone'])
    source.init_weights()
    name = saved(source, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='set load_encoder_from in the config'):
        load_weights(classifier('bone'), name)
    model = classifier('bone')
    load_encoders(model, name)
    for key, value in source.encoders['bone'].state_dict().items():
        assert torch.equal(value, model.encoder.state_dict()[key])
    with pytest.raises(ValueError, match=r'found {.*nonsense'):
        load_encoders(model, dict(checkpoint=name, nonsense=1))

    target = tiny_model()
    target.init_weights()
    load_encoders(target, name)
    states = [
        module.state_dict()
        for key, module in target.named_modules()
        if key.endswith('joint.encoder')
    ]
    assert len(states) == 2, 'of the query and of the key network'
    for state in states:
        for key, value in source.encoders['joint'].state_dict().items():
            assert torch.equal(value, state[key])


def test_weights_that_are_not_finite(tmp_path):
    state = tiny_model().state_dict()
    name = next(key for key, value in state.items() if value.is_floating_point())
    state[name] = state[name].clone()
    state[name].view(-1)[-1] = torch.inf
    torch.save({'state_dict': state}, tmp_path / 'bad.pth')
    with pytest.raises(
        ValueError, match=rf'bad\.pth is of no use: {name} has entries that are NaN'
    ):
        load_weights(tiny_model(), tmp_path / 'bad.pth')


def test_what_are_no_weights(tmp_path):
    torch.save({'state_dict': {'a': 1}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match="holds no weights: 'a' is a int, expected tensors"):
        load_weights(tiny_model(), tmp_path / 'a.pth')
    torch.save({'state_dict': {}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=r'holds no weights$'):
        load_weights(tiny_model(), tmp_path / 'a.pth')

"""Exported files give what the model gives, at any size, without this library."""

import json
import re
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from torch._decomp import decomposition_table
from torch.export import Dim

from halp_mm.datasets import pad_clips
from halp_mm.engine.saved_model import SavedModel, load_model, save_model
from halp_mm.evaluation import extract_features
from halp_mm.export import ClipNetwork, comparison, export_file, sample_clips
from halp_mm.export.program import quiet_exporters, read_program
from halp_mm.export.recurrent_layers import recurrent_layers_by_shape
from halp_mm.models import encoders
from tests.runs import ROOT, run_tool
from tests.test_export.models import (
    AGCN,
    DEVIATION_GRU,
    DGCNN,
    DSTE,
    FINAL_GRU,
    GL_TRANSFORMER,
    GRU,
    H_TRANSFORMER,
    HCN,
    SEBIRENET,
    SLIM,
    STGCN,
    TRANSFORMER,
    TRUE_GRU,
    VALID_GRU,
    VIEW_ADAPTED,
    saved_model,
)

SIZES = [(clips, frames) for clips in (1, 3, 17) for frames in (10, 64, 300)]
CLASSES = ['sit', 'stand', 'wave']


def many_encoders() -> SavedModel:
    """Encoders of several streams, and classifiers."""
    return saved_model(
        dict(joint=GRU, bone=TRUE_GRU, motion=HCN),
        [dict(type='PreNormalize3D')],
        classes=CLASSES,
    )


def graph_encoder() -> SavedModel:
    """An encoder of any length, of clips that keep theirs."""
    relative = dict(type='RelativeNormalize3D', num_frames=50)
    return saved_model(dict(motion=STGCN), [relative], [])


def other_layouts() -> SavedModel:
    """Clips that are converted to the encoder's layout."""
    return saved_model(
        dict(bone=STGCN),
        [dict(type='ConvertLayout', layout='kinect_v2'), dict(type='ViewInvariantNormalize3D')],
        [],
        layout='kinect_v1',
        encoder_layout='kinect_v2',
    )


def learnt_camera() -> SavedModel:
    """An encoder around another, final states and valid frames, of clips of one length."""
    length = dict(type='FixedLength', num_frames=20)
    encoders = dict(joint=VIEW_ADAPTED, bone=FINAL_GRU, motion=VALID_GRU)
    return saved_model(encoders, [dict(type='SubtractJoint')], [length])


def image_poses() -> SavedModel:
    """Two coordinates and a score; a recurrent encoder of clips that keep their lengths."""
    return saved_model(
        dict(joint=GRU | dict(pooling='max', num_segments=3)),
        [dict(type='PreNormalize2D')],
        [],
        layout='coco17',
        channels=3,
    )


def more_encoders() -> SavedModel:
    """The other encoders, where the first frame is the origin."""
    return saved_model(
        dict(joint=TRANSFORMER, bone=AGCN, motion=VIEW_ADAPTED),
        [dict(type='FirstFrameNormalize'), dict(type='MinMaxNormalize')],
    )


def joint_attention() -> SavedModel:
    """Attention within frames, and among frames, joints and tokens of both."""
    return saved_model(
        dict(joint=GL_TRANSFORMER, bone=DSTE, motion=SLIM), [dict(type='CenterTrajectory')]
    )


def body_parts() -> SavedModel:
    """Attention among frames, after padding has become a pose."""
    return saved_model(
        dict(joint=H_TRANSFORMER), [dict(type='MinMaxNormalize', counts_padding=True)]
    )


def trees_and_clouds() -> SavedModel:
    """Frames as trees, clips as clouds of points, and deviations, all without empty poses."""
    encoders = dict(joint=SEBIRENET, bone=DGCNN, motion=DEVIATION_GRU)
    return saved_model(encoders, [dict(type='PoseStandardize')])


def test_every_encoder_is_exported():
    exported = {'LSTM'}  # within ViewAdaptedEncoder
    models = (many_encoders, graph_encoder, more_encoders, joint_attention, trees_and_clouds)
    for build in (*models, body_parts):
        exported |= {config['type'] for config in build().description.encoders.values()}
    assert exported | {'Encoder'} == set(encoders.__all__)


def plain(saved: SavedModel) -> dict:
    """The description as JSON gives it back."""
    return json.loads(json.dumps(saved.description.to_dict()))


def assert_same(outputs, network: ClipNetwork, clips, num_frames) -> None:
    with torch.no_grad():
        expected = network(clips, num_frames)
    assert len(outputs) == len(expected)
    for output, wanted in zip(outputs, expected):
        assert output.shape == wanted.shape
        assert np.abs(np.asarray(output) - wanted.numpy()).max() < 1e-4


@pytest.fixture(scope='module')
def onnx_file(tmp_path_factory):
    """many_encoders() as an ONNX file."""
    path = tmp_path_factory.mktemp('onnx') / 'model.onnx'
    export_file(many_encoders(), 'onnx', path)
    return path


@pytest.mark.parametrize('build', [many_encoders, graph_encoder, learnt_camera, image_poses])
def test_onnx_at_every_size(build, onnx_file, tmp_path):
    saved, path = build(), onnx_file
    if build is not many_encoders:
        path = tmp_path / 'model.onnx'
        export_file(saved, 'onnx', path)
    session = onnxruntime.InferenceSession(path)
    network = ClipNetwork(saved.model, saved.description.clips.layout)
    assert [output.name for output in session.get_outputs()] == network.output_names
    clips, num_frames = session.get_inputs()
    known = saved.description.clips
    assert clips.shape == ['clips', 2, 'frames', known.layout.num_joints, known.num_channels]
    assert num_frames.shape == ['clips']
    described = json.loads(session.get_modelmeta().custom_metadata_map['halp_mm'])
    assert described == plain(saved)
    for seed, size in enumerate(SIZES):
        sample = sample_clips(known, *size, seed=100 + seed)
        inputs = {'clips': sample[0].numpy(), 'num_frames': sample[1].numpy()}
        assert_same(session.run(None, inputs), network, *sample)


def test_the_documented_consumer_needs_no_pytorch(onnx_file, tmp_path, monkeypatch, capsys):
    text = (ROOT / 'docs' / 'export.md').read_text()
    code = re.search(r'^```python\n# recognize.py\n(.*?)^```$', text, re.DOTALL | re.MULTILINE)[1]
    saved = many_encoders()
    clips, num_frames = sample_clips(saved.description.clips, 3, 50)
    lines = []
    for number, (clip, frames) in enumerate(zip(clips, num_frames)):
        np.save(tmp_path / f'{number}.npy', clip[: 1 + number % 2, :frames])
    clips[::2, 1:] = 0  # of clips 0 and 2, one person was saved
    network = ClipNetwork(saved.model, saved.description.clips.layout)
    with torch.no_grad():
        probabilities = network(clips, num_frames)[0]
    for number, scores in enumerate(probabilities):
        best, score = CLASSES[scores.argmax()], round(float(scores.max()), 3)
        lines.append(f'{number}.npy {best} {score}')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'model.onnx').symlink_to(onnx_file)
    for package in ('torch', 'mmengine', 'halp_mm'):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(sys, 'argv', ['recognize.py', '0.npy', '1.npy', '2.npy'])
    exec(compile(code, 'recognize.py', 'exec'), {})
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.parametrize(
    'build', [other_layouts, more_encoders, joint_attention, trees_and_clouds, body_parts]
)
def test_programs_at_every_size(build, tmp_path):
    saved = build()
    export_file(saved, 'torch', tmp_path / 'model.pt2')
    texts = {'halp_mm': ''}
    torch.export.load(tmp_path / 'model.pt2', extra_files=texts)
    assert json.loads(texts['halp_mm']) == plain(saved)
    program = read_program(tmp_path / 'model.pt2')
    network = ClipNetwork(saved.model, saved.description.clips.layout)
    for seed, size in enumerate(SIZES):
        sample = sample_clips(saved.description.clips, *size, seed=100 + seed)
        with torch.no_grad():
            outputs = program(*sample)
        assert_same(outputs, network, *sample)


def test_safetensors_are_the_model(tmp_path):
    saved = many_encoders()
    difference = export_file(saved, 'safetensors', tmp_path / 'model.safetensors')
    assert difference.largest == 0
    found = load_model(tmp_path / 'model.safetensors')
    assert plain(found) == plain(saved)
    expected = saved.model.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in found.model.state_dict().items())


def test_outputs_are_those_of_an_evaluation():
    saved = many_encoders()
    known = saved.description.clips
    clips, num_frames = sample_clips(known, 4, 30)
    samples = [
        dict(clip=clip[:, :frames], label=0, index=0, layout=known.layout, normalized=False)
        for clip, frames in zip(clips, num_frames)
    ]
    assert torch.equal(pad_clips(samples)['clips'], clips)
    expected = extract_features(saved.model, samples)
    with torch.no_grad():
        probabilities, *features = ClipNetwork(saved.model, known.layout)(clips, num_frames)
        assert torch.allclose(probabilities, saved.model.probabilities(expected), atol=1e-6)
    for found, wanted in zip(features, expected.values()):
        assert torch.allclose(found, wanted, atol=1e-6)


def test_samples_have_what_recordings_have():
    known = many_encoders().description.clips
    clips, num_frames = sample_clips(known, 6, 40)
    seen = clips.flatten(3).any(-1)
    assert num_frames[0] == 40
    assert num_frames.min() > 20
    for clip, frames in zip(seen, num_frames):
        assert not clip[:, frames:].any()
    assert seen[0].any(1).all()
    assert not seen[1, 1, :10].any()
    assert not seen[2, 1].any()
    assert 0.01 < (clips[0] == 0).all(-1).float().mean() < 0.1


@pytest.mark.parametrize('value', [0.1, float('nan')])
def test_what_differs_is_not_written(value, tmp_path, monkeypatch):
    saved = graph_encoder()
    forward, calls = ClipNetwork.forward, []

    def wrong(self, clips, num_frames):
        calls.append(self)
        outputs = forward(self, clips, num_frames)
        return [output + value * (self is not calls[0]) for output in outputs]

    monkeypatch.setattr(ClipNetwork, 'forward', wrong)
    with pytest.raises(ValueError, match=r'differs from the original by up to (0\.1|nan)'):
        export_file(saved, 'safetensors', tmp_path / 'model.safetensors')
    assert list(tmp_path.iterdir()) == []


def test_differences_are_relative_to_large_outputs():
    comparison.Difference(0.009, 100).check()
    with pytest.raises(ValueError, match=r'expected at most 0\.0001'):
        comparison.Difference(0.011, 100).check()


def test_shapes_are_compared():
    saved = graph_encoder()
    network = ClipNetwork(saved.model, saved.description.clips.layout)
    with pytest.raises(ValueError, match=r'gives \[\[1, 7\]\] for 1 clips of 10 frames'):
        comparison.largest_difference(
            network, lambda *sample: [network(*sample)[0][:, 1:]], saved.description.clips
        )


def test_sizes_must_not_become_constants(tmp_path, monkeypatch):
    saved, forward = graph_encoder(), ClipNetwork.forward

    def counting(self, clips, num_frames):
        return [output / len(clips.unbind()) for output in forward(self, clips, num_frames)]

    monkeypatch.setattr(ClipNetwork, 'forward', counting)
    with pytest.raises(ValueError, match='cannot be exported for any number of clips and frames'):
        export_file(saved, 'torch', tmp_path / 'model.pt2')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('layer', [torch.nn.GRU, torch.nn.LSTM])
def test_recurrent_layers_take_any_number_of_frames(layer):
    network = layer(4, 6, num_layers=2, bidirectional=True, batch_first=True).eval()
    operation = getattr(torch.ops.aten, layer.__name__.lower()).input
    before = dict(operation.py_kernels), decomposition_table[operation]
    sizes = ({0: Dim.DYNAMIC, 1: Dim.DYNAMIC},)
    with torch.no_grad(), quiet_exporters(), recurrent_layers_by_shape():
        program = torch.export.export(network, (torch.randn(3, 5, 4),), dynamic_shapes=sizes)
    assert (operation.py_kernels, decomposition_table[operation]) == before
    assert len(program.graph.nodes) < 40
    for size in ((1, 9), (4, 2)):
        inputs = torch.randn(*size, 4)
        assert torch.equal(program.module()(inputs)[0], network(inputs)[0])


def test_random_views_are_refused(tmp_path):
    saved = saved_model(dict(joint=GRU), [dict(type='Shear')])
    with pytest.raises(ValueError, match='normalization draws random numbers'):
        export_file(saved, 'torch', tmp_path / 'model.pt2')


def test_names_say_the_format(tmp_path):
    with pytest.raises(ValueError, match=r'a file of format torch must end in \.pt2'):
        export_file(graph_encoder(), 'torch', tmp_path / 'model.onnx')


def test_missing_packages_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'onnxscript', None)
    with pytest.raises(ImportError, match=r'needs onnxscript.*pip install onnx onnxruntime'):
        export_file(graph_encoder(), 'onnx', tmp_path / 'model.onnx')


def test_the_tool_describes_the_file(tmp_path):
    save_model(tmp_path / 'model.pth', *many_encoders())
    out = tmp_path / 'model.safetensors'
    said = run_tool('export.py', tmp_path / 'model.pth', '--format', 'safetensors', '--out', out)
    assert said.stdout.splitlines() == [
        'input       clips [clips, 2, frames, 25, 3]',
        'input       num_frames [clips]',
        'output      probabilities',
        'output      features_joint',
        'output      features_bone',
        'output      features_motion',
        'difference  0.0e+00, where outputs are up to 1',
        f'written     {out}, 0.1 MB',
    ]

"""The encoders that come with the package, wherever a checkpoint is named."""

import re

import numpy as np
import pytest
import torch

from halp_mm.apis import SkeletonInferencer, build_model, encode_files, load_config
from halp_mm.apis.packaged_configs import config_path
from halp_mm.engine import load_checkpoint_file, resolve_checkpoint
from halp_mm.engine.run_identity import read_run_identity
from halp_mm.engine.shipped_encoders import checkpoint_path, shipped_encoders
from halp_mm.engine.weights import load_encoders
from halp_mm.registry import MODELS
from halp_mm.sha256 import file_sha256
from halp_mm.skeletons import get_layout
from halp_mm.synthetic.improvisation import improvised_clip
from halp_mm.synthetic.other_layouts import in_layout

LAYOUTS = ['coco17', 'h36m17', 'kinect_v1', 'kinect_v2']


def test_files_with_cards_of_less_than_3_megabytes_together():
    found = shipped_encoders()
    assert sorted(found) == LAYOUTS
    assert sum(path.stat().st_size for path in found.values()) < 3e6
    for layout, path in found.items():
        digest = file_sha256(path)
        assert path.name == f'{layout}-{digest[:8]}.pth'
        card = path.with_suffix('.md').read_text(encoding='utf-8')
        assert digest in card
        assert f'make_synthetic.py --improvised 1000 --layout {layout}' in card
    folder = path.parent
    assert len(list(folder.iterdir())) == 2 * len(LAYOUTS)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_features_from_any_folder(layout, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = in_layout(improvised_clip(1, 0, 0), get_layout(layout))
    np.save('clip.npy', clip)
    inferencer = SkeletonInferencer.from_checkpoint(f'shipped:{layout}')
    assert inferencer.layout == get_layout(layout)
    features = inferencer.encode(clip)['joint']
    assert features.shape == (1, 768)
    assert features.std() > 0
    of_file = encode_files(f'shipped:{layout}', ['clip.npy']).features['joint']
    torch.testing.assert_close(of_file, features)


def test_another_training_starts_with_one():
    saved = load_checkpoint_file('shipped:kinect_v1')['state_dict']
    encoder = dict(
        **dict(type='BiGRU', layout='kinect_v1', num_people=1, hidden_size=128, num_layers=1),
        **dict(bidirectional=True, input_norm='axis', pooling='deviation', num_segments=2),
    )
    model = MODELS.build(
        dict(
            type='SkeletonClassifier',
            encoder=encoder,
            num_classes=3,
            data_preprocessor=dict(type='SkeletonPreprocessor', views=dict(clip=[])),
        )
    )
    (line,) = load_encoders(model, 'shipped:kinect_v1')
    assert 'shipped:kinect_v1' in line
    init = dict(type='Pretrained', checkpoint='shipped:kinect_v1', prefix='networks.joint.encoder.')
    other = MODELS.build({**encoder, 'init_cfg': init})
    other.init_weights()
    for name, value in other.state_dict().items():
        assert torch.equal(value, saved[f'networks.joint.encoder.{name}'])
        assert torch.equal(value, model.encoders['joint'].state_dict()[name])


def test_the_encoders_are_evaluated_as_those_of_a_training():
    config = load_config(config_path('halp_mm::supcon/bigru_improvised_kinect-v1.py'))
    model = build_model(config, 'shipped:kinect_v1').cpu()
    saved = load_checkpoint_file('shipped:kinect_v1')['state_dict']
    for name, value in model.encoders['joint'].state_dict().items():
        assert torch.equal(value, saved[f'networks.joint.encoder.{name}'])
    identity = read_run_identity(resolve_checkpoint('shipped:kinect_v1'))
    assert (identity['method'], identity['data']['dataset']) == ('SupCon', 'improvised')


def test_names():
    assert checkpoint_path('shipped') == 'shipped'
    assert checkpoint_path('https://example.org/a.pth') == 'https://example.org/a.pth'
    assert resolve_checkpoint('shipped:h36m17') == shipped_encoders()['h36m17']
    message = "no encoder 'shipped:kinect_v3' comes with halp_mm; did you mean 'kinect_v"
    for read in (checkpoint_path, resolve_checkpoint, load_checkpoint_file):
        with pytest.raises(ValueError, match=re.escape(message)):
            read('shipped:kinect_v3')


@pytest.mark.parametrize('layout', LAYOUTS)
def test_each_has_its_config(layout):
    name = f'halp_mm::supcon/bigru_improvised_{layout.replace("_", "-")}.py'
    assert config_path(name).is_file()


def test_an_encoder_recognises_pieces_that_it_has_not_seen():
    """Of each piece the second performance is asked for, among the first ones of all."""
    inferencer = SkeletonInferencer.from_checkpoint('shipped:kinect_v2')
    first, second = (
        inferencer.encode([improvised_clip(1, piece, performance) for piece in range(20)])['joint']
        for performance in (0, 1)
    )
    similarity = torch.nn.functional.cosine_similarity(second[:, None], first, dim=-1)
    hits = (similarity.argmax(1) == torch.arange(20)).sum()
    assert hits >= 9, hits  # by chance 1

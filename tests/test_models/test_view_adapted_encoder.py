"""View adaptation, against VA-LSTM and VA-CNN, loops, and in front of several encoders."""

from itertools import pairwise

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from halp_mm.models import LSTM, SkeletonClassifier, ViewAdaptedEncoder
from halp_mm.models.modules.moving_camera import observe, rotations_about_axes
from halp_mm.registry import MODELS
from tests.helpers import assert_relative, generator, reference, tiny_model, with_prefix

ENCODERS = {
    'BiGRU': dict(type='BiGRU', hidden_size=4, num_layers=1),
    'STGCN': dict(type='STGCN', base_channels=4, stages=(1, 1), feature_dim=6, dropout=0.0),
    'LSTM': dict(type='LSTM', hidden_size=4),
    'HCN': dict(type='HCN', num_frames=16, base_channels=4, image_width=16, dropout=0.0),
}


def chain(num_joints: int) -> dict:
    """A layout of joints in a row."""
    joints = [f'joint {i}' for i in range(num_joints)]
    return dict(name='chain', joints=joints, bones=[*pairwise(joints)], center=joints[0])


def random_clips(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    clips = torch.randn(shape, generator=generator(), dtype=dtype)
    clips[-1, -1] = 0  # somebody is absent
    return clips


def adapted(name: str, **kwargs) -> ViewAdaptedEncoder:
    """An encoder behind view adaptation with weights in its last layers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = dict(type='ViewAdaptedEncoder', encoder=ENCODERS[name], hidden_size=3, **kwargs)
        encoder = MODELS.build({'num_people': 2, **config})
        for layer in encoder.view_adaptation.outputs.values():
            torch.nn.init.normal_(layer.weight)
    return encoder.eval()


def lstm_state(arrays: dict[str, Tensor], name: str, layer: int, num_people: int) -> dict:
    """Keras' weights of one layer as PyTorch's; those of the input in this project's order."""
    weights = with_prefix(arrays, f'state/{name}.')
    kernel = weights['kernel'].T
    if num_people:
        kernel = kernel.unflatten(1, (num_people, -1, 3)).permute(0, 3, 2, 1).flatten(1)
    return {
        f'cells.{layer}.weight_ih_l0': kernel,
        f'cells.{layer}.weight_hh_l0': weights['recurrent_kernel'].T,
        f'cells.{layer}.bias_ih_l0': weights['bias'],
        f'cells.{layer}.bias_hh_l0': torch.zeros_like(weights['bias']),
    }


def test_va_lstm_equals_its_formulas():
    """From clips to probabilities: padded frames are left out of the mean."""
    arrays = reference('va_lstm_own_rendering')
    frames = arrays['input_NTD']
    clips = frames.unflatten(2, (1, -1, 3)).transpose(1, 2)
    hidden_size = len(arrays['state/lstm_1.recurrent_kernel'])
    num_layers = sum(f'state/lstm_{i}.kernel' in arrays for i in range(1, 10))
    num_classes = arrays['frame_scores'].shape[2]
    layout = chain(clips.shape[3])
    lstm = dict(type='LSTM', num_people=1, hidden_size=hidden_size, num_layers=num_layers)
    encoder = dict(type='ViewAdaptedEncoder', encoder=lstm, layout=layout, hidden_size=hidden_size)
    model = SkeletonClassifier(encoder, num_classes).double().eval()
    adaptation = model.encoder.view_adaptation
    names = {'translation': 'trans', 'rotation': 'rot'}
    for name, short in names.items():
        adaptation.networks[name].load_state_dict(lstm_state(arrays, f'lstm_{short}', 0, 1))
        weight, bias = (arrays[f'state/dense_{short}.{part}'] for part in ('kernel', 'bias'))
        if name == 'rotation':  # Keras' angles are about y, x and z
            weight, bias = weight[:, [1, 0, 2]], bias[[1, 0, 2]]
        adaptation.outputs[name].load_state_dict(dict(weight=weight.T, bias=bias))
    state = {}
    for layer in range(num_layers):
        state |= lstm_state(arrays, f'lstm_{layer + 1}', layer, 0 if layer else 1)
    model.encoder.encoder.load_state_dict(state)
    weight, bias = (arrays[f'state/dense_class.{part}'] for part in ('kernel', 'bias'))
    model.classifier.load_state_dict(dict(weight=weight.T, bias=bias))

    seen = arrays['mask'][..., None]
    view = adaptation.choose_view(clips)
    assert_relative(view['translation'] * seen, arrays['translation'] * seen, 1e-10)
    rotation = arrays['rotation_yxz'][..., [1, 0, 2]]
    assert_relative(view['rotation'] * seen, rotation * seen, 1e-10)
    observed = adaptation(clips).transpose(1, 2).flatten(2)
    assert_relative(observed * seen, arrays['view_NTD'] * seen, 1e-10)
    outputs = model.encoder.forward_map(clips)[:, 0, :, :, 0].mT
    assert_relative(model.classifier(outputs) * seen, arrays['frame_scores'] * seen, 1e-10)
    scores = model.classifier(model.encoder(clips))
    assert_relative(scores, arrays['scores_masked_mean'], 1e-10)
    assert_relative(scores.softmax(1), arrays['probability_masked_mean'], 1e-10)


def test_va_cnns_transform_is_the_same_in_units_of_pixels():
    """The release moves pixels of scaled clips; its angles have the opposite sign."""
    arrays = reference('va_cnn_transform_released')
    pixels = arrays['image_NCHW_blocks'].permute(0, 2, 3, 1)[:, None].double()
    largest, smallest = (x.view(-1, 1, 1, 1, 1).double() for x in arrays['max_min'].unbind(1))
    unit = (largest - smallest) / 255
    angles, translation = arrays['parameters_rot_trans'].double()[:, None].split(3, 2)
    moved = observe(pixels * unit + smallest, translation, -angles, keep_zeros=False)
    found = ((moved - smallest) / unit)[:, 0].permute(0, 3, 1, 2)
    assert_relative(found, arrays['output_NCHW_every16'], 1e-6)


def test_rotations_equal_scipys():
    angles = torch.randn(7, 2, 3, generator=generator(), dtype=torch.float64)
    found = rotations_about_axes(angles).flatten(0, 1)
    expected = Rotation.from_euler('xyz', angles.flatten(0, 1).numpy()).as_matrix()
    torch.testing.assert_close(found, torch.from_numpy(expected))


@pytest.mark.parametrize('frames', [1, 5])
def test_observed_clips_equal_a_loop(frames):
    clips = random_clips(2, 2, 5, 4, 4, dtype=torch.float64)
    clips[0, 0, 1, 2, 1] = 0  # a single coordinate
    translation, angles = torch.randn(2, 2, frames, 3, generator=generator(1)).double()
    found = observe(clips, translation, angles)
    for n, m, t, v in torch.cartesian_prod(*map(torch.arange, clips.shape[:4])).tolist():
        view = min(t, frames - 1)
        x, y, z = clips[n, m, t, v, :3].tolist()
        d = translation[n, view].tolist()
        moved = [a + b if a else 0 for a, b in zip((x, y, z), d)]
        turned = Rotation.from_euler('xyz', angles[n, view].numpy()).apply(moved)
        torch.testing.assert_close(found[n, m, t, v, :3], torch.from_numpy(turned))
        assert found[n, m, t, v, 3] == clips[n, m, t, v, 3]


@pytest.mark.parametrize('name', ENCODERS)
@pytest.mark.parametrize('view_of', ['frame', 'clip'])
def test_any_encoder(name, view_of):
    encoder = adapted(name, view_of=view_of)
    clips = random_clips(3, 2, 16, 25, 3)
    view = encoder.view_adaptation.choose_view(clips)
    assert view['rotation'].shape == (3, 16 if view_of == 'frame' else 1, 3)
    observed = observe(clips, view['translation'], view['rotation'])
    assert not observed[-1, -1].any()
    inner = encoder.encoder
    torch.testing.assert_close(encoder(clips), inner(observed))
    assert not torch.allclose(encoder(clips), inner(clips))
    assert encoder.forward_map(clips).shape == inner.forward_map(clips).shape
    for attribute in ('feature_dim', 'map_dim', 'keeps_people', 'keeps_joints', 'num_channels'):
        assert getattr(encoder, attribute) == getattr(inner, attribute)
    encoder.train()(clips).square().sum().backward()
    outputs = encoder.view_adaptation.outputs
    assert all(layer.weight.grad.any() for layer in outputs.values())


def test_begins_with_the_sensors_view():
    encoder = MODELS.build(dict(type='ViewAdaptedEncoder', encoder=ENCODERS['BiGRU'])).eval()
    clips = random_clips(3, 2, 8, 25, 3)
    assert torch.equal(encoder(clips), encoder.encoder(clips))
    assert encoder.num_people == 2


@pytest.mark.parametrize('name', ['LSTM', 'STGCN'])
def test_the_encoder_takes_over_what_it_does_not_name(name):
    inner = ENCODERS[name]
    settings = dict(layout='kinect_v1', num_people=3, num_channels=4)
    encoder = ViewAdaptedEncoder(inner, **settings)
    assert encoder.encoder.layout.name == 'kinect_v1'
    assert (encoder.num_people, encoder.num_channels) == (3, 4)
    assert encoder.encoder.num_channels == 4
    assert encoder.eval()(random_clips(2, 3, 16, 20, 4)).shape == (2, encoder.feature_dim)
    own = ViewAdaptedEncoder({**inner, 'num_channels': 3}, num_people=2, num_channels=4)
    assert own.num_channels == 3


def test_autocast_keeps_the_precision_of_coordinates():
    encoder = adapted('LSTM')
    clips = random_clips(3, 2, 8, 25, 3)
    with torch.autocast('cpu', torch.bfloat16):
        view = encoder.view_adaptation.choose_view(clips)
        observed = encoder.view_adaptation(clips)
        feature = encoder.train()(clips)
    assert observed.dtype == torch.float32
    expected = observe(clips, view['translation'], view['rotation'])
    torch.testing.assert_close(observed, expected, rtol=1e-6, atol=1e-6)
    feature.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in encoder.parameters())


def test_noise_is_seen_in_training_by_the_choice_of_the_view_only():
    encoder = adapted('LSTM', noise_std=0.5, dropout=0.0)
    clips = random_clips(3, 2, 8, 25, 3)
    chosen = encoder.view_adaptation.choose_view
    assert torch.equal(chosen(clips)['rotation'], chosen(clips)['rotation'])
    encoder.train()
    assert not torch.equal(chosen(clips)['rotation'], chosen(clips)['rotation'])
    for layer in encoder.view_adaptation.outputs.values():
        torch.nn.init.zeros_(layer.weight)
    assert torch.equal(encoder(clips), encoder.encoder(clips))


def test_in_front_of_an_encoder_that_is_trained_already(tmp_path):
    trained = tiny_model()
    torch.save({'state_dict': trained.state_dict()}, tmp_path / 'trained.pth')
    encoder = dict(
        type='BiGRU',
        hidden_size=4,
        num_layers=1,
        init_cfg=dict(
            type='Pretrained',
            checkpoint=str(tmp_path / 'trained.pth'),
            prefix='query_networks.joint.encoder.',
        ),
    )
    model = tiny_model(encoder=dict(type='ViewAdaptedEncoder', encoder=encoder))
    model.init_weights()
    clips = random_clips(3, 2, 8, 25, 3)
    for network in (model.query_networks, model.key_networks.module):
        found = network['joint'].encoder.eval()(clips)
        torch.testing.assert_close(found, trained.query_networks['joint'].encoder.eval()(clips))


def test_recurrent_weights_begin_orthogonal():
    for cell in LSTM(hidden_size=6, num_layers=2, orthogonal_gain=0.001).cells:
        for gate in cell.weight_hh_l0.detach().chunk(4):
            torch.testing.assert_close(gate @ gate.T, 1e-6 * torch.eye(6), rtol=1e-3, atol=1e-11)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(encoder=ENCODERS['STGCN']), 'STGCN takes clips of any number of people; set num_pe'),
        (dict(view_of='person'), "view_of must be 'frame' or 'clip', got 'person'"),
        (dict(layout='coco17'), "needs clips of 3 dimensions; layout 'coco17' has 2"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        ViewAdaptedEncoder(**{'encoder': ENCODERS['BiGRU'], **options})

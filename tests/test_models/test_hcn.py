"""The co-occurrence encoder, against a plain one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models import HCN, EnergyAttentionDrop
from halp_mm.models.converters.released_hcn import rename_released_hcn
from halp_mm.models.encoders.hcn import differences
from halp_mm.registry import MODELS
from halp_mm.skeletons import LAYOUTS
from tests.helpers import (
    DTYPES,
    assert_relative,
    generator,
    reference,
    tiny_model,
    with_prefix,
)

SMALL = dict(num_frames=20, base_channels=4, image_width=17)
TWO_JOINTS = dict(name='two', joints=['a', 'b'], bones=[('a', 'b')], center='a')


def random_encoder(dtype=torch.float64, layout='kinect_v2', **kwargs) -> HCN:
    """A small encoder with biases, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = HCN(layout, **{**SMALL, **kwargs})
        for name, parameter in encoder.named_parameters():
            if name.endswith('bias'):
                torch.nn.init.normal_(parameter, std=0.1)
    return encoder.to(dtype).eval()


def random_input(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=generator(1), dtype=dtype)


def convolve_plainly(x: Tensor, convolution: torch.nn.Conv2d) -> Tensor:
    """A sum over the kernel's places: ``[C, H, W]`` to ``[C', H, W]``."""
    down, right = convolution.padding
    padded = F.pad(x, (right, right, down, down))
    rows, columns = x.shape[1:]
    total = convolution.bias[:, None, None].expand(-1, rows, columns)
    for i in range(convolution.kernel_size[0]):
        for j in range(convolution.kernel_size[1]):
            shifted = padded[:, i : i + rows, j : j + columns]
            weight = convolution.weight[:, :, i, j]
            total = total + torch.einsum('oc,chw->ohw', weight, shifted)
    return total


def pool_plainly(x: Tensor) -> Tensor:
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    cut = x[:, : 2 * rows, : 2 * columns].reshape(-1, rows, 2, columns, 2)
    return cut.amax((2, 4))


def motion_plainly(clip: Tensor) -> Tensor:
    """A linear resize of the differences: output t lies at (t + 1/2) (T - 1) / T - 1/2."""
    frames = len(clip)
    steps = [clip[t + 1] - clip[t] for t in range(frames - 1)]
    resized = []
    for t in range(frames):
        place = min(max((t + 0.5) * (frames - 1) / frames - 0.5, 0), frames - 2)
        before = int(place)
        after = min(before + 1, frames - 2)
        resized.append(steps[before] + (place - before) * (steps[after] - steps[before]))
    return torch.stack(resized)


def plain_map(encoder: HCN, clips: Tensor) -> Tensor:
    """The network, one person at a time and layer by layer; no dropout."""
    maps = []
    for person in clips.flatten(0, 1):
        halves = []
        for branch, x in (
            (encoder.position, person),
            (encoder.motion, motion_plainly(person)),
        ):
            point, _, path = branch.points
            x = convolve_plainly(x.permute(2, 0, 1), point).clamp(min=0)
            image = convolve_plainly(x, path).permute(2, 1, 0)  # [V, T, W]
            first, _, second, *_ = branch.joints
            image = pool_plainly(convolve_plainly(image, first))
            halves.append(pool_plainly(convolve_plainly(image, second)))
        x = torch.cat(halves)
        for convolution in (encoder.layers[0], encoder.layers[4]):
            x = pool_plainly(convolve_plainly(x, convolution).clamp(min=0))
        maps.append(x)
    return torch.stack(maps).unflatten(0, clips.shape[:2])


@pytest.mark.parametrize('frames', [16, 20, 33])
@pytest.mark.parametrize('layout', ['kinect_v2', TWO_JOINTS])
def test_equals_a_plain_one(layout, frames):
    encoder = random_encoder(layout=layout, num_frames=frames, image_width=35)
    clips = random_input(2, 2, *encoder.clip_shape)
    feature_map = encoder.forward_map(clips)
    expected = plain_map(encoder, clips)
    assert feature_map.shape == (2, 2, 16, frames // 16, 2)
    torch.testing.assert_close(feature_map, expected)
    feature = torch.maximum(expected[:, 0], expected[:, 1]).flatten(1)
    torch.testing.assert_close(encoder(clips), feature)
    assert encoder.feature_dim == feature.shape[1]


@pytest.mark.parametrize('dtype', DTYPES)
def test_equals_the_release(dtype):
    arrays = reference('hcn_released')
    converted = rename_released_hcn(with_prefix(arrays, 'state/'))
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1).to(dtype)
    width, base_channels = arrays['state/conv2.weight'].shape[:2]
    encoder = HCN(
        'kinect_v2',
        num_frames=clips.shape[2],
        base_channels=base_channels,
        image_width=width,
    )
    encoder.load_state_dict(with_prefix(converted, 'encoder.'))
    feature = encoder.to(dtype).eval()(clips)
    assert_relative(feature, arrays['feature'], 1e-5)
    weight, bias = (converted[f'classifier.{kind}'].to(dtype) for kind in ('weight', 'bias'))
    assert_relative(F.linear(feature, weight, bias), arrays['fc_output'], 1e-5)


def test_gradients_equal_a_plain_ones():
    encoder = random_encoder(dropout=0.0).train()
    clips = random_input(2, 2, *encoder.clip_shape).requires_grad_()
    inputs = [clips, *encoder.parameters()]
    weights = random_input(2, 2, 16, 1, 1)
    found = torch.autograd.grad((encoder.forward_map(clips) * weights).sum(), inputs)
    expected = torch.autograd.grad((plain_map(encoder, clips) * weights).sum(), inputs)
    for mine, theirs in zip(found, expected):
        assert mine.any()
        torch.testing.assert_close(mine, theirs, check_stride=False)


def test_differences_of_a_steady_motion_are_steady():
    frames = torch.arange(20.0, dtype=torch.float64)[None, None, :, None]
    velocity = random_input(2, 3, 1, 25)
    torch.testing.assert_close(differences(velocity * frames), velocity.expand(2, 3, 20, 25))


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('people', [1, 2, 3])
def test_any_layout_and_number_of_people(layout, people):
    encoder = random_encoder(torch.float32, layout, num_channels=2)
    clips = random_input(3, people, *encoder.clip_shape, dtype=torch.float32)
    assert encoder.forward_map(clips).shape == (3, people, 16, 1, 1)
    assert encoder(clips).shape == (3, encoder.feature_dim)


def test_defaults_are_the_releases():
    encoder = MODELS.build(dict(type='HCN'))
    assert encoder.feature_dim == 4096
    shapes = [tuple(p.shape) for n, p in encoder.named_parameters() if n.endswith('weight')]
    branch = [(64, 3, 1, 1), (64, 64, 3, 1), (32, 25, 3, 3), (64, 32, 3, 3)]
    assert shapes == [*branch, *branch, (128, 128, 3, 3), (256, 128, 3, 3)]
    for module in encoder.modules():
        if isinstance(module, torch.nn.Conv2d):
            outputs, inputs, *kernel = module.weight.shape
            places = kernel[0] * kernel[1]
            bound = (6 / ((inputs + outputs) * places)) ** 0.5
            assert 0.9 * bound < module.weight.abs().max() <= bound
            assert not module.bias.any()
    assert encoder.forward_map(torch.zeros(1, 2, 64, 25, 3)).shape == (1, 2, 256, 4, 4)


def test_absent_people_take_part_and_order_is_no_matter():
    encoder = random_encoder()
    clips = random_input(2, 2, *encoder.clip_shape)
    clips[1, 1] = 0
    nobody = encoder(torch.zeros_like(clips[:1, :1]))
    torch.testing.assert_close(encoder(clips)[1:], encoder(clips[1:, :1]).maximum(nobody))
    torch.testing.assert_close(encoder(clips.flip(1)), encoder(clips))


def test_clips_do_not_notice_each_other():
    encoder = random_encoder()
    clips = random_input(4, 2, *encoder.clip_shape)
    together = encoder(clips)
    alone = torch.cat([encoder(clips[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(together, alone)


def test_dropout_is_where_the_release_has_it():
    shares = [
        module.p for module in HCN(dropout=0.3).modules() if isinstance(module, torch.nn.Dropout2d)
    ]
    assert shares == [0.3] * 4  # in either branch, and after both later convolutions


def test_dropout_only_in_training():
    encoder = random_encoder(dropout=0.5)
    clips = random_input(2, 2, *encoder.clip_shape)
    assert torch.equal(encoder(clips), encoder(clips))
    encoder.train()
    assert not torch.equal(encoder(clips), encoder(clips))
    still = random_encoder(dropout=0.0)
    assert torch.equal(still(clips), still.train()(clips))


def test_drop_between_map_and_readout():
    encoder = random_encoder(num_frames=64, image_width=64)
    feature_map = encoder.forward_map(random_input(3, 2, *encoder.clip_shape))
    dropped = EnergyAttentionDrop(keep_margin=0.65)(feature_map)
    feature = encoder.readout(dropped)
    assert feature.shape == (3, encoder.feature_dim)
    assert feature.isfinite().all()
    assert not torch.equal(feature, encoder.readout(feature_map))


def test_autocast():
    encoder = random_encoder(torch.float32)
    clips = random_input(4, 2, *encoder.clip_shape, dtype=torch.float32)
    with torch.autocast('cpu', torch.bfloat16):
        feature = encoder(clips)
    assert_relative(feature, encoder(clips), 0.05)
    feature.float().sum().backward()
    assert all(p.grad.isfinite().all() for p in encoder.parameters())


def test_pretrains():
    model = tiny_model(encoder=dict(type='HCN', **SMALL), data_preprocessor=None).train()
    clips = random_input(4, 2, *random_encoder().clip_shape, dtype=torch.float32)
    views = {view: {'joint': clips} for view in ('query', 'key')}
    model(views, None, mode='loss')['joint/moco/loss'].backward()
    assert all(p.grad.any() for p in model.query_networks['joint'].encoder.parameters())


@pytest.mark.parametrize('shape', [(20, 20, 3), (20, 25, 2), (64, 25, 3)])
def test_other_clips_are_refused(shape):
    found = rf'= \(20, 25, 3\), found \({", ".join(map(str, shape))}\); set layout, num_frames'
    with pytest.raises(ValueError, match=found):
        random_encoder()(torch.zeros(1, 2, *shape).double())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(num_frames=15), 'num_frames must be a whole number of at least 16, got 15'),
        (dict(image_width=8), 'image_width must be a whole number of at least 16, got 8'),
        (dict(base_channels=5), 'base_channels must be even, got 5'),
        (dict(base_channels=0), 'base_channels must be a whole number of at least 2, got 0'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        HCN(**options)

"""The ST-GCN encoder, against the release and a plain one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models import STGCN
from halp_mm.models.converters.released_skeletonbt import rename_released_skeletonbt
from halp_mm.models.converters.released_stgcn import rename_released
from halp_mm.registry import MODELS
from halp_mm.skeletons import LAYOUTS, PARTITION_STRATEGIES
from tests.helpers import DTYPES, assert_relative, generator, reference, with_prefix

TWO_JOINTS = dict(name='two', joints=['a', 'b'], bones=[('a', 'b')], center='a')
SMALL = dict(base_channels=4, stages=(2, 2), feature_dim=6)


def random_encoder(dtype: torch.dtype = torch.float64, layout='kinect_v2', **kwargs) -> STGCN:
    """A small encoder with random norms and edge importance, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = STGCN(layout, **{**SMALL, **kwargs})
        for name, tensor in encoder.state_dict().items():
            if name.endswith('running_var') or 'importance' in name or 'norm.weight' in name:
                tensor.uniform_(0.5, 2)
            elif name.endswith('running_mean'):
                tensor.normal_()
    return encoder.to(dtype).eval()


def random_input(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=generator(1), dtype=dtype)


def plain_map(encoder: STGCN, clips: Tensor) -> Tensor:
    """The paper's network: a loop over people and partitions; no dropout."""
    maps = []
    flat = clips.flatten(3)
    for person in range(clips.shape[1]):
        # The norm of all people at once, one entry of the frame's vector at a time.
        columns = [
            norm(flat[..., i], encoder.input_norm, i, encoder.training)[:, person]
            for i in range(flat.shape[-1])
        ]
        maps.append(torch.stack(columns, -1).unflatten(-1, clips.shape[3:]).permute(0, 3, 1, 2))
    x = torch.stack(maps, 1).flatten(0, 1)
    for block in encoder.blocks:
        convolution, y = block.graph_convolution, 0
        for k, edges in enumerate(encoder.adjacency * convolution.edge_importance):
            channels = slice(k * block.spatial_norm.num_features, None)
            channels = range(*channels.indices((k + 1) * block.spatial_norm.num_features))
            weight = convolution.partitions.weight[list(channels)]
            sent = F.conv2d(x, weight, convolution.partitions.bias[list(channels)])
            y = y + torch.einsum('bctv,vw->bctw', sent, edges)
        y = norm_channels(y, block.spatial_norm, encoder.training).relu()
        temporal = block.temporal_convolution
        padded = F.pad(y, (0, 0, temporal.kernel_size[0] // 2, temporal.kernel_size[0] // 2))
        windows = padded.unfold(2, temporal.kernel_size[0], temporal.stride[0])
        y = torch.einsum('bctvk,ock->botv', windows, temporal.weight[..., 0])
        y = norm_channels(y + temporal.bias[:, None, None], block.temporal_norm, encoder.training)
        if isinstance(block.residual, torch.nn.Sequential):
            short = torch.einsum('bctv,oc->botv', x, block.residual[0].weight[..., 0, 0])
            short = (short + block.residual[0].bias[:, None, None])[:, :, :: temporal.stride[0]]
            y = y + norm_channels(short, block.residual[1], encoder.training)
        elif block.residual is not None:
            y = y + x
        x = y.relu()
    return x.unflatten(0, clips.shape[:2])


def norm(x: Tensor, module: torch.nn.Module, i: int, training: bool) -> Tensor:
    mean = x.mean() if training else module.running_mean[i]
    variance = x.var(correction=0) if training else module.running_var[i]
    return (x - mean) / (variance + module.eps).sqrt() * module.weight[i] + module.bias[i]


def norm_channels(x: Tensor, module: torch.nn.Module, training: bool) -> Tensor:
    return torch.stack([norm(x[:, i], module, i, training) for i in range(x.shape[1])], 1)


@pytest.mark.parametrize('dtype', DTYPES)
def test_equals_the_release(dtype):
    vectors = reference('stgcn_released')
    state = {k.removeprefix('state/'): v for k, v in vectors.items() if k.startswith('state/')}
    fc = {k: state.pop(k).to(dtype) for k in ('fc.weight', 'fc.bias')}
    encoder = STGCN(base_channels=4, feature_dim=16)
    encoder.load_state_dict(
        {name.removeprefix('encoder.'): value for name, value in rename_released(state).items()}
    )
    encoder = encoder.to(dtype).eval()
    feature = encoder(vectors['input_NCTVM'].permute(0, 4, 2, 3, 1).to(dtype))
    assert feature.dtype == dtype
    assert_relative(feature, vectors['feature'], 1e-6)
    assert_relative(feature @ fc['fc.weight'].T + fc['fc.bias'], vectors['fc_output'], 1e-6)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('frames', [1, 2, 9, 12])
@pytest.mark.parametrize('layout', ['kinect_v2', TWO_JOINTS])
def test_equals_a_plain_one(layout, frames, training):
    encoder = random_encoder(layout=layout, dropout=0).train(training)
    joints = encoder.joint_shape[0]
    clips = random_input(3, 2, frames, joints, 3)
    expected = plain_map(encoder, clips)
    feature_map = encoder.forward_map(clips)
    assert feature_map.shape == (3, 2, 6, (frames + 1) // 2, joints)
    torch.testing.assert_close(feature_map, expected, rtol=1e-9, atol=1e-9, check_stride=False)
    people = [expected[:, m].flatten(2).mean(2) for m in range(2)]
    torch.testing.assert_close(encoder.readout(feature_map), sum(people) / 2)


def pstls_encoder(kept: list[int]) -> STGCN:
    """The release's encoder of PSTL on the graph that some joints are left out of."""
    vectors = reference('pstl_masks_released')
    state = with_prefix(vectors, 'state/')
    weights = with_prefix(rename_released_skeletonbt(state), 'encoder.')
    assert len(weights) == len(state)
    encoder = STGCN(
        base_channels=len(weights['blocks.0.spatial_norm.weight']),
        feature_dim=vectors['feature'].shape[1],
    ).eval()
    encoder.load_state_dict(weights)
    encoder.adjacency = encoder.adjacency[:, kept][:, :, kept]
    for block in encoder.blocks:
        edges = block.graph_convolution.edge_importance
        edges.data = edges.data[:, kept][:, :, kept]
    return encoder


def test_pstls_encoder_equals_the_release():
    vectors = reference('pstl_masks_released')
    clips = vectors['input_NCTVM'].permute(0, 4, 2, 3, 1)
    assert_relative(pstls_encoder(list(range(25)))(clips), vectors['feature'], 1e-5)


def test_pstls_release_takes_hidden_joints_out_of_the_graph_and_the_mean():
    vectors = reference('pstl_masks_released')
    hidden = set(vectors['masked_joints'].tolist())
    kept = [joint for joint in range(25) if joint not in hidden]
    encoder = pstls_encoder(kept)
    clips = vectors['input_NCTVM'].permute(0, 4, 2, 3, 1)
    x = encoder.normalize_input(clips)[..., kept, :].flatten(0, 1).permute(0, 3, 2, 1)
    for block in encoder.blocks:
        x = block(x, encoder.adjacency)
    feature = encoder.readout(x.mT.unflatten(0, clips.shape[:2]))
    assert_relative(feature, vectors['feature_masked_joints'], 1e-5)


def test_gradients_equal_a_plain_ones():
    encoder = random_encoder(dropout=0).train()
    clips = random_input(3, 2, 9, 25, 3).requires_grad_()
    weights = random_input(3, 2, 6, 5, 25)
    inputs = [clips, *encoder.parameters()]
    expected = torch.autograd.grad((plain_map(encoder, clips) * weights).sum(), inputs)
    found = torch.autograd.grad((encoder.forward_map(clips) * weights).sum(), inputs)
    names = ['clips', *(name for name, _ in encoder.named_parameters())]
    # Biases before a norm have no gradient but rounding errors.
    for name, a, b in zip(names, found, expected):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-7, check_stride=False, msg=name)


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('strategy', PARTITION_STRATEGIES)
def test_any_layout_and_graph(layout, strategy):
    encoder = random_encoder(layout=layout, graph_strategy=strategy)
    clips = random_input(2, 1, 5, LAYOUTS[layout].num_joints, 3)
    torch.testing.assert_close(
        encoder.forward_map(clips),
        plain_map(encoder, clips),
        rtol=1e-9,
        atol=1e-9,
        check_stride=False,
    )


def test_absent_people_are_averaged_and_others_do_not_notice():
    encoder = random_encoder()
    clips = random_input(2, 2, 6, 25, 3)
    clips[1, 1] = 0
    feature_map = encoder.forward_map(clips)
    alone = encoder(clips[:, :1])
    nobody = encoder(torch.zeros(1, 1, 6, 25, 3, dtype=torch.float64))
    torch.testing.assert_close(encoder.readout(feature_map)[1:], (alone[1:] + nobody) / 2)
    torch.testing.assert_close(encoder(clips.flip(1)), encoder(clips))


def test_every_parameter_and_the_input_get_gradients():
    encoder = random_encoder(torch.float32).train()
    clips = random_input(4, 2, 9, 25, 3, dtype=torch.float32).requires_grad_()
    encoder(clips).square().sum().backward()
    assert clips.grad.abs().sum() > 0
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name
    importance = encoder.blocks[0].graph_convolution.edge_importance.grad
    assert torch.equal(importance != 0, encoder.adjacency != 0)


def test_dropout_is_in_all_blocks_but_the_first_and_only_in_training():
    encoder = random_encoder(dropout=0.3)
    assert [block.dropout.p for block in encoder.blocks] == [0, 0.3, 0.3, 0.3]
    clips = random_input(2, 1, 5, 25, 3)
    assert torch.equal(encoder(clips), encoder(clips))
    encoder.train()
    assert not torch.equal(encoder(clips), encoder(clips))


def test_autocast_runs_forward_and_backward():
    encoder = random_encoder(torch.float32)
    clips = random_input(4, 2, 9, 25, 3, dtype=torch.float32)
    expected = encoder(clips)
    with torch.autocast('cpu', torch.bfloat16):
        feature = encoder(clips)
        training = encoder.train()(clips)
    assert_relative(feature, expected, 0.05)
    training.float().square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_clips_of_any_stride():
    encoder = random_encoder()
    clips = random_input(3, 25, 2, 3, 9)
    view = clips.permute(0, 2, 4, 1, 3)
    torch.testing.assert_close(encoder(view), encoder(view.contiguous()))
    sliced = random_input(3, 2, 20, 25, 3)[:, :1, ::2]
    torch.testing.assert_close(encoder(sliced), encoder(sliced.clone()))


def test_defaults_are_the_releases():
    encoder = MODELS.build(dict(type='STGCN'))
    blocks = encoder.blocks
    assert encoder.feature_dim == 256
    assert encoder.input_norm.num_features == 75
    assert [b.spatial_norm.num_features for b in blocks] == [16] * 4 + [32] * 3 + [64] * 2 + [256]
    assert [b.temporal_convolution.stride[0] for b in blocks] == [1] * 4 + [2, 1, 1, 2, 1, 1]
    assert {b.temporal_convolution.kernel_size for b in blocks} == {(9, 1)}
    shortcuts = ['NoneType', *['Identity'] * 3, 'Sequential', *['Identity'] * 2]
    shortcuts += ['Sequential', 'Identity', 'Sequential']
    assert [type(b.residual).__name__ for b in blocks] == shortcuts
    assert encoder.forward_map(torch.zeros(1, 2, 50, 25, 3)).shape == (1, 2, 256, 13, 25)


def test_full_width():
    encoder = STGCN(base_channels=64)
    widths = [block.spatial_norm.num_features for block in encoder.blocks]
    assert widths == [64] * 4 + [128] * 3 + [256] * 3
    assert isinstance(encoder.blocks[-1].residual, torch.nn.Identity)


@pytest.mark.parametrize('shape', [(2, 1, 9, 20, 3), (2, 2, 9, 25, 2), (2, 2, 9, 3, 25)])
def test_other_clips_are_refused(shape):
    found = rf'= \(25, 3\), found \({shape[3]}, {shape[4]}\); set layout and num_channels'
    with pytest.raises(ValueError, match=found):
        random_encoder()(torch.zeros(shape).double())


def test_a_shortcut_over_skipped_frames_is_learned():
    """As in the release, also where the number of channels stays the same."""
    encoder = STGCN(base_channels=16, stages=(2, 1), feature_dim=16)
    kinds = [type(block.residual) for block in encoder.blocks]
    assert kinds == [type(None), torch.nn.Identity, torch.nn.Sequential]


def test_bad_options():
    with pytest.raises(ValueError, match='temporal_kernel must be odd, got 8'):
        STGCN(temporal_kernel=8)
    for stages in ((), (4, 0, 3)):
        with pytest.raises(ValueError, match='stages must have at least one block each, got '):
            STGCN(stages=stages)
    with pytest.raises(ValueError, match="unknown strategy 'spacial'"):
        STGCN(graph_strategy='spacial')

"""The adaptive graph encoder, against the release and a plain one."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from halp_mm.models import AGCN
from halp_mm.models.converters.released_agcn import rename_released_agcn
from halp_mm.registry import MODELS
from halp_mm.skeletons import LAYOUTS, parent_child_adjacency
from tests.helpers import DTYPES, assert_relative, generator, reference, with_prefix

SMALL = dict(base_channels=4, stages=(2, 2), feature_dim=8)


def random_encoder(dtype: torch.dtype = torch.float64, layout='kinect_v2', **kwargs) -> AGCN:
    """A small encoder with random norms and edges, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = AGCN(layout, **{**SMALL, **kwargs})
        for name, tensor in encoder.state_dict().items():
            if name.endswith('running_var') or 'norm.weight' in name:
                tensor.uniform_(0.5, 2)
            elif name.endswith('running_mean') or 'learnt_edges' in name:
                tensor.normal_()
    return encoder.to(dtype).eval()


def random_input(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, generator=generator(1), dtype=dtype)


def norm(x: Tensor, layer: torch.nn.Module) -> Tensor:
    """Batch norm of the channels ``[B, C, T, V]`` in evaluation mode."""
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    shift = layer.bias - layer.running_mean * scale
    return x * scale[:, None, None] + shift[:, None, None]


def plain_graph_convolution(block: torch.nn.Module, x: Tensor, adjacency: Tensor) -> Tensor:
    """A loop over people and partitions, as the paper writes it."""
    convolution = block.graph_convolution
    width = convolution.senders.out_channels // len(adjacency)
    results = []
    for person in x:
        result = convolution.partitions.bias[:, None, None].expand(-1, *person.shape[1:])
        for k, given in enumerate(adjacency):
            rows = slice(k * width, (k + 1) * width)
            theta, phi = (
                torch.einsum('oc,ctv->otv', layer.weight[rows, :, 0, 0], person)
                + layer.bias[rows, None, None]
                for layer in (convolution.senders, convolution.receivers)
            )
            products = torch.einsum('ctv,ctw->vw', theta, phi) / (width * person.shape[1])
            found = products.exp() / products.exp().sum(0)
            edges = given + convolution.learnt_edges[k] + found
            channels = slice(k * len(person), (k + 1) * len(person))
            weight = convolution.partitions.weight[:, channels, 0, 0]
            result = result + torch.einsum('oc,ctv,vw->otw', weight, person, edges)
        results.append(result)
    return torch.stack(results)


def plain_map(encoder: AGCN, clips: Tensor) -> Tensor:
    """The network layer by layer; no dropout."""
    layer = encoder.input_norm
    flat = clips.permute(0, 2, 1, 3, 4).flatten(2)
    scale = layer.weight / (layer.running_var + layer.eps).sqrt()
    flat = (flat - layer.running_mean) * scale + layer.bias
    x = flat.unflatten(2, (clips.shape[1], *clips.shape[3:])).permute(0, 2, 4, 1, 3).flatten(0, 1)
    for block in encoder.blocks:
        y = norm(plain_graph_convolution(block, x, encoder.adjacency), block.spatial_norm)
        shortcut = block.graph_shortcut
        y = y + (
            x if isinstance(shortcut, torch.nn.Identity) else norm(shortcut[0](x), shortcut[1])
        )
        y = norm(block.temporal_convolution(y.relu()), block.temporal_norm)
        if isinstance(block.residual, torch.nn.Identity):
            y = y + x
        elif block.residual is not None:
            y = y + norm(block.residual[0](x[:, :, :: block.stride]), block.residual[1])
        x = y.relu()
    return x.unflatten(0, clips.shape[:2])


def released(dtype: torch.dtype) -> tuple[AGCN, dict[str, Tensor], dict[str, Tensor]]:
    """The reference, an encoder with its weights, and the linear layer's."""
    arrays = reference('agcn_released')
    converted = rename_released_agcn(with_prefix(arrays, 'state/'))
    width = len(converted['encoder.blocks.0.spatial_norm.weight'])
    encoder = AGCN(
        'kinect_v2',
        num_people=arrays['input_NCTVM'].shape[-1],
        base_channels=width,
        feature_dim=arrays['feature'].shape[1],
    )
    weights, linear = (with_prefix(converted, part) for part in ('encoder.', 'classifier.'))
    encoder.load_state_dict(weights)
    assert len(weights) + len(linear) == len(converted)
    return encoder.to(dtype).eval(), arrays, linear


@pytest.mark.parametrize('dtype', DTYPES)
def test_equals_the_release(dtype):
    encoder, arrays, linear = released(dtype)
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1).to(dtype)
    feature = encoder(clips)
    assert_relative(feature, arrays['feature'], 1e-5)
    weight, bias = (linear[kind].to(dtype) for kind in ('weight', 'bias'))
    assert_relative(F.linear(feature, weight, bias), arrays['fc_output'], 1e-5)
    first = encoder.blocks[0]
    found = first.convolve_graph(arrays['gcn1_input'].mT.to(dtype), encoder.adjacency).relu()
    assert_relative(found.mT, arrays['gcn1_output'], 1e-5)


def test_the_graph_is_the_releases():
    expected = reference('agcn_released')['adjacency']
    adjacency = torch.from_numpy(parent_child_adjacency('kinect_v2'))
    torch.testing.assert_close(adjacency, expected.float())


@pytest.mark.parametrize('layout', LAYOUTS)
def test_equals_a_plain_one_on_any_layout(layout):
    encoder = random_encoder(layout=layout)
    clips = random_input(3, 2, 7, *encoder.joint_shape)
    feature_map = encoder.forward_map(clips)
    assert feature_map.shape == (3, 2, 8, 4, encoder.layout.num_joints)
    torch.testing.assert_close(feature_map, plain_map(encoder, clips), check_stride=False)
    torch.testing.assert_close(encoder(clips), feature_map.mean((1, 3, 4)))


def test_gradients_equal_a_plain_ones():
    encoder = random_encoder()
    clips = random_input(2, 2, 6, 25, 3).requires_grad_()
    inputs = [clips, *encoder.parameters()]
    weights = random_input(2, 2, 8, 3, 25)
    found = torch.autograd.grad((encoder.forward_map(clips) * weights).sum(), inputs)
    expected = torch.autograd.grad((plain_map(encoder, clips) * weights).sum(), inputs)
    names = ['clips', *(name for name, _ in encoder.named_parameters())]
    for name, mine, theirs in zip(names, found, expected):
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6, check_stride=False, msg=name)
    assert found[names.index('blocks.1.graph_convolution.learnt_edges')].any()


def test_people_have_norms_of_their_own():
    encoder = random_encoder()
    clips = random_input(2, 2, 6, 25, 3)
    assert not torch.allclose(encoder(clips.flip(1)), encoder(clips))
    with pytest.raises(ValueError, match='for clips of 2 people, found 1; set num_people of model'):
        encoder(clips[:, :1])
    with pytest.raises(ValueError, match=r'^AGCN was built .* = \(25, 3\), found \(20, 3\)'):
        encoder(clips[..., :20, :])


def test_starts_as_the_release_does():
    encoder = MODELS.build(dict(type='AGCN'))
    assert encoder.feature_dim == 256
    assert encoder.input_norm.num_features == 150
    widths = [block.spatial_norm.num_features for block in encoder.blocks]
    assert widths == [64] * 4 + [128] * 3 + [256] * 3
    assert [block.stride for block in encoder.blocks] == [1] * 4 + [2, 1, 1, 2, 1, 1]
    for block in encoder.blocks:
        assert block.graph_convolution.learnt_edges.eq(1e-6).all()
        assert block.spatial_norm.weight.eq(1e-6).all()
        assert block.temporal_norm.weight.eq(1).all()
    # The release's has a linear layer to 128 numbers, and a bias for each partition.
    own = sum(parameter.numel() for parameter in encoder.parameters())
    assert round((own + 128 * 257 + 2 * sum(widths)) / 1e6, 2) == 3.49


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


def test_bad_options():
    with pytest.raises(ValueError, match='base_channels must be a whole number of at least 4'):
        AGCN(base_channels=3)
    with pytest.raises(ValueError, match='num_people must be a whole number of at least 1, got 0'):
        AGCN(num_people=0)


def test_names_that_are_not_the_releases_are_refused():
    with pytest.raises(ValueError, match=r"not known: \['l3.gcn2.PA'\]; expected the names of"):
        rename_released_agcn({'l3.gcn2.PA': torch.zeros(1)})

"""Colorization's encoder, colours and loss, against loops and scipy's nearest points."""

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from halp_mm.models import DGCNN, ColorizationHead, StreamOutputs
from halp_mm.models.encoders.dgcnn import EdgeConvolution, nearest_neighbours
from halp_mm.models.heads.colorization_head import color_ramp, colors_of
from halp_mm.models.modules import EmbeddingNetwork, FoldingDecoder, chamfer_distance
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, generator


def clouds(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.float64)


def partly_seen_clips() -> torch.Tensor:
    clips = clouds(3, 2, 6, 25, 3, seed=5)
    clips[1, 1] = 0
    clips[2, :, 4:] = 0
    return clips


@pytest.mark.parametrize('chunk_size', [1, 4, 100])
def test_chamfer_distance_equals_a_tree_search(chunk_size):
    first, second = clouds(3, 11, 6), clouds(3, 8, 6, seed=1)
    exists = torch.ones(3, 8, dtype=torch.bool)
    exists[1, 3:] = False
    found = chamfer_distance(first, second, exists, chunk_size)
    for a, b, there, distance in zip(first.numpy(), second.numpy(), exists.numpy(), found):
        b = b[there]
        forward, backward = cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]
        assert distance.item() == pytest.approx((forward**2).mean() + (backward**2).mean())
    shuffled = chamfer_distance(first[:, torch.randperm(11)], second, exists, chunk_size)
    assert_relative(shuffled, found, 1e-12)


def test_chamfer_gradient_equals_that_of_all_distances():
    first, second = clouds(2, 9, 3).requires_grad_(), clouds(2, 7, 3, seed=1).requires_grad_()
    distance = (first[:, :, None] - second[:, None]).square().sum(-1)
    expected = distance.amin(2).mean(1) + distance.amin(1).mean(1)
    found = chamfer_distance(first, second, chunk_size=4)
    assert_relative(found, expected, 1e-12)
    for a, b in zip(*(torch.autograd.grad(x.sum(), [first, second]) for x in (found, expected))):
        assert_relative(a, b, 1e-12)


def test_a_clip_that_shows_nobody_has_no_distance():
    nothing = torch.zeros(2, 8, dtype=torch.bool)
    assert not chamfer_distance(clouds(2, 5, 3), clouds(2, 8, 3), nothing).any()


def test_colours_go_from_red_over_green_to_blue():
    share = torch.tensor([0, 0.25, 0.5, 0.75, 1])
    expected = [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]]
    assert color_ramp(share).tolist() == expected
    like = torch.zeros(1)
    for axis, size in enumerate((2, 4, 5)):
        colors = colors_of(torch.Size((2, 4, 5)), axis, like)
        for place in np.ndindex(2, 4, 5):
            wanted = color_ramp(torch.tensor([(place[axis] + 1) / size]))[0]
            assert torch.allclose(colors[place], wanted)


@pytest.mark.parametrize('color_by', ['frame', 'joint', 'person'])
def test_loss_equals_a_loop_over_the_points_that_are_seen(color_by):
    clips = partly_seen_clips()
    network = EmbeddingNetwork(dict(type='DGCNN', channels=[4], feature_dim=8), None)
    head = ColorizationHead(color_by, color_weight=0.5, grid_size=3, hidden_dim=4)
    head.connect({'joint': network})
    head.double()
    feature = clouds(3, 8, seed=2)
    seen = StreamOutputs('joint', clips={'clean': clips}, features={'clean': feature})
    loss = head.stream_loss(seen, TrainingProgress())['loss']
    painted = head.decoders['joint'](feature).detach().numpy()
    sizes, total = dict(person=2, frame=6, joint=25), 0.0
    for clip, points in zip(clips.numpy(), painted):
        target = []
        for person, frame, joint in np.ndindex(2, 6, 25):
            if clip[person, frame].any():
                place = dict(person=person, frame=frame, joint=joint)[color_by] + 1
                color = color_ramp(torch.tensor([place / sizes[color_by]], dtype=torch.float64))
                target.append([*clip[person, frame, joint], *(0.5 * color[0].numpy())])
        there, back = cKDTree(target).query(points)[0], cKDTree(points).query(target)[0]
        total += ((there**2).mean() + (back**2).mean()) / 3
    assert loss.item() == pytest.approx(total)


def test_a_fold_sees_the_feature_beside_each_point():
    decoder = FoldingDecoder(4, 6, grid_size=3, grid_extent=0.2, hidden_dim=5).double()
    features = clouds(2, 4)
    points = decoder.grid.expand(2, -1, -1)
    assert sorted(decoder.grid.unique().tolist()) == pytest.approx([-0.2, 0, 0.2])
    for fold in (decoder.first, decoder.second):
        weight = torch.cat([fold.of_feature.weight, fold.of_point.weight], 1)
        both = torch.cat([features[:, None].expand(-1, 9, -1), points], -1)
        points = fold.layers(both @ weight.T + fold.of_feature.bias)
    assert_relative(decoder(features), points, 1e-12)


def test_neighbours_are_the_nearest_that_exist():
    points = clouds(2, 12, 3)
    exists = torch.ones(2, 12, dtype=torch.bool)
    exists[1, 3:] = False
    found = nearest_neighbours(points, exists, 5)
    tree = cKDTree(points[0].numpy())
    assert np.array_equal(found[0].sort().values, np.sort(tree.query(points[0].numpy(), 5)[1]))
    for place in range(3):
        assert found[1, place].sort().values.tolist() == sorted([0, 1, 2, place, place])


def test_an_edge_convolution_equals_a_loop():
    layer = EdgeConvolution(3, 4).double().eval()
    layer.norm.running_mean.normal_(generator=generator(0))
    layer.norm.weight.data.normal_(generator=generator(1))
    points = clouds(2, 6, 3)
    neighbours = torch.randint(6, (2, 6, 3), generator=generator(2))
    expected = torch.empty(2, 6, 4, dtype=torch.float64)
    for clip, place in np.ndindex(2, 6):
        point = points[clip, place]
        edges = [
            layer.of_point(point) + layer.of_difference(points[clip, other] - point)
            for other in neighbours[clip, place]
        ]
        edges = torch.nn.functional.leaky_relu(layer.norm(torch.stack(edges)), 0.2)
        expected[clip, place] = edges.amax(0)
    assert_relative(layer(points, neighbours), expected, 1e-12)


def test_absent_people_and_frames_change_no_feature():
    encoder = DGCNN(channels=(8, 8), feature_dim=8, num_neighbours=6).double().eval()
    clips = partly_seen_clips()
    features = encoder(clips)
    assert_relative(encoder(clips[1:2, :1]), features[1:2], 1e-9)
    assert_relative(encoder(clips[2:, :, :4]), features[2:], 1e-9)
    permuted = encoder(clips.flip(1).flip(2))
    assert_relative(permuted, features, 1e-9)  # a cloud has no order
    assert not encoder(torch.zeros_like(clips)).any()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match='num_neighbours must be'):
        DGCNN(num_neighbours=0)
    with pytest.raises(ValueError, match='channels is empty'):
        DGCNN(channels=())
    with pytest.raises(ValueError, match='color_by must be'):
        ColorizationHead('time')
    with pytest.raises(ValueError, match='color_weight must be'):
        ColorizationHead(color_weight=-1)
    with pytest.raises(ValueError, match='chunk_size must be'):
        ColorizationHead(chunk_size=0)
    with pytest.raises(ValueError, match='grid_extent must be'):
        FoldingDecoder(4, 6, grid_extent=0)

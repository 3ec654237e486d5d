"""SeBiReNet's encoder and its denoising head, against a rendering of the release and loops."""

import numpy as np
import pytest
import torch

from halp_mm.models import DenoisingSiameseHead, SeBiReNet, StreamOutputs
from halp_mm.models.modules import BidirectionalRecursiveNetwork, EmbeddingNetwork
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, reference, with_prefix

ARRAYS = reference('sebirenet_own_rendering')
PARENTS = ARRAYS['parents'].tolist()
LAYOUT = dict(
    name='tree',
    joints=[f'joint {i}' for i in range(len(PARENTS))],
    bones=[(f'joint {p}', f'joint {i}') for i, p in enumerate(PARENTS) if p >= 0],
    center=f'joint {PARENTS.index(-1)}',
)
PARTS = ('gates', 'candidate')
HIDDEN, CODE = ARRAYS['state/encoder.pose.kernel'].shape


def load_tree(tree: BidirectionalRecursiveNetwork, state: dict, in_dim: int) -> None:
    """Give a network the cells of the rendering, which concatenates what they read."""
    hidden = tree.hidden_dim

    def kernels(direction: str, joint: int) -> list[torch.Tensor]:
        cell = with_prefix(state, f'{direction}.{joint}.')
        return [cell[f'{part}_{kind}'] for kind in ('kernel', 'bias') for part in PARTS]

    order = tree.order.tolist()
    with torch.no_grad():
        for row, joint in enumerate(order):
            gates, candidate, gates_bias, candidate_bias = kernels('forward', joint)
            update = torch.cat([gates[:, hidden:], candidate], 1)
            tree.up_input[row] = update[:in_dim]
            tree.up_bias[row] = torch.cat([gates_bias[hidden:], candidate_bias])
            children = [child for child, parent in enumerate(PARENTS) if parent == joint]
            for number, child in enumerate(children):
                first = in_dim + number * hidden
                tree.up_child[order.index(child) - 1] = update[first : first + hidden]
            gates, candidate, gates_bias, candidate_bias = kernels('backward', joint)
            both = torch.cat([gates, candidate], 1)
            tree.down_input[row] = both[:in_dim]
            tree.down_bias[row] = torch.cat([gates_bias, candidate_bias])
            if row:
                tree.down_parent[row - 1] = both[in_dim : in_dim + hidden]
            tree.down_gates[row] = gates[-hidden:]
            tree.down_candidate[row] = candidate[-hidden:]


def load_linear(layer: torch.nn.Linear, state: dict, name: str) -> None:
    layer.load_state_dict({'weight': state[f'{name}.kernel'].T, 'bias': state[f'{name}.bias']})


def rendered() -> tuple[SeBiReNet, DenoisingSiameseHead]:
    encoder = SeBiReNet(LAYOUT, hidden_size=HIDDEN, code_dim=CODE)
    state = with_prefix(ARRAYS, 'state/encoder.')
    load_tree(encoder.tree, state, 3)
    load_linear(encoder.code, state, 'pose')
    network = EmbeddingNetwork(dict(type='SeBiReNet', layout=LAYOUT), None)
    network.encoder = encoder
    head = DenoisingSiameseHead(reduction='sum')
    head.connect({'joint': network})
    load_linear(head.view_matrices['joint'], state, 'view')
    decoder = head.decoders['joint']
    state = with_prefix(ARRAYS, 'state/decoder.')
    for place, name in ((0, 'dense1'), (2, 'dense2'), (5, 'out')):
        load_linear(decoder[place], state, name)
    load_tree(decoder[4], state, HIDDEN)
    return encoder.double(), head.double()


def as_clips(poses: torch.Tensor) -> torch.Tensor:
    """Poses ``[N, V, C]`` as clips of one person and frame."""
    return poses[:, None, None]


def outputs(encoder: SeBiReNet, clean, noisy, rotation) -> StreamOutputs:
    return StreamOutputs(
        'joint',
        clips={'clean': clean},
        draws={'rotated': {'rotation': rotation}},
        maps={
            'noisy': encoder.forward_map(noisy),
            'rotated': encoder.forward_map(noisy @ rotation[:, None, None]),
        },
    )


def test_the_encoder_equals_the_rendering():
    encoder, head = rendered()
    feature_map = encoder.forward_map(as_clips(ARRAYS['pose_NJC']))
    codes = encoder.pose_codes(feature_map)[:, 0, 0]
    assert_relative(codes, ARRAYS['pose_feature'], 1e-12)
    assert_relative(encoder.readout(feature_map), ARRAYS['pose_feature'].flatten(1), 1e-12)
    matrix = head.view_matrices['joint'](feature_map[:, 0, :, 0].mT)
    assert_relative(matrix, ARRAYS['view_matrix'], 1e-12)
    assert_relative(codes @ matrix, ARRAYS['encoded'], 1e-12)
    assert_relative(head.decoders['joint'](codes @ matrix), ARRAYS['decoded'], 1e-12)


def test_every_loss_equals_the_rendering():
    encoder, head = rendered()
    clean, noisy = (as_clips(ARRAYS[f'{name}_NJC']) for name in ('clean_pose', 'pose'))
    rotation = ARRAYS['rotation_right'].expand(len(clean), 3, 3)
    losses = head.stream_loss(outputs(encoder, clean, noisy, rotation), TrainingProgress())
    expected = {
        'position': ('position', 'position_rotated'),
        'bone': ('bone', 'bone_rotated'),
        'cross': ('cross_to_rotated', 'cross_to_original'),
        'consistency': ('pose_consistency',),
        'orthogonality': ('orthogonality',),
        'loss': ('without_weight_decay',),
    }
    assert set(losses) == set(expected)
    for name, parts in expected.items():
        wanted = sum(ARRAYS[f'loss_{part}'] for part in parts)
        assert losses[name].item() == pytest.approx(wanted.item(), rel=1e-12), name


def test_absent_people_change_no_loss():
    encoder, head = rendered()
    head.reduction = 'mean'
    clean, noisy = (as_clips(ARRAYS[f'{name}_NJC']) for name in ('clean_pose', 'pose'))
    rotation = ARRAYS['rotation_right'].expand(len(clean), 3, 3)
    alone = head.stream_loss(outputs(encoder, clean, noisy, rotation), TrainingProgress())
    clean, noisy = (torch.cat([clips, torch.zeros_like(clips)], 1) for clips in (clean, noisy))
    both = head.stream_loss(outputs(encoder, clean, noisy, rotation), TrainingProgress())
    for name, value in alone.items():
        assert both[name].item() == pytest.approx(value.item(), rel=1e-12)
    total = ARRAYS['loss_without_weight_decay'].item()
    assert alone['loss'].item() == pytest.approx(total / len(clean), rel=1e-12)


@pytest.mark.parametrize('layout', ['kinect_v2', 'coco17', 'kinect_v1'])
def test_levels_equal_a_walk_over_the_joints(layout):
    encoder = SeBiReNet(layout, num_channels=2, hidden_size=3).double()
    tree, joints = encoder.tree, encoder.layout.num_joints
    parents = encoder.layout.parents
    root = encoder.layout.index(encoder.layout.center)
    poses = torch.randn(4, joints, 2, dtype=torch.float64)
    row = {joint: place for place, joint in enumerate(tree.order.tolist())}
    children = {j: [k for k in range(joints) if parents[k] == j and k != root] for j in row}
    up, down = {}, {}

    def climb(joint: int) -> None:
        gates = poses[:, joint] @ tree.up_input[row[joint]] + tree.up_bias[row[joint]]
        for child in children[joint]:
            climb(child)
            gates = gates + up[child] @ tree.up_child[row[child] - 1]
        update, candidate = gates.chunk(2, 1)
        up[joint] = (1 - update.sigmoid()) * candidate.tanh()

    def descend(joint: int) -> None:
        state = up[joint]
        inputs = poses[:, joint] @ tree.down_input[row[joint]] + tree.down_bias[row[joint]]
        if joint != root:
            inputs = inputs + down[parents[joint]] @ tree.down_parent[row[joint] - 1]
        reset, update = (inputs[:, :6] + state @ tree.down_gates[row[joint]]).sigmoid().chunk(2, 1)
        candidate = inputs[:, 6:] + (reset * state) @ tree.down_candidate[row[joint]]
        down[joint] = update * state + (1 - update) * candidate.tanh()
        for child in children[joint]:
            descend(child)

    climb(root)
    descend(root)
    expected = torch.stack([down[joint] for joint in range(joints)], 1)
    assert_relative(tree(poses), expected, 1e-12)


def test_features_average_the_people_and_frames_that_are_seen():
    encoder = SeBiReNet(hidden_size=4, code_dim=2, num_segments=3)
    clips = torch.randn(2, 2, 7, 25, 3)
    clips[1, 1] = 0
    clips[:, :, 5:] = 0
    feature_map = encoder.forward_map(clips)
    codes = encoder.pose_codes(feature_map).detach().numpy()
    expected = np.zeros((2, 3, 50))
    pieces = [(0, 3), (2, 5), (4, 7)]  # those of adaptive pooling
    for clip, people in enumerate([[0, 1], [0]]):
        for piece, (start, end) in enumerate(pieces):
            frames = range(start, min(end, 5))
            for person in people:
                poses = [codes[clip, person, frame].ravel() for frame in frames]
                expected[clip, piece] += np.mean(poses, 0) / len(people)
    features = encoder.readout(feature_map).detach()
    assert_relative(features, torch.from_numpy(expected).flatten(1), 1e-5)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match='hidden_size must be'):
        SeBiReNet(hidden_size=0)
    with pytest.raises(ValueError, match='cross_weight must be'):
        DenoisingSiameseHead(cross_weight=-1)
    with pytest.raises(ValueError, match="reduction must be 'mean' or 'sum', got 'max'"):
        DenoisingSiameseHead(reduction='max')
    network = EmbeddingNetwork(dict(type='BiGRU', hidden_size=4), None)
    with pytest.raises(ValueError, match=r"pose codes of SeBiReNet.*'joint' is BiGRU"):
        DenoisingSiameseHead().connect({'joint': network})
    _, head = rendered()
    clips = as_clips(ARRAYS['pose_NJC'])
    seen = StreamOutputs('joint', clips={'clean': clips}, maps={})
    with pytest.raises(ValueError, match=r"'rotated' has no known rotation.*RecordedRotate"):
        head.stream_loss(seen, TrainingProgress())

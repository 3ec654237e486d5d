"""H-Transformer: its encoder, labels, loss and choice of frames, against formulas and loops."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import DirectionHead, HierarchicalTransformer, StreamOutputs
from halp_mm.models.heads.direction_head import directions
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS, TRANSFORMS
from halp_mm.testing import check_transform
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import FrameChoice
from tests.helpers import assert_relative, generator, random_clips, reference, with_prefix

ARRAYS = reference('htransformer_own_rendering')
STATE = with_prefix(ARRAYS, 'state/')
JOINTS = ARRAYS['part_of_joint'].numel()
#: The release's order of the trunk's joints, and of the limbs'.
ORDER = [0, 1, 20, 2, 3, *(8, 9, 10, 11, 23, 24), *range(16, 20), *range(12, 16)]
ORDER += [4, 5, 6, 7, 21, 22]
SMALL = dict(num_frames=16, hidden_size=16, num_layers=4, dropout=0.0)


def clips() -> torch.Tensor:
    return ARRAYS['input_NTD'].unflatten(-1, (JOINTS, -1))[:, None].float()


def linear(name: str, *others: str) -> dict[str, torch.Tensor]:
    """A linear layer's state, of several layers one after the other."""
    parts = [with_prefix(STATE, f'{one}/') for one in (name, *others)]
    return {
        'weight': torch.cat([part['kernel'].T for part in parts]),
        'bias': torch.cat([part['bias'] for part in parts]),
    }


def norm(name: str) -> dict[str, torch.Tensor]:
    part = with_prefix(STATE, f'{name}/LayerNorm/')
    return {'weight': part['gamma'], 'bias': part['beta']}


def network_of_release() -> EmbeddingNetwork:
    embeddings = with_prefix(STATE, 'bert/embeddings/')
    num_layers = len(ARRAYS['heads'])
    hidden_size = ARRAYS['feature'].shape[1]
    mlp_ratio = STATE['bert/encoder/layer_0/intermediate/dense/bias'].numel() / hidden_size
    config = dict(
        type='HierarchicalTransformer',
        num_frames=len(embeddings['position_embeddings']),
        hidden_size=hidden_size,
        num_layers=num_layers,
        mlp_ratio=mlp_ratio,
    )
    network = EmbeddingNetwork(config, None)
    encoder = network.encoder
    assert encoder.joint_order.tolist() == ORDER
    with torch.no_grad():
        for part, embedding in enumerate(encoder.embeddings):
            embedding.weight.copy_(embeddings[f'word_embeddings_{part}'].T)
        encoder.segment.copy_(embeddings['token_type_embeddings'])
        encoder.position.copy_(embeddings['position_embeddings'])
    encoder.norm.load_state_dict(norm('bert/embeddings'))
    for number in range(num_layers):
        place = f'bert/encoder/layer_{number}'
        (block,) = encoder.groups[number]
        assert block.attention.num_heads == ARRAYS['heads'][number]
        inner = [f'{place}/attention/self/{name}' for name in ('query', 'key', 'value')]
        block.attention.query_key_value.load_state_dict(linear(*inner))
        block.attention.output.load_state_dict(linear(f'{place}/attention/output/dense'))
        block.attention_norm.load_state_dict(norm(f'{place}/attention/output'))
        block.mlp[0].load_state_dict(linear(f'{place}/intermediate/dense'))
        block.mlp[2].load_state_dict(linear(f'{place}/output/dense'))
        block.mlp_norm.load_state_dict(norm(f'{place}/output'))
    return network.eval()


def head_of_release(network: EmbeddingNetwork) -> DirectionHead:
    place = 'motion/predictions'
    num_units = STATE[f'{place}/joint_transform/dense/kernel'].shape[0]
    head = DirectionHead(num_units=num_units)
    head.connect({'joint': network})
    classifier = head.classifiers['joint']
    for name, layers in (('body', classifier.body), ('joint', classifier.joint)):
        layers[0].load_state_dict(linear(f'{place}/{name}_transform/dense'))
        layers[2].load_state_dict(norm(f'{place}/{name}_transform'))
    classifier.output.load_state_dict(
        {'weight': STATE[f'{place}/flow_cls_weights'], 'bias': STATE[f'{place}/flow_cls_bias']}
    )
    return head


def test_features_equal_the_release():
    network = network_of_release().double()
    encoder = network.encoder
    with torch.no_grad():
        assert_relative(encoder.embed(clips().double()), ARRAYS['embedded'], 1e-5)
        feature_map = encoder.forward_map(clips().double())
        feature = encoder.readout(feature_map)
    assert_relative(feature_map[:, 0, :, :, 0].mT, ARRAYS['sequence'], 1e-5)
    assert_relative(feature, ARRAYS['feature'], 1e-5)
    place = 'cls/action_recognition/output'
    scores = F.linear(feature, STATE[f'{place}_weights'].double(), STATE[f'{place}_bias'].double())
    assert_relative(scores, ARRAYS['class_scores'], 1e-5)


def test_loss_equals_the_release_and_a_loop():
    network = network_of_release().double()
    head = head_of_release(network).double()
    inputs, positions = clips().double(), ARRAYS['positions']
    found = directions(ARRAYS['input_NTD'].unflatten(-1, (JOINTS, -1))[:, None])
    rows = torch.arange(len(positions))[:, None]
    assert torch.equal(found[rows, 0, positions], ARRAYS['direction_label'])
    with torch.no_grad():
        outputs = StreamOutputs(
            'joint',
            clips={'clean': inputs},
            draws={'chosen': {'chosen_frames': positions}},
            maps={'chosen': network.map_of(inputs)},
        )
        sequence = ARRAYS['sequence'][rows, positions].double()
        logits = head.classifiers['joint'](sequence)
        made = head.loss({'joint': outputs}, TrainingProgress())['joint']
    assert_relative(logits, ARRAYS['logits'], 1e-5)
    assert_relative(made['loss'], ARRAYS['loss'], 1e-6)
    errors, hits = [], []
    for clip, one in enumerate(positions.tolist()):
        for k, _ in enumerate(one):
            for joint in range(JOINTS):
                target = int(ARRAYS['direction_label'][clip, k, joint]) + 8 * joint
                scores = logits[clip, k, joint]
                errors.append(float(scores.exp().sum().log() - scores[target]))
                hits.append(int(scores.argmax()) == target)
    assert abs(sum(errors) / len(errors) - float(made['loss'])) < 1e-6
    assert abs(sum(hits) / len(hits) - float(made['accuracy'])) < 1e-6


def test_frames_without_a_choice_or_a_person_do_not_count():
    network = EmbeddingNetwork(dict(type='HierarchicalTransformer', num_people=2, **SMALL), None)
    head = DirectionHead(num_units=3)
    head.connect({'joint': network})
    inputs = torch.randn(2, 2, 8, 25, 3, generator=generator())
    inputs[0, 1] = 0
    frames = torch.tensor([[3, 5, -1], [7, -1, -1]])
    feature_map = network.map_of(inputs).detach()
    made = head.loss(
        {
            'joint': StreamOutputs(
                'joint',
                clips={'clean': inputs},
                draws={'chosen': {'chosen_frames': frames}},
                maps={'chosen': feature_map},
            )
        },
        TrainingProgress(),
    )['joint']
    errors = []
    for clip, person, frame in ((0, 0, 3), (0, 0, 5), (1, 0, 7), (1, 1, 7)):
        logits = head.classifiers['joint'](feature_map[clip, 0, :, frame, 0][None, None])[0, 0]
        for joint in range(25):
            motion = (
                inputs[clip, person, frame + 1] - inputs[clip, person, frame]
                if frame < 7
                else torch.zeros(25, 3)
            )
            x, y, z = (motion[joint] > 0).tolist()
            place = 25 * person + joint
            target = torch.tensor(x + 2 * y + 4 * z + 8 * place)
            errors.append(F.cross_entropy(logits[place], target))
    assert torch.allclose(made['loss'], torch.stack(errors).mean(), atol=1e-6)


def test_staying_and_leaving_are_no_growth():
    inputs = torch.zeros(1, 1, 4, 25, 3)
    inputs[:, :, 0] = -1
    inputs[:, :, 1:3] = -0.5
    assert directions(inputs)[0, 0, :, 0].tolist() == [7, 0, 0, 0]


def test_padding_does_not_matter_but_hidden_frames_do():
    encoder = HierarchicalTransformer(**SMALL).eval()
    long = torch.randn(1, 1, 12, 25, 3, generator=generator())
    long[:, :, 9:] = 0
    features = encoder.forward_map(long)
    assert not features[:, :, :, 9:].any()
    encoder.position.data[9:] += 1
    assert torch.equal(encoder.forward_map(long), features)
    mask = torch.zeros(long.shape[:-1], dtype=torch.bool)
    mask[:, :, 9:] = True
    assert encoder.forward_map(long, mask)[:, :, :, 9:].any()


@pytest.mark.parametrize('hides', [False, True])
def test_chosen_frames(hides):
    batch = random_clips((20, 7, 3), people=1)
    choice = FrameChoice(0.15, hides)
    made = choice(batch, generator())
    chosen = made.draws['chosen_frames']
    assert [sorted(set(row) - {-1}) for row in chosen.tolist()] == [
        sorted(frame for frame in row if frame >= 0) for row in chosen.tolist()
    ]
    assert (chosen >= 0).sum(1).tolist() == [3, 1, 1]
    assert (chosen < batch.num_frames[:, None]).all()
    assert torch.equal(made.coordinates, batch.coordinates)
    assert ('mask' in made.draws) == hides
    if hides:
        for mask, frames in zip(made.draws['mask'], chosen.tolist()):
            expected = [t in frames for t in range(mask.shape[1])]
            assert mask.all(-1)[0].tolist() == mask.any(-1)[0].tolist() == expected


def test_every_frame_is_chosen_as_often():
    frames = FrameChoice(0.3).draw(random_clips((10,) * 2000, people=1), generator())
    counts = frames['chosen_frames'].flatten().bincount()
    assert len(counts) == 10
    assert ((counts - 600).abs() < 100).all()


def test_the_choice_keeps_its_promises():
    check_transform(FrameChoice())
    check_transform(FrameChoice(hides=True))


def test_padding_becomes_a_pose_as_in_the_release():
    batch = random_clips((5, 3), people=1)
    made = TRANSFORMS.build(dict(type='MinMaxNormalize', counts_padding=True))(batch)
    assert made.num_frames.tolist() == [5, 5]
    for before, after in zip(batch.coordinates[:, 0], made.coordinates[:, 0]):
        for axis in range(3):
            low, high = before[..., axis].min(), before[..., axis].max()
            expected = 2 * (before[..., axis] - low) / (high - low) - 1
            assert torch.allclose(after[..., axis], expected, atol=1e-5)


def test_a_pretrainer_learns_from_hidden_frames():
    model = MODELS.build(
        dict(
            type='Pretrainer',
            encoder=dict(type='HierarchicalTransformer', **SMALL),
            heads=dict(direction=dict(type='DirectionHead', num_units=2)),
        )
    )
    batch = FrameChoice(hides=True)(random_clips((8, 6), people=1), generator())
    hidden = batch.coordinates.masked_fill(batch.draws['mask'][..., None], 0)
    views = {'clean': {'joint': batch.coordinates}, 'chosen': {'joint': hidden}}
    losses = model.loss(views, {'clean': {}, 'chosen': batch.draws}, TrainingProgress())
    total, _ = model.parse_losses(losses)
    total.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: HierarchicalTransformer(hidden_size=12), 'hidden_size=12; expected a multiple'),
        (lambda: HierarchicalTransformer(num_layers=6), 'num_layers=6; expected a multiple of 4'),
        (lambda: HierarchicalTransformer('hand21', **SMALL), "'hand21' has no right_arm and no"),
        (
            lambda: HierarchicalTransformer(**SMALL)(torch.ones(1, 1, 17, 25, 3)),
            'up to num_frames=16 frames; found 17',
        ),
        (lambda: FrameChoice(1.5), 'ratio'),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_view_without_chosen_frames_is_named():
    head = DirectionHead()
    head.connect({'joint': EmbeddingNetwork(dict(type='HierarchicalTransformer', **SMALL), None)})
    with pytest.raises(ValueError, match='add the transform FrameChoice'):
        head.loss({'joint': StreamOutputs('joint')}, TrainingProgress())

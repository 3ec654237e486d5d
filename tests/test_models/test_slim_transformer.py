"""SLiM's encoder, against its formulas, and the teacher that follows it."""

import math

import pytest
import torch

from halp_mm.models import SLiMTransformer
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, random_clips, reference, with_prefix

VECTORS = reference('slim_encoder_own_rendering')
#: The release's names, and the names used here.
NAMES = {
    'norm1.': 'attention_norm.',
    'norm2.': 'mlp_norm.',
    'attn.qkv.': 'attention.query_key_value.',
    'attn.proj.': 'attention.output.',
    'mlp.w12.': 'mlp.gate_and_hidden.',
    'mlp.w3.': 'mlp.output.',
}
SMALL = dict(embed_dim=8, depth=2, num_heads=2)


def released(**options) -> SLiMTransformer:
    state = with_prefix(VECTORS, 'state/')
    weight = state.pop('patch_embed.proj.weight')  # [D, C, frames, 1]
    position = state.pop('pos_embed')[0]
    renamed = {
        'token_embedding.weight': weight[..., 0].transpose(1, 2).flatten(1),
        'token_embedding.bias': state.pop('patch_embed.proj.bias'),
        'class_token': state.pop('cls_token')[0] + position[:1],
        'joint_embedding': position[1:],
        'registers': state.pop('register_tokens')[0],
        'mask_token': state.pop('mask_token')[0],
    }
    for key, value in state.items():
        for theirs, ours in NAMES.items():
            key = key.replace(theirs, ours)
        renamed[key] = value
    encoder = SLiMTransformer(
        cell_frames=weight.shape[2],
        embed_dim=len(weight),
        depth=len({key.split('.')[1] for key in renamed if key.startswith('blocks.')}),
        num_heads=int(VECTORS['num_heads']),
        num_registers=int(VECTORS['num_registers']),
        rotary_base=float(VECTORS['rope_base']),
        **options,
    )
    encoder.load_state_dict(renamed)
    assert encoder.norm.eps == VECTORS['layernorm_eps']
    return encoder.eval()


def clips_and_mask() -> tuple[torch.Tensor, torch.Tensor]:
    clips = VECTORS['input_NCTVM'].permute(0, 4, 2, 3, 1)
    clips = clips * VECTORS['valid_person_NM'][..., None, None, None]
    people, frames, joints = clips.shape[1:4]
    cells = VECTORS['mask'].view(len(clips), people, -1, joints)
    return clips, cells.repeat_interleave(frames // cells.shape[2], 2)


def test_equals_the_formulas():
    encoder = released()
    clips, mask = clips_and_mask()
    is_valid = VECTORS['valid_person_NM'].flatten().bool()
    dim = encoder.map_dim // 2
    for hidden, suffix in ((None, ''), (mask, '_masked')):
        places = encoder.forward_map(clips, hidden).permute(0, 1, 3, 4, 2)
        places = places.flatten(2, 3).flatten(0, 1).detach()
        assert_relative(places[is_valid, :, dim:], VECTORS[f'patch{suffix}'][is_valid], 1e-5)
        assert_relative(places[is_valid, 0, :dim], VECTORS[f'cls{suffix}'][is_valid], 1e-5)
        assert torch.equal(places[is_valid, 0, :dim], places[is_valid, 7, :dim])
        assert not places[~is_valid].any()
    feature = encoder(clips).detach()
    assert_relative(feature, VECTORS['linear_feature_1block_avgpool'], 1e-5)
    concatenated = released(concatenated_people=clips.shape[1])
    assert concatenated.feature_dim == 2 * encoder.feature_dim
    found = torch.nn.functional.normalize(concatenated(clips).detach())
    assert_relative(found, VECTORS['knn_feature'], 1e-5)


def test_class_tokens_of_several_blocks_are_parts_of_the_feature():
    one, two = released(), released(class_blocks=2)
    clips, _ = clips_and_mask()
    parts = dict(zip(two.feature_parts, two(clips).split(list(two.feature_parts.values()), 1)))
    assert list(parts) == ['class_1', 'class', 'tokens']
    torch.testing.assert_close(torch.cat([parts['class'], parts['tokens']], 1), one(clips))
    one.blocks = one.blocks[:1]
    torch.testing.assert_close(parts['class_1'], one(clips)[:, : one.map_dim // 2])


def test_the_papers_size():
    encoder = SLiMTransformer()
    assert abs(sum(p.numel() for p in encoder.parameters()) / 6.37e6 - 1) < 0.001
    assert encoder.blocks[0].mlp.output.in_features == 688


def test_hidden_tokens_do_not_matter_and_the_length_is_free():
    encoder = SLiMTransformer(**SMALL).eval()
    clips = random_clips([24, 24], people=1).coordinates
    mask = torch.zeros(clips.shape[:4], dtype=torch.bool)
    mask[:, :, 8:16, 3] = True
    changed = torch.where(mask[..., None], clips + 1, clips)
    assert torch.equal(encoder.forward_map(changed, mask), encoder.forward_map(clips, mask))
    assert not torch.allclose(encoder(changed), encoder(clips))
    assert encoder.forward_map(clips[:, :, :8]).shape == (2, 1, 16, 1, 25)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(class_blocks=3), 'class_blocks is 3; there are depth=2 blocks'),
        (dict(embed_dim=6, num_heads=2), 'entries; rotations need an even number'),
        (dict(num_heads=3), 'num_heads=3 does not divide the length 8'),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        SLiMTransformer(**{**SMALL, **options})


def test_wrong_clips():
    with pytest.raises(ValueError, match=r'cell_frames=8 frames; found 12 frames'):
        SLiMTransformer(**SMALL)(random_clips([12]).coordinates)
    with pytest.raises(ValueError, match=r'concatenates 1 people; found 2'):
        SLiMTransformer(**SMALL, concatenated_people=1)(random_clips([8]).coordinates)


def slim_model(**options):
    """A small model with all of SLiM's heads."""
    return MODELS.build(
        dict(
            type='Pretrainer',
            encoder=dict(type='SLiMTransformer', **SMALL),
            heads=dict(
                glcl=dict(
                    type='PrototypeHead',
                    student_views=['masked', 'local'],
                    teacher_views=['whole'],
                    masked_views=dict(masked='whole'),
                    part='class',
                ),
                mfp=dict(type='MaskedPrototypeHead', views=dict(masked='whole')),
            ),
            data_preprocessor=dict(
                type='SkeletonPreprocessor',
                views=dict(
                    whole=[],
                    masked=dict(base='whole', transforms=[dict(type='SemanticTubeMask')]),
                    local=[dict(type='CenterCropResize', num_frames=8)],
                ),
            ),
            **options,
        )
    )


def step(model, progress: TrainingProgress) -> dict[str, torch.Tensor]:
    clips = random_clips([16, 16, 16])
    data = dict(
        clips=clips.coordinates,
        num_frames=clips.num_frames,
        layout=clips.layout,
        labels=None,
        normalized=True,
        progress=progress,
    )
    batch = model.data_preprocessor(data, training=True)
    return model(**batch, mode='loss')


def test_the_teachers_momentum_grows_along_a_cosine():
    model = slim_model(momentum=0.9, final_momentum=1.0)
    found = [model.momentum_at(TrainingProgress(e, 5 * e, 5, max_epochs=8)) for e in (0, 2, 4, 8)]
    expected = [1 - 0.1 * (1 + math.cos(math.pi * e / 8)) / 2 for e in (0, 2, 4, 8)]
    assert found == pytest.approx(expected)
    assert model.momentum_at(TrainingProgress()) == 0.9
    assert slim_model(momentum=0.9).momentum_at(TrainingProgress(8, 8, max_epochs=8)) == 0.9


@pytest.mark.parametrize('epoch', [0, 8])
def test_copies_of_networks_and_heads_follow_with_one_momentum(epoch):
    model = slim_model(momentum=0.5, final_momentum=1.0)
    followed = [
        (model.query_networks, model.key_networks.module),
        *((head.students, head.teachers.module) for head in model.heads.values()),
    ]
    for student, _ in followed:
        for parameter in student.parameters():
            parameter.data += 1
    losses = step(model, TrainingProgress(epoch, epoch, max_epochs=8))
    assert {'joint/glcl/loss', 'joint/mfp/loss', 'joint/mfp/hidden'} <= set(losses)
    for student, teacher in followed:
        for one, other in zip(student.parameters(), teacher.parameters()):
            torch.testing.assert_close(one - other, torch.full_like(one, 0.5 if epoch == 0 else 1))
    total, _ = model.parse_losses(losses)
    total.backward()
    assert model.query_networks['joint'].encoder.mask_token.grad.any()
    model.init_weights()
    for student, teacher in followed:
        assert all(map(torch.equal, student.parameters(), teacher.parameters()))

"""DSTE, the encoder of USDRL, against the release and against its description."""

import pytest
import torch

from halp_mm.models import DSTE, Projector
from halp_mm.models.encoders.dste import sinusoids
from tests.helpers import assert_relative, random_clips, reference, with_prefix

#: The release's names, and the names used here.
NAMES = {
    'ske_emb.t_embedding.': 'frames.embedding.',
    'ske_emb.s_embedding.': 'joints.embedding.',
    't_tr.': 'frames.layers.0.',
    't_tr1.': 'frames.layers.1.',
    's_tr.': 'joints.layers.0.',
    's_tr1.': 'joints.layers.1.',
    'DSA.attn.in_proj_': 'block.attention.query_key_value.',
    'DSA.attn.out_proj.': 'block.attention.output.',
    'DSA.norm1.': 'block.attention_norm.',
    'DSA.norm2.': 'block.mlp_norm.',
    'DSA.mlp.fc1.': 'block.mlp.0.',
    'DSA.mlp.fc2.': 'block.mlp.2.',
    'DSA.wt1.': 'mixing.0.',
    'DSA.wt2.': 'mixing.2.',
    'CA.conv1.': 'change.',
    'CA.norm1.': 'changed_norm.',
    'CA.norm2.': 'attended_norm.',
    'CA.mlp.fc1.': 'mlp.0.',
    'CA.mlp.fc2.': 'mlp.2.',
    'spe': 'joints.position',
}


def released(arrays: dict) -> tuple[DSTE, torch.Tensor]:
    """The release's encoder, and its clips."""
    state = with_prefix(arrays, 'state/backbone.')
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    hidden, dim = state['t_tr.CA.mlp.fc1.weight'].shape
    encoder = DSTE(num_frames=clips.shape[2], embed_dim=dim, mlp_ratio=hidden / dim)
    renamed = {}
    for key, value in state.items():
        if 'CA.attn' in key or key == 'tpe.pe':  # shared with DSA, and fixed
            continue
        for theirs, ours in NAMES.items():
            key = key.replace(theirs, ours)
        value = value[0] if key == 'joints.position' else value
        renamed[key] = value[..., 0] if 'change.weight' in key else value
    encoder.load_state_dict(renamed)
    return encoder.eval(), clips


def test_equals_the_release():
    arrays = reference('usdrl_dste_released')
    encoder, clips = released(arrays)
    state = with_prefix(arrays, 'state/')
    assert_relative(encoder.frames.position, state['backbone.tpe.pe'][0, : clips.shape[2]], 1e-6)
    feature_map = encoder.forward_map(clips).detach()
    frames, joints = feature_map[:, 0, :, :, 0].mT.split([clips.shape[2], 50], 1)
    assert_relative(frames, arrays['temporal_NTD'], 1e-5)
    assert_relative(joints, arrays['spatial_NVD'], 1e-5)
    feature = encoder.readout(feature_map)
    assert_relative(feature, arrays['feature'], 1e-5)
    parts = feature.split(list(encoder.feature_parts.values()), 1)
    for name, part in zip(('temporal', 'spatial', 'instance'), (*parts, feature)):
        weights = with_prefix(state, f'{name[0]}_proj.')
        projector = Projector(
            part.shape[1],
            [weights['0.bias'].numel(), weights['3.bias'].numel()],
            weights['6.bias'].numel(),
            normalize=False,
            batch_norm=True,
        ).eval()
        projector.layers.load_state_dict(weights)
        assert_relative(projector(part).detach(), arrays[f'z_{name}'], 1e-5)


def test_the_papers_size():
    with torch.device('meta'):
        encoder = DSTE(init_cfg=None)
    assert abs(sum(p.numel() for p in encoder.parameters()) / 57.1e6 - 1) < 0.01
    assert encoder.feature_dim == 2048


def test_every_fourth_token_is_not_mixed():
    layer = DSTE(num_frames=9, embed_dim=4, depth=1).frames.layers[0]
    assert layer.is_kept.flatten().nonzero().flatten().tolist() == [0, 4, 8]


def test_positions_are_those_of_transformers():
    table = sinusoids(50, 6)
    for position in (0, 1, 49):
        for i in range(3):
            angle = torch.tensor(position / 10000 ** (2 * i / 6), dtype=torch.float64)
            assert table[position, 2 * i].item() == pytest.approx(angle.sin().item(), abs=1e-7)
            assert table[position, 2 * i + 1].item() == pytest.approx(angle.cos().item(), abs=1e-7)


def test_wrong_clips_and_settings():
    encoder = DSTE(num_frames=8, embed_dim=4, depth=1)
    with pytest.raises(ValueError, match=r'num_frames=8 frames; found 7. Resize the views'):
        encoder(random_clips([7]).coordinates)
    with pytest.raises(ValueError, match='embed_dim is 3; sines and cosines need an even number'):
        DSTE(embed_dim=3)
    with pytest.raises(ValueError, match='num_heads=3 does not divide the length 4'):
        DSTE(embed_dim=4, num_heads=3)

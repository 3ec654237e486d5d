"""GL-Transformer: its encoder, targets and losses, against the release."""

import pytest
import torch
import torch.nn.functional as F

from halp_mm.models import DisplacementHead, GLTransformer
from halp_mm.models.heads.displacement_head import DisplacementClassifier, displacements
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import assert_relative, random_clips, reference

PEOPLE = 2
PADDING = reference('gltransformer_targets_released')['pad_value'].float()
#: The release's names, and the names used here.
NAMES = {
    'emb_global.': 'trajectory_embedding.',
    'emb.': 'embedding.',
    'encoder_blocks.': 'blocks.',
    'positional_emb': 'position',
    'norm1_sp.': 'joint_norm.',
    'norm1_tm.': 'frame_norm.',
    'norm2.': 'mlp_norm.',
    'attention_sp.': 'joint_attention.',
    'attention_tm.': 'frame_attention.',
    'qkv.': 'query_key_value.',
    'proj.': 'output.',
    'feedforward.fc1.': 'mlp.0.',
    'feedforward.fc2.': 'mlp.3.',
}


def in_clip_order(joints: torch.Tensor) -> torch.Tensor:
    """``[N, C, T, V * M]``, joint by joint, to ``[N, M, T, V, C]``."""
    return joints.unflatten(3, (-1, PEOPLE)).permute(0, 4, 2, 3, 1)


def released_encoder(arrays: dict) -> GLTransformer:
    state = {
        key.removeprefix('state/transformer.'): value
        for key, value in arrays.items()
        if key.startswith('state/transformer.') and 'pred_token' not in key
    }
    hidden = state['encoder_blocks.0.feedforward.fc1.bias'].numel()
    encoder = GLTransformer(
        num_frames=state['encoder_blocks.0.positional_emb'].shape[1],
        embed_dim=state['emb.bias'].numel(),
        depth=len({key.split('.')[1] for key in state if key.startswith('encoder_blocks.')}),
        num_heads=int(arrays['num_heads']),
        mlp_ratio=hidden / state['norm.bias'].numel(),
    )
    renamed = {}
    for key, value in state.items():
        for released, ours in NAMES.items():
            key = key.replace(released, ours)
        renamed[key] = value[0] if key.endswith('position') else value
    encoder.load_state_dict(renamed)
    return encoder.eval()


def test_features_equal_the_release():
    arrays = reference('gltransformer_encoder_released')
    encoder = released_encoder(arrays)
    clips = in_clip_order(arrays['input_NCFV'])
    is_padding = clips[..., 0] == PADDING
    clips = clips.masked_fill(is_padding[..., None], 0)
    is_seen = ~is_padding[:, 0, :, 0]
    with torch.no_grad():
        feature_map = encoder.forward_map(clips)
        features = feature_map[:, 0, :, :, 0].mT
    assert_relative(features[is_seen], arrays['feature_NFD'][is_seen], 1e-5)
    assert not features[~is_seen].any()
    scores = F.linear(
        encoder.readout(feature_map), arrays['state/linear.weight'], arrays['state/linear.bias']
    )
    assert_relative(scores, arrays['class_scores'], 1e-5)


def test_classifiers_equal_the_release():
    arrays = reference('gltransformer_heads_released')
    joints = arrays['direction_logits_NCFV'].shape[3] // PEOPLE
    classifier = DisplacementClassifier(arrays['feature_NFD'].shape[2], 1, joints, PEOPLE)
    for name, released in (('direction', 'dir'), ('magnitude', 'mag')):
        prefix = f'state/{released}_pred_list.0.linear.0.'
        layer = classifier.layers[name][0]
        layer.load_state_dict({key: arrays[prefix + key] for key in ('weight', 'bias')})
        logits = classifier(arrays['feature_NFD'], name).detach()  # [N, T, 1, V, M, classes]
        logits = logits[:, :, 0].flatten(2, 3).permute(0, 3, 1, 2)
        assert_relative(logits, arrays[f'{name}_logits_NCFV'], 1e-5)


def released_classes(classes: torch.Tensor) -> torch.Tensor:
    """``[N, T, R, V, M]`` in the release's order: by interval, joint and person."""
    return classes.flatten(2)


def test_targets_equal_the_release():
    arrays = reference('gltransformer_targets_released')
    clips = in_clip_order(arrays['position_NCFU'])
    is_seen = clips[:, 0, :, 0, 0] != PADDING
    clips = clips.masked_fill(~is_seen[:, None, :, None, None], 0)
    made = displacements(clips, arrays['intervals'].tolist(), 0.01)
    for name in ('direction', 'magnitude'):
        found = released_classes(getattr(made, name))
        assert torch.equal(found[is_seen], arrays[f'{name}_NFU'][is_seen])


@pytest.mark.parametrize('as_released', [True, False])
def test_losses(as_released):
    """Against the release, and as the paper has them against a loop over rows."""
    arrays = reference('gltransformer_losses_released')
    clips = in_clip_order(arrays['position_NCFU'])
    is_seen = clips[:, 0, :, 0, 0] != PADDING
    intervals = arrays['intervals'].tolist()
    head = DisplacementHead(intervals=intervals, as_released=as_released)
    center, terms = 20, {}
    for name in ('direction', 'magnitude'):
        logits, target = arrays[f'{name}_logits'], arrays[f'{name}_NFU']
        terms[name] = head.cross_entropy(
            logits.permute(0, 2, 3, 1).unflatten(2, (len(intervals), -1, PEOPLE)),
            target.unflatten(2, (len(intervals), -1, PEOPLE)),
            is_seen,
            center,
        )
        rows = {'joint': [], 'global': []}
        error = F.cross_entropy(logits, target, reduction='none')
        for n, t in is_seen.nonzero().tolist():
            for u in range(target.shape[2]):
                interval, joint = divmod(u // PEOPLE, target.shape[2] // PEOPLE // len(intervals))
                is_path = joint == center and (interval == 0 or not as_released)
                rows['global' if is_path else 'joint'].append(error[n, t, u].item())
        means = {kind: sum(errors) / len(errors) for kind, errors in rows.items()}
        expected = means['joint'] + float(arrays['lambda_global']) * means['global']
        assert terms[name].item() == pytest.approx(expected, rel=1e-6)
        if as_released:
            assert len(rows['joint']) == int(arrays['num_rows_joint'])
            for kind, mean in means.items():
                assert_relative(torch.tensor(mean), arrays[f'loss_{name}_{kind}'], 1e-6)
    if as_released:
        total = terms['direction'] + float(arrays['lambda_mag']) * terms['magnitude']
        assert_relative(total, arrays['loss'], 1e-6)


def test_a_head_learns_on_any_recurrent_encoder():
    model = MODELS.build(
        dict(
            type='Pretrainer',
            encoder=dict(type='BiGRU', hidden_size=4, num_layers=1),
            heads=dict(displacement=dict(type='DisplacementHead', intervals=(1, 3))),
        )
    )
    clips = random_clips((8, 5)).coordinates
    losses = model.loss({'clean': {'joint': clips}}, {}, TrainingProgress())
    losses['joint/displacement/loss'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters() if p.ndim > 1)


def test_padding_and_nobody_have_no_part():
    encoder = GLTransformer(num_frames=9, embed_dim=4, depth=2, num_heads=2, dropout=0.0).eval()
    clips = random_clips((7, 4, 9), dtype=torch.float32).coordinates
    alone = encoder(clips[1:2, :, :4])
    torch.testing.assert_close(encoder(clips)[1:2], alone)
    assert not encoder(torch.zeros(1, 2, 9, 25, 3)).any()


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: GLTransformer(embed_dim=6, num_heads=4), 'num_heads=4 does not divide'),
        (lambda: GLTransformer(num_frames=8)(torch.ones(1, 2, 9, 25, 3)), 'up to num_frames=8 fr'),
        (lambda: DisplacementHead(intervals=(1, 1)), 'intervals'),
        (lambda: connected(dict(type='STGCN', base_channels=4, feature_dim=8)), 'STGCN separates'),
        (lambda: connected(dict(type='BiGRU', hidden_size=4, num_channels=2)), 'num_channels=2'),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def connected(encoder: dict) -> DisplacementHead:
    head = DisplacementHead()
    head.connect({'joint': EmbeddingNetwork(encoder, None)})
    return head

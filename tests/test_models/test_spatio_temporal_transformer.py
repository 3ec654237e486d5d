"""The transformer over joints and time and its decoder, against the release of MAMP."""

import pytest
import torch

from halp_mm.models import (
    MaskedPredictionHead,
    SpatioTemporalTransformer,
    StreamOutputs,
    TransformerDecoder,
)
from halp_mm.models.converters.released_mamp import rename_released
from halp_mm.models.modules import EmbeddingNetwork
from halp_mm.registry import MODELS
from halp_mm.skeletons import Clips, get_layout
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import MotionAwareMask, SpatioTemporalMask
from tests.helpers import assert_relative, generator, random_clips, reference

METHODS = ['mamp', 'mae']
SMALL = dict(num_frames=16, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2)


def state_of(arrays: dict, prefix: str = 'state/') -> dict:
    return {key.removeprefix(prefix): value for key, value in arrays.items() if prefix in key}


def released_encoder(arrays: dict, **kwargs) -> tuple[dict, dict]:
    """The config of the released encoder, and its and the decoder's weights."""
    state = state_of(arrays)
    head = {name for name in state if name.startswith(('head.', 'finetune_head.'))}
    weights = rename_released({name: state[name] for name in state.keys() - head})
    dim = state['norm.weight'].numel()
    channels = state['joints_embed.proj.weight'].shape[1]
    cell_frames = state['joints_embed.proj.weight'].shape[2]
    depth = len({name.split('.')[1] for name in state if name.startswith('blocks.')})
    config = dict(
        type='SpatioTemporalTransformer',
        num_channels=channels,
        num_frames=arrays['input_NCTVM'].shape[2],
        cell_frames=cell_frames,
        embed_dim=dim,
        depth=depth,
        num_heads=int(arrays['num_heads']),
        mlp_ratio=float(arrays['mlp_ratio']),
        **kwargs,
    )
    return config, weights


def part(weights: dict, name: str) -> dict:
    return {
        key.removeprefix(f'{name}.'): value
        for key, value in weights.items()
        if key.startswith(f'{name}.')
    }


def released_clips(arrays: dict) -> Clips:
    clips = arrays['input_NCTVM'].permute(0, 4, 2, 3, 1)
    return Clips(clips, torch.full([len(clips)], clips.shape[2]), get_layout('kinect_v2'))


def mask_of(method: str, arrays: dict, ratio: float, cell_frames: int):
    tau = float(arrays['motion_aware_tau'])
    if method == 'mae':
        return SpatioTemporalMask(ratio, cell_frames)
    return MotionAwareMask(ratio, cell_frames, tau)


def drawn(transform, clips: Clips, noise: torch.Tensor) -> Clips:
    """Apply a mask with the release's uniform draws."""
    scores = transform.scores(clips, noise).flatten(2)
    num_visible = int(scores.shape[-1] * (1 - transform.ratio))
    return transform.apply(clips, visible=scores.argsort(-1)[..., :num_visible])


@pytest.mark.parametrize('method', METHODS)
def test_masks_equal_the_release(method):
    arrays = reference(f'{method}_pretrain_released')
    clips = released_clips(arrays)
    people, _, joints = clips.coordinates.shape[1:4]
    cell_frames = arrays['state/joints_embed.proj.weight'].shape[2]
    noise = arrays['uniform_draw'].view(len(clips), people, -1, joints)
    for name, ratio in (('mask', float(arrays['mask_ratio'])), ('mask_ratio80', 0.8)):
        made = drawn(mask_of(method, arrays, ratio, cell_frames), clips, noise)
        hidden = made.draws['mask'][:, :, ::cell_frames].flatten(2).flatten(0, 1)
        assert torch.equal(hidden, arrays[name].bool())
        assert torch.equal(made.draws['mask'][:, :, 0], made.draws['mask'][:, :, cell_frames - 1])
        assert made.draws['visible'].shape[-1] == int((1 - arrays[name][0]).sum())


@pytest.mark.parametrize('method', METHODS)
def test_pretraining_equals_the_release(method):
    arrays = reference(f'{method}_pretrain_released')
    config, weights = released_encoder(arrays, absent_people='counted')
    network = EmbeddingNetwork(config, None).eval()
    network.encoder.load_state_dict(part(weights, 'encoder'))
    clips = released_clips(arrays)
    people, joints = clips.coordinates.shape[1], clips.coordinates.shape[3]
    cell_frames = network.encoder.cell_frames
    noise = arrays['uniform_draw'].view(len(clips), people, -1, joints)
    ratio = float(arrays['mask_ratio'])
    draws = drawn(mask_of(method, arrays, ratio, cell_frames), clips, noise).draws
    feature_map = network.map_of(clips.coordinates, draws['visible'])
    tokens = feature_map.permute(0, 1, 3, 4, 2).flatten(2, 3)
    index = draws['visible'][..., None].expand(-1, -1, -1, tokens.shape[-1])
    assert_relative(tokens.gather(2, index).flatten(0, 1), arrays['latent'], 1e-5)
    # The feature is the mean over what is visible.
    torch.testing.assert_close(
        network.encoder.readout(feature_map),
        arrays['latent'].unflatten(0, (-1, people)).mean((1, 2)),
    )
    outputs = StreamOutputs(
        'joint',
        clips={'clean': clips.coordinates},
        draws={'masked': draws},
        maps={'masked': feature_map},
    )
    decoder_depth = len({n.split('.')[2] for n in weights if n.startswith('decoder.blocks.')}) - 1
    decoder = dict(
        type='TransformerDecoder',
        depth=decoder_depth,
        num_heads=config['num_heads'],
        mlp_ratio=config['mlp_ratio'],
    )
    for cells, loss in ((cell_frames, 'loss_normalised_target'), (None, 'loss_raw_target')):
        head = MaskedPredictionHead(
            target='motion' if method == 'mamp' else 'coordinates',
            cell_frames=cells,
            decoder=decoder,
            absent_people='counted',
        )
        head.connect({'joint': network})
        head.decoders['joint'].load_state_dict(part(weights, 'decoder'))
        results = head.stream_loss(outputs, TrainingProgress())
        assert_relative(results['loss'].detach(), arrays[loss], 1e-5)
    predicted = head.decoders['joint'](feature_map, draws['mask'])
    target = head.targets(clips.coordinates)
    for values, name in ((predicted, 'prediction'), (target, 'target_unnormalised')):
        cells = values.detach().unflatten(2, (-1, cell_frames)).transpose(3, 4).flatten(4)
        assert_relative(cells.flatten(2, 3).flatten(0, 1), arrays[name], 1e-5)


def test_features_equal_the_release():
    arrays = reference('mamp_downstream_released')
    config, weights = released_encoder(arrays, absent_people='counted')
    encoder = MODELS.build(config).eval()
    encoder.load_state_dict(part(weights, 'encoder'))
    feature_map = encoder.forward_map(released_clips(arrays).coordinates)
    assert_relative(feature_map.permute(0, 1, 3, 4, 2).detach(), arrays['tokens_NMTVD'], 1e-5)
    feature = encoder.readout(feature_map).detach()
    assert_relative(feature, arrays['feature'], 1e-5)
    scores = feature @ arrays['state/head.fc.weight'].T + arrays['state/head.fc.bias']
    assert_relative(scores, arrays['linear_scores'], 1e-5)


def test_absent_people_have_no_part():
    encoder = SpatioTemporalTransformer(**SMALL).double().eval()
    clips = random_clips((16, 16), dtype=torch.float64).coordinates
    alone = encoder(clips[1:, :1])
    torch.testing.assert_close(encoder(clips)[1:], alone)
    later_slot = clips[1:].flip(1)
    torch.testing.assert_close(encoder(later_slot), alone)
    counted = SpatioTemporalTransformer(**SMALL, absent_people='counted').double().eval()
    counted.load_state_dict(encoder.state_dict())
    assert not torch.allclose(counted(clips)[1:], alone)
    assert not encoder(torch.zeros_like(clips)).any()


def test_a_feature_can_have_a_mean_for_each_segment_of_time():
    encoder = SpatioTemporalTransformer(**SMALL, num_segments=2).double().eval()
    clips = random_clips((16, 8), dtype=torch.float64).coordinates
    feature_map = encoder.forward_map(clips)
    halves = [feature_map[:, :, :, cells] for cells in (slice(0, 2), slice(2, 4))]
    expected = torch.cat([half.mean((1, 3, 4)) for half in halves], 1)
    torch.testing.assert_close(encoder(clips), expected)
    assert encoder.feature_dim == 2 * encoder.map_dim == 16


def test_feature_is_the_mean_of_what_is_visible_and_hidden_joints_have_no_part():
    encoder = SpatioTemporalTransformer(**SMALL).double().eval()
    clips = random_clips((16, 16, 8), dtype=torch.float64)
    draws = SpatioTemporalMask(0.7)(clips, generator()).draws
    feature = encoder.readout(encoder.forward_map(clips.coordinates, draws['visible']))
    for n in range(3):
        tokens = []
        for m in range(2):
            if not clips.coordinates[n, m].any():
                continue
            joints = torch.cat(
                [
                    encoder.token_embedding(
                        clips.coordinates[n, m, 4 * (i // 25) : 4 * (i // 25) + 4, i % 25].flatten()
                    )[None]
                    + encoder.time_embedding[i // 25]
                    + encoder.joint_embedding[i % 25]
                    for i in draws['visible'][n, m].tolist()
                ]
            )
            tokens.append(encoder.blocks(joints[None])[0])
        torch.testing.assert_close(feature[n], torch.cat(tokens).mean(0))
    moved = torch.where(draws['mask'][..., None], 7.0, clips.coordinates)
    moved = moved * clips.coordinates.flatten(2).any(-1)[..., None, None, None]
    torch.testing.assert_close(
        encoder.readout(encoder.forward_map(moved, draws['visible'])), feature
    )


def test_motion_is_hidden_more_often():
    clips = random_clips((8,) * 200, people=1)
    clips.coordinates[..., 5:, :] *= 0.01  # joints 0 to 4 move
    mask = MotionAwareMask(0.2, cell_frames=4, temperature=0.1)(clips, generator()).draws['mask']
    shares = mask.float().mean((0, 1, 2))
    assert shares[:5].min() > 0.8
    assert shares[5:].max() < 0.2


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: SpatioTemporalTransformer(embed_dim=10, num_heads=4), 'num_heads=4 does not div'),
        (lambda: SpatioTemporalTransformer(absent_people='no'), "absent_people must be 'omitted'"),
        (lambda: SpatioTemporalTransformer(**SMALL)(torch.ones(1, 1, 16, 20, 3)), r'\(20, 3\)'),
        (lambda: SpatioTemporalTransformer(**SMALL)(torch.ones(1, 1, 18, 25, 3)), 'found 18 fr'),
        (lambda: SpatioTemporalTransformer(**SMALL)(torch.ones(1, 1, 20, 25, 3)), 'found 20 fr'),
        (lambda: TransformerDecoder(MODELS.build(dict(type='BiGRU', hidden_size=2))), 'has none'),
        (lambda: MotionAwareMask()(random_clips((10,)), generator()), 'found 10 frames'),
        (lambda: MotionAwareMask(temperature=0), 'temperature'),
        (lambda: MaskedPredictionHead(target='velocity'), "target must be 'coord"),
    ],
)
def test_what_does_not_fit(call, message):
    with pytest.raises(ValueError, match=message):
        call()

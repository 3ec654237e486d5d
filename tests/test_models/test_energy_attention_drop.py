"""The energy-based attention-guided drop, against the release and loops."""

import math

import pytest
import torch
from torch import Tensor

from halp_mm.models import STGCN, BiGRU, EnergyAttentionDrop
from halp_mm.models.converters.released_stgcn import rename_released
from halp_mm.models.modules.energy_attention_drop import MIN_ATTENTION
from halp_mm.registry import MODELS
from tests.helpers import assert_relative, generator, random_clips, reference

VARIANTS = pytest.mark.parametrize('variant', ['release', 'paper'])


def random_map(*shape: int, dtype=torch.float64) -> Tensor:
    """A map with heavy tails: some joints and frames stand out."""
    noise = torch.randn(shape, generator=generator(), dtype=dtype)
    joints = torch.rand(*shape[:2], 1, 1, shape[4], generator=generator(1), dtype=dtype) ** 4
    frames = torch.rand(*shape[:2], 1, shape[3], 1, generator=generator(2), dtype=dtype) ** 4
    return noise * (0.05 + joints + frames)


def by_loops(feature_map: Tensor, margin: float, regularizer: float, variant: str) -> Tensor:
    """Algorithm 1, one entry at a time."""
    clips, people, channels, frames, joints = feature_map.shape
    values = feature_map.tolist()
    attention = {}
    for n in range(clips):
        for m in range(people):
            for c in range(channels):
                entries = [x for frame in values[n][m][c] for x in frame]
                mean = sum(entries) / len(entries)
                count = len(entries) - (variant == 'release')
                variance = sum((x - mean) ** 2 for x in entries) / count
                for t in range(frames):
                    for v in range(joints):
                        square = (values[n][m][c][t][v] - mean) ** 2
                        # Eq. (3), inverted.
                        importance = (square + 2 * variance + 2 * regularizer) / (
                            4 * (variance + regularizer)
                        )
                        attention[n, m, c, t, v] = 1 / (1 + math.exp(-importance))

    def mean_of(n, m, **fixed):
        chosen = [
            a
            for (i, j, _, t, v), a in attention.items()
            if (i, j) == (n, m) and fixed.get('t', t) == t and fixed.get('v', v) == v
        ]
        return sum(chosen) / len(chosen)

    maps = [(n, m) for n in range(clips) for m in range(people)]
    by_joint = {(*i, v): mean_of(*i, v=v) for i in maps for v in range(joints)}
    by_frame = {(*i, t): mean_of(*i, t=t) for i in maps for t in range(frames)}
    spatial, temporal = torch.ones_like(feature_map), torch.ones_like(feature_map)
    for (n, m, c, t, v), a in attention.items():
        spatial[n, m, c, t, v] = by_joint[n, m, v] < margin
        temporal[n, m, c, t, v] = (a if variant == 'release' else by_frame[n, m, t]) < margin
    result = feature_map.clone()
    for mask in (spatial, temporal):
        if variant == 'release':
            result = result * mask * mask.numel() / mask.sum()
        else:
            for n, m in maps:
                if mask[n, m].any():  # else it drops nothing
                    result[n, m] *= mask[n, m] * mask[n, m].numel() / mask[n, m].sum()
    return result


def test_equals_the_release():
    vectors = reference('eadm_keep70')
    drop = EnergyAttentionDrop(float(vectors['keep_prob']), float(vectors['e_lambda']))
    dropped = drop(vectors['feature_NCTV'][:, None])
    assert_relative(dropped[:, 0], vectors['output'], 1e-6)
    assert torch.equal(dropped[:, 0] == 0, vectors['output'] == 0)


def test_equals_the_release_inside_the_network():
    vectors = reference('stgcn_released')
    state = {
        name.removeprefix('state/'): value
        for name, value in vectors.items()
        if name.startswith('state/') and 'fc.' not in name
    }
    encoder = STGCN(base_channels=4, feature_dim=16).eval()
    encoder.load_state_dict(
        {name.removeprefix('encoder.'): value for name, value in rename_released(state).items()}
    )
    feature_map = encoder.forward_map(vectors['input_NCTVM'].permute(0, 4, 2, 3, 1))
    dropped = encoder.readout(EnergyAttentionDrop()(feature_map))
    assert_relative(dropped, vectors['feature_drop'], 1e-5)


@VARIANTS
@pytest.mark.parametrize('margin', [0.66, 0.69, 0.71])
def test_equals_loops(variant, margin):
    feature_map = random_map(3, 2, 4, 5, 6)
    drop = EnergyAttentionDrop(margin, regularizer=1e-2, variant=variant)
    expected = by_loops(feature_map, margin, 1e-2, variant)
    assert (expected == 0).any()
    torch.testing.assert_close(drop(feature_map), expected, rtol=1e-12, atol=1e-12)


@VARIANTS
def test_margin_1_keeps_everything_even_where_attention_rounds_to_1(variant):
    feature_map = torch.zeros(1, 1, 1, 1, 400)
    feature_map[..., 0] = 1
    drop = EnergyAttentionDrop(1, variant=variant)
    assert drop.attention(feature_map).max() == 1
    assert torch.equal(drop(feature_map), feature_map)


@VARIANTS
def test_each_mask_keeps_the_scale(variant):
    feature_map = random_map(4, 2, 3, 7, 5)
    attention = EnergyAttentionDrop(0.69, variant=variant).attention(feature_map)
    factors = EnergyAttentionDrop(0.69, variant=variant).factors(feature_map)
    joints = (attention.mean((2, 3), keepdim=True) < 0.69).double()
    if variant == 'release':
        entries = (attention < 0.69).double()
        expected = joints * entries / joints.mean() / entries.mean()
    else:
        frames = (attention.mean((2, 4), keepdim=True) < 0.69).double()
        expected = joints / joints.mean(-1, keepdim=True) * frames / frames.mean(3, keepdim=True)
        # Independent masks: the factors of each map have mean 1.
        torch.testing.assert_close(factors.mean((2, 3, 4)), torch.ones(4, 2).double())
    torch.testing.assert_close(factors, expected)


def test_paper_treats_clips_and_people_alone_and_the_release_scales_by_the_batch():
    feature_map = random_map(4, 2, 3, 7, 5)
    for variant in ('release', 'paper'):
        drop = EnergyAttentionDrop(0.69, variant=variant)
        together = drop(feature_map)
        alone = torch.stack(
            [torch.stack([drop(p[None, None])[0, 0] for p in clip]) for clip in feature_map]
        )
        assert torch.equal(together == 0, alone == 0)
        assert torch.allclose(together, alone) == (variant == 'paper')


@VARIANTS
def test_gradients_pass_where_it_keeps_and_masks_have_none(variant):
    drop = EnergyAttentionDrop(0.69, regularizer=1e-2, variant=variant)
    feature_map = random_map(2, 1, 2, 4, 3).requires_grad_()
    factors = drop.factors(feature_map)
    assert not factors.requires_grad
    assert (factors == 0).any()
    assert torch.autograd.gradcheck(drop, feature_map, eps=1e-8, atol=1e-6)
    drop(feature_map).sum().backward()
    assert torch.equal(feature_map.grad, factors.expand_as(feature_map))


@VARIANTS
@pytest.mark.parametrize('shape', [(2, 1, 3, 4, 5), (2, 1, 3, 1, 1), (1, 1, 1, 1, 1)])
def test_equal_entries_are_kept(variant, shape):
    for value in (0.0, 3.0):
        feature_map = torch.full(shape, value)
        assert torch.equal(EnergyAttentionDrop(variant=variant)(feature_map), feature_map)


@VARIANTS
def test_a_mask_that_would_drop_everything_drops_nothing(variant):
    # Entries of -1 and 1: every attention is nearly sigmoid(0.75) = 0.679.
    signs = torch.tensor([1.0, -1.0]).repeat(2, 1, 3, 4, 1)
    assert EnergyAttentionDrop(variant=variant).attention(signs).min() > 0.67
    assert torch.equal(EnergyAttentionDrop(0.65, variant=variant)(signs), signs)
    assert torch.equal(EnergyAttentionDrop(0.7, variant=variant)(signs), signs)


@VARIANTS
def test_some_of_every_map_is_kept_above_the_bound(variant):
    feature_map = random_map(16, 2, 4, 6, 5) ** 3
    drop = EnergyAttentionDrop(0.69, variant=variant)
    assert drop.attention(feature_map).mean((2, 3, 4)).max() < 1 / (1 + math.exp(-0.75))
    assert (drop.factors(feature_map) > 0).flatten(2).any(-1).all()


@VARIANTS
@pytest.mark.parametrize('encoder', ['BiGRU', 'STGCN'])
def test_works_on_every_encoders_map(variant, encoder):
    clips = random_clips((9, 9, 9)).coordinates
    torch.manual_seed(0)
    if encoder == 'BiGRU':
        encoder = BiGRU(hidden_size=5, num_layers=1)
    else:
        encoder = STGCN(base_channels=4, feature_dim=8)
    feature_map = encoder.forward_map(clips)
    dropped = EnergyAttentionDrop(0.65, variant=variant)(feature_map)
    assert dropped.shape == feature_map.shape
    assert torch.isfinite(dropped).all()
    assert (dropped == 0).any()
    assert encoder.readout(dropped).shape == (3, encoder.feature_dim)


@VARIANTS
def test_half_precision_is_judged_in_full(variant):
    feature_map = random_map(2, 1, 3, 6, 5, dtype=torch.float32).bfloat16()
    drop = EnergyAttentionDrop(0.69, variant=variant)
    dropped = drop(feature_map)
    assert dropped.dtype == torch.bfloat16
    assert torch.equal(dropped == 0, drop(feature_map.float()) == 0)


@VARIANTS
def test_entries_that_reach_the_margin_are_dropped(variant):
    feature_map = random_map(1, 1, 4, 5, 6)
    attention = EnergyAttentionDrop(variant=variant).attention(feature_map)
    of_joints, of_frames = attention.mean((2, 3))[0, 0], attention.mean((2, 4))[0, 0]
    joint = int(of_joints.argmax())
    drop = EnergyAttentionDrop(float(of_joints[joint]), variant=variant)
    assert not drop(feature_map)[..., joint].any()
    place = attention[..., :joint].max() if variant == 'release' else of_frames.max()
    factors = EnergyAttentionDrop(float(place), variant=variant).factors(feature_map)
    reached = attention == place if variant == 'release' else (of_frames == place)[:, None]
    assert not factors.expand_as(attention)[reached.expand_as(attention)].any()


def test_a_single_entry_has_the_least_attention():
    attention = EnergyAttentionDrop().attention(random_map(2, 2, 3, 1, 1))
    assert torch.equal(attention, torch.full_like(attention, MIN_ATTENTION))


def test_it_is_registered_and_has_no_state():
    drop = MODELS.build(dict(type='EnergyAttentionDrop'))
    assert (drop.keep_margin, drop.regularizer, drop.variant) == (0.7, 1e-4, 'release')
    assert not drop.state_dict()


@pytest.mark.parametrize('margin', [0.5, 0.62, MIN_ATTENTION, 1.01])
def test_margins_without_a_meaning(margin):
    with pytest.raises(ValueError, match=rf'keep_margin={margin}; expected more than sigmoid'):
        EnergyAttentionDrop(margin)


def test_other_bad_options():
    with pytest.raises(ValueError, match='regularizer must be a finite number above 0, got 0'):
        EnergyAttentionDrop(regularizer=0)
    with pytest.raises(ValueError, match="variant must be 'release' or 'paper', got 'both'"):
        EnergyAttentionDrop(variant='both')

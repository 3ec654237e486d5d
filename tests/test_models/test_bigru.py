"""The BiGRU encoder, against the release and PyTorch's bidirectional GRU."""

import copy

import pytest
import torch
from torch import Tensor, nn

from halp_mm.models import BiGRU
from halp_mm.models.modules.segment_pooling import segment_deviations
from halp_mm.registry import MODELS
from tests.helpers import DTYPES, assert_relative, generator, reference

TWO_JOINTS = dict(name='two', joints=['a', 'b'], bones=[('a', 'b')], center='a')


def cells_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of a bidirectional ``torch.nn.GRU`` under BiGRU's names."""
    renamed = {}
    for name, value in state.items():
        kind, layer = name.removesuffix('_reverse').rsplit('_l', 1)
        direction = 'backward' if name.endswith('_reverse') else 'forward'
        renamed[f'{direction}_cells.{layer}.{kind}_l0'] = value
    return renamed


def encoder_and_gru(dtype: torch.dtype, num_layers: int = 3, **kwargs) -> tuple[BiGRU, nn.GRU]:
    """An encoder, with batch statistics, and PyTorch's GRU with the same parameters."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        gru = nn.GRU(12, 5, num_layers, batch_first=True, bidirectional=True).to(dtype)
        encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, num_layers=num_layers, **kwargs).to(dtype)
        for parameter in encoder.input_norm.parameters():
            nn.init.normal_(parameter)
        if kwargs.get('input_norm', 'coordinate') is not None:
            encoder.input_norm.running_mean.normal_()
            encoder.input_norm.running_var.uniform_(0.5, 2)
    encoder.load_state_dict({**encoder.state_dict(), **cells_of(gru.state_dict())})
    return encoder.eval(), gru


def as_sequence(clips: Tensor, norm: nn.Module) -> Tensor:
    """Clips ``[N, M, T, V, C]`` to frames ``[N, T, V C M]``, normalised, by loops."""
    people, _, joints, channels = clips.shape[1:]
    columns = [
        clips[:, m, :, v, c] for v in range(joints) for c in range(channels) for m in range(people)
    ]
    sequence = torch.stack(columns, -1)
    if isinstance(norm, nn.Identity):
        return sequence
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return (sequence - norm.running_mean) * scale + norm.bias


def random_input(dtype: torch.dtype, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(1), dtype=dtype)


@pytest.mark.parametrize('dtype', DTYPES)
def test_equals_the_release(dtype):
    vectors = reference('bigru_released')
    state = {k.removeprefix('state/'): v for k, v in vectors.items() if k.startswith('state/')}
    gru = {k.rsplit('.', 1)[1]: v for k, v in state.items() if '.gru.' in k}
    norm = {k: v for k, v in state.items() if k.startswith('input_norm')}
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=8, num_layers=3)
    encoder.load_state_dict({**cells_of(gru), **norm})
    encoder = encoder.to(dtype).eval()
    # The release's frames are joint-major: [V, C, M].
    clips = vectors['input'].to(dtype).unflatten(2, (2, 3, 2)).permute(0, 4, 1, 2, 3)
    feature = encoder(clips)
    assert feature.dtype == dtype
    assert_relative(feature, vectors['feature'], 1e-6)
    output = feature @ state['fc.weight'].to(dtype).T + state['fc.bias'].to(dtype)
    assert_relative(output, vectors['fc_output'], 1e-6)


# In two dimensions; the third number of a joint is a score.
FLAT = dict(
    name='flat', joints=list('abc'), bones=[('a', 'b'), ('b', 'c')], center='a', dimensions=2
)


def own_vectors(input_norm, name) -> tuple[torch.Tensor, torch.Tensor]:
    """Clips of two people, and what a BiGRU with the flag reads of them beside coordinates."""
    arguments = dict(num_people=2, hidden_size=5, num_layers=1, input_norm=input_norm)
    encoder = BiGRU(FLAT, **{name: True}, **arguments).double()
    clips = random_input(torch.float64, 4, 2, 9, 3, 3)
    clips[1, 1] = 0
    vectors = encoder.frame_vectors(clips)
    plain = BiGRU(FLAT, **arguments).double()
    assert torch.equal(vectors[..., :18], plain.frame_vectors(clips))
    assert encoder(clips).shape == (4, 10)
    names = set(encoder.state_dict()) - set(plain.state_dict())
    norm = {'distances': 'distance_norm', 'motion': 'motion_norm'}[name]
    assert {one.split('.')[0] for one in names} == ({norm} if input_norm else set())
    return clips, vectors[..., 18:]


@pytest.mark.parametrize('input_norm', ['coordinate', 'axis', None])
def test_motion_follows_the_coordinates(input_norm):
    clips, vectors = own_vectors(input_norm, 'motion')
    motion = torch.zeros(4, 9, 3, 2, 2).double()  # joints, axes, people
    for t in range(1, 9):
        motion[:, t] = (clips[:, :, t, :, :2] - clips[:, :, t - 1, :, :2]).permute(0, 2, 3, 1)
    if input_norm is not None:
        alike = (0, 1, 2, 4) if input_norm == 'axis' else (0, 1)
        deviation = (motion.var(alike, correction=0, keepdim=True) + 1e-5).sqrt()
        motion = (motion - motion.mean(alike, keepdim=True)) / deviation
    torch.testing.assert_close(vectors, motion.flatten(2))


@pytest.mark.parametrize('input_norm', ['coordinate', 'axis', None])
def test_distances_between_joints_follow_the_coordinates(input_norm):
    clips, vectors = own_vectors(input_norm, 'distances')
    distances = torch.stack(
        [
            (clips[:, m, :, i, :2] - clips[:, m, :, j, :2]).square().sum(-1).sqrt()
            for m in range(2)
            for i, j in [(0, 1), (0, 2), (1, 2)]
        ],
        -1,
    )
    if input_norm is not None:
        deviation = (distances.var(correction=0) + 1e-5).sqrt()
        distances = (distances - distances.mean()) / deviation
    torch.testing.assert_close(vectors, distances)


def test_distances_have_gradients_where_joints_coincide():
    encoder = BiGRU(TWO_JOINTS, 1, hidden_size=4, num_layers=1, distances=True)
    clips = torch.zeros(2, 1, 5, 2, 3, requires_grad=True)
    encoder(clips).sum().backward()
    assert clips.grad.isfinite().all()


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('pooling', ['last', 'mean'])
@pytest.mark.parametrize('num_layers', [1, 3])
def test_equals_a_gru_that_is_fed_one_frame_at_a_time(num_layers, pooling, dtype):
    encoder, gru = encoder_and_gru(dtype, num_layers, pooling=pooling)
    clips = random_input(dtype, 4, 2, 9, 2, 3)
    sequence, hidden, outputs = as_sequence(clips, encoder.input_norm), None, []
    for frame in sequence.split(1, dim=1):
        output, hidden = gru(frame, hidden)
        outputs.append(output[:, 0])
    outputs = torch.stack(outputs, 1)
    feature_map = encoder.forward_map(clips)
    assert feature_map.shape == (4, 1, 10, 9, 1)
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(
        feature_map[:, 0, :, :, 0].mT, outputs, rtol=0, atol=tolerance, check_stride=False
    )
    expected = outputs[:, -1] if pooling == 'last' else outputs.mean(1)
    torch.testing.assert_close(encoder(clips), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('num_layers', [1, 3])
def test_bidirectional_equals_pytorchs(num_layers, dtype):
    encoder, gru = encoder_and_gru(dtype, num_layers, bidirectional=True)
    clips = random_input(dtype, 4, 2, 9, 2, 3)
    expected = gru(as_sequence(clips, encoder.input_norm))[0]
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    torch.testing.assert_close(
        encoder.forward_map(clips)[:, 0, :, :, 0].mT, expected, rtol=0, atol=tolerance
    )
    default = encoder_and_gru(dtype, num_layers)[0]
    assert default.state_dict().keys() == encoder.state_dict().keys()
    assert (default(clips) - encoder(clips)).abs().max() > 1e-3


def test_norm_by_axis_has_one_variance_for_an_axis():
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, num_layers=1, input_norm='axis').double()
    plain = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, num_layers=1).double()
    clips = random_input(torch.float64, 4, 2, 9, 2, 3)
    clips[..., 0, :] *= 0.01  # a joint that hardly moves
    encoder.train().forward_map(clips)
    axes = clips.movedim(-1, 0).flatten(1)
    expected = (axes.mean(1), axes.var(1))
    norm = encoder.input_norm
    torch.testing.assert_close(norm.running_mean, 0.1 * expected[0])
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * expected[1])
    # The same as a norm of all coordinates with the axes' statistics, by joint, axis and person.
    encoder.eval()
    of_axes = torch.arange(3).repeat(2).repeat_interleave(2)
    state = encoder.state_dict()
    for name in ('weight', 'bias', 'running_mean', 'running_var'):
        state[f'input_norm.{name}'] = state[f'input_norm.{name}'][of_axes]
    plain.load_state_dict(state)
    torch.testing.assert_close(encoder(clips), plain.eval()(clips))


def test_single_frame_and_both_directions_agree_on_it():
    clips = random_input(torch.float64, 3, 2, 1, 2, 3)
    features = [
        encoder_and_gru(torch.float64, bidirectional=b, pooling=p)[0](clips)
        for b in (False, True)
        for p in ('last', 'mean')
    ]
    for feature in features[1:]:
        torch.testing.assert_close(feature, features[0])


def test_last_frame_sees_all_frames_unless_it_runs_backward():
    clips = random_input(torch.float64, 1, 2, 6, 2, 3).requires_grad_()
    for bidirectional in (False, True):
        encoder, _ = encoder_and_gru(torch.float64, 1, bidirectional=bidirectional)
        grad = torch.autograd.grad(encoder(clips)[0, 5:].sum(), clips)[0]
        reached = grad.abs().sum((0, 1, 3, 4)) > 0
        assert reached.tolist() == ([False] * 5 + [True] if bidirectional else [True] * 6)


@pytest.mark.parametrize('bidirectional', [False, True])
def test_every_parameter_and_the_input_get_gradients(bidirectional):
    # The last frame is the first of cells that run backward: they have no hidden state yet.
    pooling = 'mean' if bidirectional else 'last'
    encoder = encoder_and_gru(torch.float32, bidirectional=bidirectional, pooling=pooling)[0]
    encoder.train()
    clips = random_input(torch.float32, 4, 2, 9, 2, 3).requires_grad_()
    encoder(clips).square().sum().backward()
    assert clips.grad.abs().sum() > 0
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.any(), name


def test_training_normalises_by_all_frames_of_the_batch():
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, num_layers=1).double().train()
    clips = random_input(torch.float64, 4, 2, 9, 2, 3) * 3 + 2
    encoder(clips)
    mean = clips.mean((0, 2)).permute(1, 2, 0).flatten()  # joint-major, then coordinate, person
    torch.testing.assert_close(encoder.input_norm.running_mean, 0.1 * mean)


@pytest.mark.parametrize('shape', [(2, 1, 9, 2, 3), (2, 2, 9, 3, 3), (2, 2, 9, 2, 2)])
def test_other_clips_are_refused(shape):
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5)
    found = rf'= \(2, 2, 3\), found \({shape[1]}, {shape[3]}, {shape[4]}\)'
    with pytest.raises(ValueError, match=found):
        encoder(torch.zeros(shape))


def test_permuted_people_and_joints_of_equal_size_differ():
    encoder, _ = encoder_and_gru(torch.float64)
    clips = random_input(torch.float64, 2, 2, 4, 2, 3)
    for other in (clips.flip(1), clips.flip(3), clips.flip(4), clips.flip(2)):
        assert (encoder(clips) - encoder(other)).abs().max() > 1e-4


def test_defaults_are_the_papers():
    with torch.device('meta'):
        encoder = MODELS.build(dict(type='BiGRU'))
    assert encoder.feature_dim == 2048
    assert encoder.input_norm.num_features == 150
    assert [cell.hidden_size for cell in encoder.forward_cells] == [1024] * 3
    assert [cell.input_size for cell in encoder.backward_cells] == [150, 2048, 2048]
    gru = nn.GRU(150, 1024, 3, bidirectional=True, device='meta')
    count = sum(p.numel() for p in gru.parameters()) + 300
    assert sum(p.numel() for p in encoder.parameters()) == count


@pytest.mark.parametrize('input_norm', [None, 'coordinate'])
@pytest.mark.parametrize('bidirectional', [False, True])
def test_final_states_equal_those_of_each_clip_alone(bidirectional, input_norm):
    settings = dict(bidirectional=bidirectional, pooling='final', input_norm=input_norm)
    encoder, gru = encoder_and_gru(torch.float64, **settings)
    clips = random_input(torch.float64, 4, 2, 9, 2, 3)
    lengths = [9, 5, 1, 0]
    for clip, length in zip(clips, lengths):
        clip[:, length:] = 0
    clips[0, :, 2] = 0  # nobody is seen for a moment
    features = encoder(clips)
    feature_map = encoder.forward_map(clips)[:, 0, :, :, 0].mT
    for clip, length, feature, row in zip(clips, lengths, features, feature_map):
        assert not row[length:].any()
        if not length:
            assert not feature.any()
            continue
        sequence = as_sequence(clip[None, :, :length], encoder.input_norm)
        if bidirectional:
            expected = gru(sequence)[1][-2:].flatten()
        else:
            hidden = None
            for frame in sequence.split(1, dim=1):
                output, hidden = gru(frame, hidden)
            expected = output[0, 0]
        torch.testing.assert_close(feature, expected)


def test_unknown_settings():
    with pytest.raises(
        ValueError,
        match="pooling must be 'last' or 'mean' or 'max' or 'deviation' or 'valid' or 'final'",
    ):
        BiGRU(pooling='min')
    with pytest.raises(ValueError, match="input_norm must be 'coordinate' or 'axis' or None"):
        BiGRU(input_norm=True)


@pytest.mark.parametrize('pooling', ['mean', 'max'])
@pytest.mark.parametrize(('frames', 'segments'), [(8, 4), (9, 4), (3, 4), (9, 1)])
def test_segments_are_pooled_apart(frames, segments, pooling):
    settings = dict(bidirectional=True, pooling=pooling, num_segments=segments)
    encoder = encoder_and_gru(torch.float64, 1, **settings)[0]
    feature_map = encoder.forward_map(random_input(torch.float64, 4, 2, frames, 2, 3))
    feature = encoder.readout(feature_map)
    assert feature.shape == (4, encoder.feature_dim) == (4, 10 * segments)
    for i in range(segments):
        piece = slice(i * frames // segments, -(-(i + 1) * frames // segments))
        of_piece = feature_map[:, 0, :, piece, 0]
        expected = of_piece.mean(-1) if pooling == 'mean' else of_piece.max(-1).values
        torch.testing.assert_close(feature[:, 10 * i : 10 * i + 10], expected)


@pytest.mark.parametrize(('frames', 'segments'), [(8, 4), (9, 2), (3, 4), (9, 1)])
def test_deviations_of_the_clip_and_of_segments(frames, segments):
    settings = dict(bidirectional=True, pooling='deviation', num_segments=segments)
    encoder = encoder_and_gru(torch.float64, 1, **settings)[0]
    feature_map = encoder.forward_map(random_input(torch.float64, 4, 2, frames, 2, 3))
    feature = encoder.readout(feature_map)
    pieces = [slice(None)]
    if segments > 1:
        pieces += [
            slice(i * frames // segments, -(-(i + 1) * frames // segments)) for i in range(segments)
        ]
    assert feature.shape == (4, encoder.feature_dim) == (4, 10 * len(pieces))
    for i, piece in enumerate(pieces):
        variance = feature_map[:, 0, :, piece, 0].var(-1, correction=0)
        torch.testing.assert_close(feature[:, 10 * i : 10 * i + 10], (variance + 1e-5).sqrt())


def test_deviations_have_a_gradient_where_nothing_changes():
    sequence = torch.ones(1, 2, 6, requires_grad=True)
    segment_deviations(sequence, 2).sum().backward()
    assert sequence.grad.isfinite().all()


@pytest.mark.parametrize('pooling', ['last', 'final'])
def test_single_states_have_no_segments(pooling):
    with pytest.raises(ValueError, match=f"'deviation'; pooling='{pooling}' has no segments"):
        BiGRU(TWO_JOINTS, num_segments=2, pooling=pooling)


PAIRED = [
    dict(bidirectional=False),
    dict(bidirectional=True),
    dict(bidirectional=True, pooling='valid'),
    dict(bidirectional=True, input_norm=None, pooling='final'),
    dict(motion=True, distances=True),
    dict(input_norm='axis', motion=True, distances=True),
]


@pytest.mark.parametrize('settings', PAIRED)
@pytest.mark.parametrize('frames', [1, 7])
def test_cells_trained_in_pairs_equal_pytorchs(settings, frames):
    """Outputs, without gradient too, gradients of the clips and parameters, and statistics."""
    torch.manual_seed(0)
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, **settings).double().train()
    for norm in encoder.modules():
        if isinstance(norm, nn.BatchNorm1d):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    one_by_one = copy.deepcopy(encoder)
    one_by_one.run_pairs = lambda clips, length: one_by_one.run_cells(
        one_by_one.frame_vectors(clips), length
    )
    clips = random_input(torch.double, 3, 2, frames, 2, 3)
    clips[1, :, frames // 2 + 1 :] = 0
    results = []
    for run in (encoder, one_by_one):
        given = clips.clone().requires_grad_()
        feature_map = run.forward_map(given)
        (feature_map * random_input(torch.double, *feature_map.shape)).sum().backward()
        gradients = {name: value.grad for name, value in run.named_parameters()}
        statistics = {name: value.clone() for name, value in run.named_buffers()}
        with torch.no_grad():
            results.append((feature_map, given.grad, gradients, statistics, run.forward_map(clips)))
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-12)
    learnt = results[0][2]
    assert all(value.abs().sum() > 0 for name, value in learnt.items() if frames > 1), learnt
    torch.testing.assert_close(results[0][0], results[0][4])


def test_inputs_without_gradient_in_pairs():
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5, input_norm=None).train()
    encoder.forward_map(random_input(torch.float, 3, 2, 7, 2, 3)).sum().backward()
    assert all(value.grad is not None for value in encoder.parameters())


def test_only_training_on_a_cpu_runs_pairs(monkeypatch):
    """Elsewhere PyTorch's kernels are as fast, or exporters know them."""
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size=5)
    ran = []
    for name in ('run_pairs', 'run_cells'):
        kept = getattr(encoder, name)
        monkeypatch.setattr(
            encoder, name, lambda *given, kept=kept, name=name: (ran.append(name), kept(*given))[1]
        )
    clips = random_input(torch.float, 3, 2, 7, 2, 3)
    encoder.train()(clips)
    encoder.eval()(clips)
    assert ran == ['run_pairs', 'run_cells']


@pytest.mark.parametrize('bidirectional', [False, True])
@pytest.mark.parametrize('hidden_size', [5, 128])
def test_pairs_in_mixed_precision(hidden_size, bidirectional):
    """Outputs and gradients keep their type, and differ by the lower precision's rounding."""
    torch.manual_seed(0)
    encoder = BiGRU(TWO_JOINTS, 2, 3, hidden_size, 2, bidirectional=bidirectional).train()
    clips = random_input(torch.float, 3, 2, 7, 2, 3)
    results = []
    for enabled in (False, True):
        encoder.zero_grad()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            feature_map = encoder.forward_map(clips)
        feature_map.mul(random_input(torch.float, *feature_map.shape)).sum().backward()
        results.append([feature_map, *(value.grad for value in encoder.parameters())])
    for full, mixed in zip(*results):
        assert mixed.dtype == torch.float
        assert 0 < (mixed - full).norm() < 2e-2 * full.norm()


def test_layers_run_as_one_compute_what_cells_do():
    """As a GPU runs them; here on a CPU."""
    encoder, _ = encoder_and_gru(torch.float64, bidirectional=True)
    sequence = random_input(torch.float64, 4, 6, encoder.frame_size)
    results = []
    for states in (encoder.run_cells(sequence, None), encoder.run_stack(sequence)):
        encoder.zero_grad()
        states.square().sum().backward()
        cells = [*encoder.forward_cells.parameters(), *encoder.backward_cells.parameters()]
        results.append([states, *(weight.grad for weight in cells)])
    torch.testing.assert_close(results[1], results[0])
    saved = encoder.state_dict()
    copied = copy.deepcopy(encoder)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.zero_()
    assert set(saved) == set(copied.state_dict())
    torch.testing.assert_close(copied.run_stack(sequence), results[0][0])
    assert not encoder.run_stack(sequence).any()

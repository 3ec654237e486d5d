"""A frame of two GRU cells in C and by operators, against PyTorch's GRU and each other."""

import pytest
import torch

from halp_mm.models.modules import gru_gates, paired_gru
from tests.helpers import generator, needs_compiled


@pytest.fixture(params=['in C', 'by operators'])
def computed(request, monkeypatch):
    """In what way frames are computed."""
    if request.param == 'by operators':
        monkeypatch.setattr(gru_gates, 'compiled_for', lambda *given: None)
    else:
        needs_compiled('halp_mm.models.modules', 'gru_gates.c')
    return request.param


def two_cells(inputs: int, size: int) -> list[torch.nn.GRU]:
    torch.manual_seed(0)
    return [torch.nn.GRU(inputs, size) for _ in range(2)]


# A size that fills no vector, one that leaves a rest, and whole vectors.
@pytest.mark.parametrize('size', [1, 21, 64])
@pytest.mark.parametrize(('frames', 'clips'), [(1, 1), (9, 3), (5, 0)])
@pytest.mark.parametrize('scale', [1, 30])
def test_states_and_gradients_are_pytorchs(computed, size, frames, clips, scale):
    """In double precision, to float32's rounding; gates of large inputs are nearly closed."""
    cells = two_cells(4, size)
    inputs = scale * torch.randn(frames, clips, 4, generator=generator())
    weights = torch.randn(frames, clips, 2, size, generator=generator(), dtype=torch.double)
    parameters = [value for cell in cells for value in cell.parameters()]

    given = inputs.clone().requires_grad_()
    states = paired_gru.run_pair(*cells, given)
    found = [states, *torch.autograd.grad((states * weights).sum(), [given, *parameters])]
    with torch.no_grad():
        torch.testing.assert_close(paired_gru.run_pair(*cells, inputs), states, rtol=0, atol=0)

    given = inputs.double().requires_grad_()
    exact = [cell.double() for cell in cells]
    states = torch.stack([cell(given)[0] for cell in exact], 2)
    expected = [states, *torch.autograd.grad((states * weights).sum(), [given, *parameters])]
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == torch.float
        torch.testing.assert_close(one.double(), other, rtol=1e-4, atol=2e-5 * scale)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), 1e30])
def test_what_is_no_number_stays_none(computed, value):
    """As in PyTorch's GRU: a training that diverges is seen, and large numbers close gates."""
    cells = two_cells(4, 21)
    inputs = torch.randn(3, 2, 4, generator=generator())
    inputs[1, 0, 0] = value
    with torch.no_grad():
        states = paired_gru.run_pair(*cells, inputs)
        expected = torch.stack([cell(inputs)[0] for cell in cells], 2)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-6, equal_nan=True)
    assert states[:, 1].isfinite().all()


def test_gates_are_as_exact_as_float32_is(computed):
    """A frame of one input and one weight, so that no sum of products adds to the rounding."""
    cells = two_cells(1, 1)
    inputs = torch.linspace(-40, 40, 4001)[None, :, None]
    with torch.no_grad():
        states = paired_gru.run_pair(*cells, inputs)
        expected = [cell.double()(inputs.double())[0] for cell in cells]
    torch.testing.assert_close(states.double(), torch.stack(expected, 2), rtol=0, atol=5e-7)


def test_gradients_of_expanded_outputs(computed):
    """Such as those of a mean over frames, which hold one number for all frames."""
    cells = two_cells(4, 21)
    given = torch.randn(6, 3, 4, generator=generator()).requires_grad_()
    paired_gru.run_pair(*cells, given).mean(0).sum().backward()
    (expected,) = torch.autograd.grad(sum(cell(given)[0].mean(0).sum() for cell in cells), given)
    torch.testing.assert_close(given.grad, expected)


@pytest.mark.parametrize('size', [1, 21, 64])
@pytest.mark.parametrize('small_product', [0, 2**18])
def test_mixed_precision(computed, size, small_product, monkeypatch):
    """Large products are in bfloat16, of eight digits, and all else in float32, results too."""
    monkeypatch.setattr(paired_gru, 'SMALL_PRODUCT', small_product)
    cells = two_cells(4, size)
    inputs = torch.randn(9, 3, 4, generator=generator())
    weights = torch.randn(9, 3, 2, size, generator=generator())
    parameters = [value for cell in cells for value in cell.parameters()]
    results = []
    for enabled in (False, True):
        given = inputs.clone().requires_grad_()
        with torch.autocast('cpu', torch.bfloat16, enabled=enabled):
            states = paired_gru.run_pair(*cells, given)
            with torch.no_grad():
                torch.testing.assert_close(paired_gru.run_pair(*cells, inputs), states)
        found = torch.autograd.grad((states * weights).sum(), [given, *parameters])
        results.append([states, *found])
    for full, mixed in zip(*results, strict=True):
        assert mixed.dtype == torch.float
        assert 0 < (mixed - full).norm() < 2**-6 * full.norm()


@pytest.mark.parametrize('fed_precision', [torch.float, torch.bfloat16])
def test_numbers_in_bfloat16_are_rounded_as_pytorch_rounds(computed, fed_precision):
    """To the nearest, or the even one of two; and what is no number stays none."""
    size, clips = 32, 8
    gates = torch.rand(1, clips, 2, 3 * size, generator=generator())
    new_back, gradient = torch.randn(2, 1, clips, 2, size, generator=generator())
    states = torch.randn(2, clips, 2, size, generator=generator())
    gradient[0, 0, 0, 0], gradient[0, 0, 0, 1] = float('nan'), float('inf')
    results = []
    for given, fed in [(torch.float, torch.float), (torch.bfloat16, fed_precision)]:
        through = torch.zeros(2, clips, size, dtype=fed)
        written = [
            torch.empty(gates.shape, dtype=given),
            torch.empty(2, clips, 3 * size, dtype=fed),
            torch.empty(new_back.shape, dtype=given),
        ]
        go_back = gru_gates.backward_gates(gates, new_back, states, gradient, through, *written)
        go_back(0)
        results.append(written)
    for full, low in zip(*results):
        torch.testing.assert_close(low, full.to(low.dtype), rtol=0, atol=0, equal_nan=True)
    given, fed_back, _ = results[0]
    assert given[0, 0, 0, [0, size]].isnan().all()
    torch.testing.assert_close(
        fed_back.transpose(0, 1)[..., : 2 * size], given[0, ..., : 2 * size], equal_nan=True
    )


def test_what_scales_the_inputs_is_not_rounded_in_mixed_precision():
    """The first frame of inputs that are zero shows the biases, and with them the shift."""
    cells = two_cells(6, 4)
    scaled_by = torch.ones(6), torch.linspace(1, 3, 6)
    inputs = torch.zeros(1, 2, 6)
    expected = paired_gru.run_pair(*cells, inputs, scaled_by=scaled_by)
    with torch.autocast('cpu', torch.bfloat16):
        states = paired_gru.run_pair(*cells, inputs, scaled_by=scaled_by)
    torch.testing.assert_close(states, expected, rtol=0, atol=1e-6)


def test_small_products_of_a_frame_are_in_float32():
    """Half the precision would make them no faster."""
    precisions = [
        paired_gru.state_precision(torch.bfloat16, clips, size)
        for clips, size in [(64, 64), (65, 64), (16, 128), (1, 1024)]
    ]
    assert precisions == [torch.float, torch.bfloat16, torch.float, torch.bfloat16]
    assert paired_gru.state_precision(torch.double, 1, 1) == torch.double

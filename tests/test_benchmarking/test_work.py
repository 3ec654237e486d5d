"""The least work of an iteration, against sums by hand."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from halp_mm.benchmarking.machine_peak import MachinePeak, measure_peak
from halp_mm.benchmarking.work import _RECURRENT, Work, without_graphs, work_of
from halp_mm.models import CudaGraphs
from tests.helpers import tiny_model


@pytest.mark.parametrize('bidirectional', [False, True])
def test_lstm(bidirectional):
    """Each of the four gates multiplies its input and its state once a frame."""
    frames, clips, size, hidden = 5, 3, 7, 4
    network = nn.LSTM(size, hidden, bidirectional=bidirectional)
    with FlopCounterMode(display=False, custom_mapping=_RECURRENT) as counter:
        out = network(torch.randn(frames, clips, size, requires_grad=True))[0]
        forward = counter.get_total_flops()
        out.sum().backward()
    directions = 1 + bidirectional
    expected = directions * frames * clips * 4 * hidden * (size + hidden) * 2
    assert forward == expected
    assert counter.get_total_flops() == 3 * expected


def test_arguments_of_cudnn():
    """Called with shapes, as the counter does; the weights are in a list."""
    shape = torch.Size
    weights = [shape([12, 7]), shape([12, 4]), shape([12]), shape([12])]
    ops = torch.ops.aten
    forward = _RECURRENT[ops._cudnn_rnn](shape([5, 3, 7]), weights, 4, None, shape([1, 3, 4]))
    assert forward == 2 * 5 * 3 * 12 * (7 + 4)
    backward = _RECURRENT[ops._cudnn_rnn_backward](shape([5, 3, 7]), weights, 4, out_val=())
    assert backward == 2 * forward


def test_work_of_a_linear_layer():
    """4 clips of 3 numbers to 5; Adam with two moments; a copy that is never trained."""
    layer, copied = nn.Linear(3, 5, bias=False), nn.Linear(3, 5, bias=False).requires_grad_(False)
    optimizer = torch.optim.Adam(layer.parameters())

    def step(_: int) -> None:
        loss = (layer(torch.randn(4, 3)) ** 2).sum()  # keeps the clips and the outputs
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    step(1)
    training = SimpleNamespace(
        run=step,
        model=nn.ModuleList([layer, copied]),
        runner=SimpleNamespace(optim_wrapper=SimpleNamespace(optimizer=optimizer)),
    )
    work = work_of(training, 3)
    assert work.flops == 2 * (2 * 4 * 3 * 5)  # forward, and the gradient of the weights
    weights, steps = 4 * 15, 4
    lasting = weights * (1 + 1 + 1 + 2) + steps  # weights, gradients, copy, moments
    assert work.bytes == 2 * lasting + 2 * 4 * (4 * 3 + 4 * 5)


def test_the_bound_is_the_longer_of_the_two():
    peak = MachinePeak(flops=100.0, bandwidth=10.0)
    assert Work(flops=300, bytes=10).bound(peak) == 3
    assert Work(flops=300, bytes=40).bound(peak) == 4


def test_the_peak_of_this_machine(monkeypatch):
    monkeypatch.setattr('halp_mm.benchmarking.machine_peak._MATRIX_SIZES', {'cpu': 128})
    monkeypatch.setattr('halp_mm.benchmarking.machine_peak._COPIED_BYTES', {'cpu': 2**20})
    peak = measure_peak('cpu', torch.bfloat16)
    assert peak.flops > 1e6
    assert peak.bandwidth > 1e6


def test_kernels_of_graphs_are_started_one_by_one_while_they_are_counted():
    model = tiny_model()
    model.graphs = graphs = CudaGraphs()
    with without_graphs(model):
        assert model.graphs is None
    assert model.graphs is graphs
    with without_graphs(nn.Linear(1, 1)):
        pass

"""Optimizers that do not import PyTorch's compiler compute what PyTorch's own do."""

import sys

import pytest
import torch
from torch import nn

from halp_mm.registry import OPTIMIZERS
from halp_mm.uncompiled_optimizers import COMPILER, uncompiled


@pytest.fixture
def no_compiler(monkeypatch):
    """As if nothing had imported the compiler, and nothing could."""
    monkeypatch.setitem(sys.modules, COMPILER, None)
    monkeypatch.delitem(sys.modules, COMPILER)
    monkeypatch.setattr(sys, 'meta_path', [Refusal, *sys.meta_path])


class Refusal:
    """A finder that lets nobody import the compiler."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        assert name != COMPILER, 'the compiler is imported'


def trained(optimizer: type, settings: dict) -> tuple[list, dict]:
    """Weights and state of an optimizer after three steps, each from the saved state before."""
    torch.random.manual_seed(0)  # the compiler hides torch.manual_seed from itself
    network = nn.Linear(4, 3)
    state, steps = None, []
    for inputs in torch.randn(3, 8, 4):
        optimizing = optimizer(network.parameters(), **settings)
        optimizing.register_step_post_hook(lambda *_: steps.append(1))
        if state is not None:
            optimizing.load_state_dict(state)
        optimizing.zero_grad()
        network(inputs).square().sum().backward()
        optimizing.step()
        state = optimizing.state_dict()
    assert len(steps) == 3, 'hooks of a step are called once'
    return list(network.parameters()), state['state']


SETTINGS = {'SGD': dict(lr=0.1, momentum=0.9), 'Adam': dict(lr=0.1), 'AdamW': dict(lr=0.1)}


@pytest.mark.parametrize('name', SETTINGS)
def test_same_as_pytorchs(name, no_compiler, monkeypatch):
    found = trained(OPTIMIZERS.get(name), SETTINGS[name])
    monkeypatch.undo()
    expected = trained(getattr(torch.optim, name), SETTINGS[name] | dict(fused=True))
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_made_from_a_class_with_instances(no_compiler, monkeypatch):
    """PyTorch wraps a class's step when its first instance is made."""

    class Used(torch.optim.SGD):
        pass

    monkeypatch.undo()
    expected = trained(Used, SETTINGS['SGD'])
    monkeypatch.setattr(sys, 'meta_path', [Refusal, *sys.meta_path])
    monkeypatch.delitem(sys.modules, COMPILER)
    found = trained(uncompiled(Used), SETTINGS['SGD'])
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_with_the_compiler_pytorchs_own_methods_run(monkeypatch):
    called = []
    monkeypatch.setattr(torch._dynamo, 'graph_break', lambda: called.append('step'))
    assert COMPILER in sys.modules
    trained(OPTIMIZERS.get('AdamW'), SETTINGS['AdamW'])
    assert called == 6 * ['step']


def test_other_optimizers_stay_as_they_are():
    """LBFGS has a step of its own, and a method that is no wrapper is not touched."""
    assert uncompiled(torch.optim.LBFGS).step is torch.optim.LBFGS.step

    class Own(torch.optim.SGD):
        def zero_grad(self, set_to_none: bool = True) -> None: ...

        def step(self, closure=None) -> None: ...

    derived = uncompiled(Own)
    assert derived.zero_grad is Own.zero_grad
    assert derived.step is Own.step
    assert derived.__name__ == 'Own'

"""Optimizers by their names: those of other packages, and fast ones on CPUs."""

import sys

import mmengine.registry
import pytest
import torch
from torch import nn

from halp_mm.registry import OPTIMIZERS

PACKAGE = """
from torch.optim import SGD

class Adafactor(SGD):
    pass
"""


#: mmengine imports that package where it is installed, unless our commands keep it from doing so.
not_mmengines = pytest.mark.skipif(
    'Adafactor' in mmengine.registry.OPTIMIZERS.module_dict,
    reason='mmengine itself has registered the Adafactor of the installed transformers',
)


@pytest.fixture
def transformers(tmp_path, monkeypatch):
    """A package of this name, which is not imported before or after the test."""
    (tmp_path / 'transformers.py').write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'transformers', raising=False)
    yield
    sys.modules.pop('transformers', None)


@not_mmengines
def test_adafactor_is_that_of_transformers(transformers):
    parameters = nn.Linear(2, 1).parameters()
    optimizer = OPTIMIZERS.build(dict(type='Adafactor', params=parameters, lr=0.25))
    assert (type(optimizer).__module__, type(optimizer).__name__) == ('transformers', 'Adafactor')
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]['lr'] == 0.25


@not_mmengines
def test_adafactor_without_transformers_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ValueError, match=r'pip install transformers, or take .* TorchAdafactor'):
        OPTIMIZERS.build(dict(type='Adafactor', params=nn.Linear(2, 1).parameters()))


def updated(optimizer, **settings):
    """A network's weights after three steps."""
    torch.manual_seed(0)
    network = nn.Linear(40, 30)
    optimizing = optimizer(network.parameters(), lr=0.1, **settings)
    for inputs in torch.randn(3, 8, 40):
        optimizing.zero_grad()
        network(inputs).square().sum().backward()
        optimizing.step()
    return [one.detach() for one in network.parameters()], optimizing


@pytest.mark.parametrize('name', ['SGD', 'Adam', 'AdamW', 'Adagrad'])
def test_optimizers_are_fused_on_cpus(name):
    """All groups, also later ones; results differ by rounding."""
    found, optimizer = updated(OPTIMIZERS.get(name), weight_decay=0.1)
    optimizer.add_param_group(dict(params=[nn.Parameter(torch.zeros(2))]))
    assert all(group['fused'] is True for group in optimizer.param_groups)
    expected, plain = updated(getattr(torch.optim, name), weight_decay=0.1)
    assert not plain.param_groups[0]['fused']
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('way', [dict(fused=False), dict(foreach=True), dict(foreach=False)])
def test_a_config_chooses_how_updates_are_computed(way):
    found, optimizer = updated(OPTIMIZERS.get('AdamW'), **way)
    assert not optimizer.param_groups[0]['fused']
    expected, _ = updated(torch.optim.AdamW, **way)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_only_floating_point_parameters_of_a_cpu_are_fused():
    parameter = nn.Parameter(torch.zeros(2, device='meta'))
    assert not OPTIMIZERS.build(dict(type='AdamW', params=[parameter])).defaults['fused']
    complex_parameter = nn.Parameter(torch.zeros(2, dtype=torch.complex64))
    assert not OPTIMIZERS.build(dict(type='AdamW', params=[complex_parameter])).defaults['fused']
    assert (
        'fused'
        not in OPTIMIZERS.build(dict(type='NAdam', params=[nn.Parameter(torch.zeros(2))])).defaults
    )

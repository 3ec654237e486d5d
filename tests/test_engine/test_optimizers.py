"""Optimizers of other packages by their names."""

import sys

import pytest
import torch
from torch import nn

from halp_mm.registry import OPTIMIZERS

PACKAGE = """
from torch.optim import SGD

class Adafactor(SGD):
    pass
"""


@pytest.fixture
def transformers(tmp_path, monkeypatch):
    """A package of this name, which is not imported before or after the test."""
    (tmp_path / 'transformers.py').write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, 'transformers', raising=False)
    yield
    sys.modules.pop('transformers', None)


def test_adafactor_is_that_of_transformers(transformers):
    parameters = nn.Linear(2, 1).parameters()
    optimizer = OPTIMIZERS.build(dict(type='Adafactor', params=parameters, lr=0.25))
    assert (type(optimizer).__module__, type(optimizer).__name__) == ('transformers', 'Adafactor')
    assert isinstance(optimizer, torch.optim.SGD)
    assert optimizer.param_groups[0]['lr'] == 0.25


def test_adafactor_without_transformers_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, 'transformers', None)
    with pytest.raises(ValueError, match=r'pip install transformers, or take .* TorchAdafactor'):
        OPTIMIZERS.build(dict(type='Adafactor', params=nn.Linear(2, 1).parameters()))

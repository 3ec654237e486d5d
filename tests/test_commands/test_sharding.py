"""What a single process has no use for is not imported; elsewhere nothing changes."""

import sys

import pytest

from halp_mm.commands.sharding import _RANKS, SHARDING, sharding_left_out


@pytest.fixture
def nothing_imported(monkeypatch):
    """As in a new process that no launcher has started."""
    for name in ('mmengine', *SHARDING):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in _RANKS:
        monkeypatch.delenv(name, raising=False)


def test_classes_stand_in_and_cannot_be_made(nothing_imported):
    with sharding_left_out():
        from torch.distributed.fsdp import MixedPrecision
        from torch.distributed.optim import ZeroRedundancyOptimizer
    assert not set(SHARDING) & set(sys.modules)

    class Derived(ZeroRedundancyOptimizer):
        pass

    assert MixedPrecision.__module__ == 'torch.distributed.fsdp'
    with pytest.raises(ValueError, match='Derived shards over several processes, and this is a'):
        Derived([])


@pytest.mark.parametrize('reason', ['RANK', 'mmengine', SHARDING[0]])
def test_nothing_is_left_out_where_it_may_be_used(reason, nothing_imported, monkeypatch):
    if reason.isupper():
        monkeypatch.setenv(reason, '0')
    else:
        monkeypatch.setitem(sys.modules, reason, sys)
    before = dict(sys.modules)
    with sharding_left_out():
        assert sys.modules == before


def test_nothing_stays_behind_after_an_error(nothing_imported):
    with pytest.raises(KeyError), sharding_left_out():
        raise KeyError
    assert not set(SHARDING) & set(sys.modules)

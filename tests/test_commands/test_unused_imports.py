"""What a single process has no use for is not imported; elsewhere nothing changes."""

import sys

import pytest

from halp_mm.commands.unused_imports import (
    _RANKS,
    SHARDING,
    TRANSFORMERS,
    unused_imports_left_out,
)


@pytest.fixture
def nothing_imported(monkeypatch):
    """As in a new process that no launcher has started."""
    for name in ('mmengine', TRANSFORMERS, *SHARDING):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in _RANKS:
        monkeypatch.delenv(name, raising=False)


def test_classes_stand_in_and_cannot_be_made(nothing_imported):
    with unused_imports_left_out():
        from torch.distributed.fsdp import MixedPrecision
        from torch.distributed.optim import ZeroRedundancyOptimizer

        with pytest.raises(ImportError):
            import transformers  # noqa: F401
    assert not {TRANSFORMERS, *SHARDING} & set(sys.modules)

    class Derived(ZeroRedundancyOptimizer):
        pass

    assert MixedPrecision.__module__ == 'torch.distributed.fsdp'
    with pytest.raises(ValueError, match='Derived shards over several processes, and this is a'):
        Derived([])


@pytest.mark.parametrize('reason', ['RANK', 'mmengine', SHARDING[0], TRANSFORMERS])
def test_nothing_is_left_out_where_it_may_be_used(reason, nothing_imported, monkeypatch):
    if reason.isupper():
        monkeypatch.setenv(reason, '0')
    else:
        monkeypatch.setitem(sys.modules, reason, sys)
    left_out = {
        'mmengine': set(),
        TRANSFORMERS: set(SHARDING),
    }.get(reason, {TRANSFORMERS})
    before = dict(sys.modules)
    with unused_imports_left_out():
        changed = {
            name
            for name, module in sys.modules.items()
            if name not in before or before[name] is not module
        }
        assert changed == left_out
    assert sys.modules == before


def test_nothing_stays_behind_after_an_error(nothing_imported):
    with pytest.raises(KeyError), unused_imports_left_out():
        raise KeyError
    assert not set(SHARDING) & set(sys.modules)

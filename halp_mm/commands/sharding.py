"""Imports of mmengine that a command in a single process has no use for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: Modules of torch that shard a model or an optimizer over several processes. With what they
#: import, such as SymPy, they are a sixth of a training's start-up.
SHARDING = (
    'torch.distributed.fsdp',
    'torch.distributed.fsdp.api',
    'torch.distributed.fsdp.fully_sharded_data_parallel',
    'torch.distributed.optim',
)
#: How launchers number processes.
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK', 'PMI_RANK')


@contextmanager
def sharding_left_out() -> Iterator[None]:
    """Import mmengine within the block without torch's modules for sharding.

    mmengine derives three classes from them, ``MMFullyShardedDataParallel``, ``FSDPStrategy`` and
    ``ZeroRedundancyOptimizer``, which need several processes. Where a launcher has started this
    process, or mmengine or one of the modules is imported already, nothing is left out. Afterwards
    the modules can be imported as ever.
    """
    if any(name in os.environ or name in sys.modules for name in (*_RANKS, *SHARDING, 'mmengine')):
        yield
        return
    stand_ins = {name: _StandIn(name) for name in SHARDING}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


class _StandIn(ModuleType):
    """A module that has a class of any name, of which there can be no objects."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        made = type(name, (_Unavailable,), {'__module__': self.__name__})
        setattr(self, name, made)
        return made


class _Unavailable:
    """The base of classes that stand in for others."""

    def __new__(cls, *args: object, **kwargs: object) -> _Unavailable:
        """Refuse to be made."""
        raise ValueError(
            f'{cls.__name__} shards over several processes, and this is a single one; start it '
            'with torchrun or another launcher'
        )

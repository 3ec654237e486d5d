"""Imports of mmengine that a training has no use for."""

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
#: mmengine imports it, if it is installed, to register its ``Adafactor``. That takes half a second,
#: and with some versions also imports SciPy, scikit-learn and PyTorch's compiler.
TRANSFORMERS = 'transformers'
#: How launchers number processes.
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK', 'PMI_RANK')


@contextmanager
def unused_imports_left_out() -> Iterator[None]:
    """Import mmengine within the block without what a training has no use for.

    From torch's modules for sharding mmengine derives ``MMFullyShardedDataParallel``,
    ``FSDPStrategy`` and ``ZeroRedundancyOptimizer``, which need several processes: the modules stay
    where a launcher has started this process. The package ``transformers`` is left out everywhere,
    see :func:`halp_mm.engine.optimizers.adafactor`. What is imported already stays, and nothing is
    left out if mmengine is. Afterwards all can be imported as ever.
    """
    if 'mmengine' in sys.modules:
        yield
        return
    stand_ins: dict[str, ModuleType | None] = {}
    if TRANSFORMERS not in sys.modules:
        stand_ins[TRANSFORMERS] = None  # its import fails, as if it were not installed
    if not any(name in os.environ or name in sys.modules for name in (*_RANKS, *SHARDING)):
        stand_ins |= {name: _StandIn(name) for name in SHARDING}
    sys.modules.update(stand_ins)  # type: ignore[arg-type]
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

"""Mixed precision on CPUs that compute in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from mmengine.optim import OptimWrapper
from torch import nn

from halp_mm.registry import OPTIM_WRAPPERS

_CPU_INFO = Path('/proc/cpuinfo')
#: What Linux calls the instructions of x86 and Arm processors.
_INSTRUCTIONS = {'avx512_bf16', 'amx_bf16', 'bf16'}


def has_bfloat16(cpu_info: Path = _CPU_INFO) -> bool:
    """Whether the CPU multiplies matrices of bfloat16; elsewhere they are slower than float32.

    Args:
        cpu_info: Where Linux lists the CPU's instructions; on other systems the answer is no.
    """
    try:
        return not _INSTRUCTIONS.isdisjoint(cpu_info.read_text(encoding='utf-8').split())
    except OSError:
        return False


@OPTIM_WRAPPERS.register_module()
class Bfloat16OptimWrapper(OptimWrapper):
    """Forward passes in bfloat16 where that is safe, on the model's device.

    mmengine's ``AmpOptimWrapper`` is for GPUs only. Like there, weights and their updates stay in
    float32. bfloat16 has the range of float32, so losses need no scaling.
    """

    #: The type of the forward passes, under the name that it has in ``AmpOptimWrapper``.
    cast_dtype = torch.bfloat16

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """The context of a training step's forward pass."""
        device = next(model.parameters()).device.type
        with super().optim_context(model), torch.autocast(device, self.cast_dtype):
            yield

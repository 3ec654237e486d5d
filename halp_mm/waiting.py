"""When the CPU may look at values without waiting for a device."""

from __future__ import annotations

import torch


def may_ask(device: torch.device) -> bool:
    """Whether values may be read off a device without waiting for it.

    Not while a compiler or an exporter traces, which knows no values.
    """
    return device.type == 'cpu' and not torch.compiler.is_compiling()

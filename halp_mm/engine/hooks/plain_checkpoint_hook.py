"""Keep checkpoints to tensors and plain containers."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner


class PlainCheckpointHook(Hook):
    """Write the logs' histories as tensors, and restore them on reading.

    mmengine pickles its ``HistoryBuffer`` objects with their methods, which
    ``torch.load(weights_only=True)`` refuses.
    """

    priority = 'LOWEST'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace histories by their values and counts, NumPy's scalars by Python's."""
        hub = checkpoint['message_hub']
        hub['log_scalars'] = {
            key: {
                name: torch.as_tensor(values, dtype=torch.float64)
                for name, values in zip(('values', 'counts'), buffer.data)
            }
            for key, buffer in hub['log_scalars'].items()
        }
        hub['runtime_info'] = {
            key: value.item() if isinstance(value, np.generic) else value
            for key, value in hub['runtime_info'].items()
        }

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Replace values and counts by a history."""
        hub = checkpoint.get('message_hub', {})
        for key, history in hub.get('log_scalars', {}).items():
            values, counts = (history[name].tolist() for name in ('values', 'counts'))
            hub['log_scalars'][key] = HistoryBuffer(values, counts)

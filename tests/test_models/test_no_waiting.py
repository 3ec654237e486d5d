"""A training step must not make the CPU wait for the device."""

from typing import ClassVar

import torch
from mmengine.config import Config
from torch.utils._python_dispatch import TorchDispatchMode

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.runs import CONFIG


class RefuseToWait(TorchDispatchMode):
    """Raises where an operation would need a value, or a size, from the device."""

    WAITING: ClassVar = {
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.nonzero.default,
        torch.ops.aten.masked_select.default,
        torch.ops.aten.equal.default,
    }

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function not in self.WAITING, f'{function} waits for the device'
        return function(*args, **(kwargs or {}))


def test_training_step_does_not_wait(random_clips):
    config = Config.fromfile(CONFIG)
    config.model.encoder.hidden_size = 8
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    optimizer = torch.optim.SGD(model.query_networks.parameters(), 0.1, 0.9, foreach=True)
    dataset = SkeletonDataset(random_clips, 'train')
    batch = pad_clips([dataset[i] for i in range(4)])
    # Prototypes are updated in iteration 0; there k-means asks a CPU, but never a GPU, to stop.
    epoch = config.model.heads.halp.start_epoch
    with RefuseToWait():
        batch['progress'] = TrainingProgress(epoch, 5 * epoch + 1, iterations_per_epoch=5)
        losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
        optimizer.zero_grad()
        (losses['joint/moco/loss'] + losses['joint/halp/loss']).backward()
        optimizer.step()
    assert 'joint/halp/positives_kept' in losses


def test_the_guard_can_fail():
    with RefuseToWait():
        try:
            torch.ones(1).item()
        except AssertionError:
            return
    raise AssertionError('item() waits, and was not refused')

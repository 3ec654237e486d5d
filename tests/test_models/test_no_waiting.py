"""A training step must not make the CPU wait for the device; see also test_gpu.py."""

from contextlib import nullcontext
from typing import ClassVar
from unittest import mock

import pytest
import torch
from mmengine.config import Config
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes

from halp_mm import waiting
from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.runs import CONFIG, ROOT


class RefuseToWait(TorchDispatchMode):
    """Raises where an operation would need a value, or a size, from the device."""

    WAITING: ClassVar = {
        torch.ops.aten._local_scalar_dense.default,
        torch.ops.aten.nonzero.default,
        torch.ops.aten.masked_select.default,
        torch.ops.aten.equal.default,
        torch.ops.aten._unique.default,
        torch.ops.aten._unique2.default,
        torch.ops.aten.unique_dim.default,
        torch.ops.aten.unique_consecutive.default,
        torch.ops.aten.unique_dim_consecutive.default,
        torch.ops.aten.bincount.default,
    }
    INDEXING: ClassVar = {
        torch.ops.aten.index.Tensor,
        torch.ops.aten.index_put.default,
        torch.ops.aten.index_put_.default,
        torch.ops.aten._index_put_impl_.default,
        torch.ops.aten._unsafe_index.Tensor,
    }

    def __enter__(self):
        # A CPU may be asked, for example which clips chose a transform.
        self.as_on_a_gpu = mock.patch.object(waiting, 'may_ask', return_value=False)
        # What NumPy draws on a CPU may be sent while other work is done.
        self.of_the_host = mock.patch.object(torch, 'from_numpy', of_the_host)
        self.as_on_a_gpu.start()
        self.of_the_host.start()
        return super().__enter__()

    def __exit__(self, *error):
        self.of_the_host.stop()
        self.as_on_a_gpu.stop()
        return super().__exit__(*error)

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        assert not self.waits(function, args, kwargs), f'{function} waits for the device'
        return function(*args, **kwargs)

    def waits(self, function, args, kwargs) -> bool:
        if function is torch.ops.aten.repeat_interleave.Tensor:
            return kwargs.get('output_size') is None
        if function in self.INDEXING:
            masks = [i for i in args[1] if i is not None and i.dtype in (torch.bool, torch.uint8)]
            fills_with_one_value = len(args) > 2 and args[2].numel() == 1  # needs no sizes
            return bool(masks) and not fills_with_one_value
        if function is torch.ops.aten.lift_fresh.default:
            return args[0].numel() > 1  # a list's values, which are sent at once
        return function in self.WAITING


def of_the_host(array, from_numpy=torch.from_numpy):
    with _disable_current_modes():
        return from_numpy(array)


def batch_of(config, data_file, count):
    """The first clips that a config's training would see if this were its data file."""
    num_people = config.train_dataloader.dataset.get('num_people')
    dataset = SkeletonDataset(data_file, 'train', num_people=num_people)
    return pad_clips([dataset[i] for i in range(count)])


def test_training_step_does_not_wait(random_clips):
    config = Config.fromfile(CONFIG)
    config.model.encoder.hidden_size = 8
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    optimizer = torch.optim.SGD(model.query_networks.parameters(), 0.1, 0.9, foreach=True)
    batch = batch_of(config, random_clips, 4)
    # Prototypes are updated in iteration 0; there k-means asks a CPU, but never a GPU, to stop.
    epoch = config.model.heads.halp.start_epoch
    for iteration, guard in enumerate((nullcontext(), RefuseToWait()), 1):
        with guard:  # after a first step, which sets things up
            batch['progress'] = TrainingProgress(epoch, 5 * epoch + iteration, 5)
            losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
            optimizer.zero_grad()
            (losses['joint/moco/loss'] + losses['joint/halp/loss']).backward()
            optimizer.step()
    assert 'joint/halp/positives_kept' in losses


OTHERS = ['pstl/stgcn', 'cmd/va-bigru', 'va_lstm/lstm', 'halp/agcn']
OTHERS += ['sebirenet/sebirenet', 'colorization/dgcnn', 'longt_gan/gru']
OTHERS += ['gl_transformer/gltransformer', 'h_transformer/transformer']


@pytest.mark.parametrize('name', OTHERS)
def test_steps_of_other_methods_do_not_wait(name, random_clips):
    config = Config.fromfile(ROOT / 'configs' / f'{name}_synthetic_xsub.py')
    model = MODELS.build({**config.model, 'data_preprocessor': config.data_preprocessor})
    batch = batch_of(config, random_clips, 4)
    for iteration, guard in enumerate((nullcontext(), RefuseToWait())):
        batch['progress'] = TrainingProgress(1000, 5000 + iteration, iterations_per_epoch=5)
        with guard:  # after a first step, which sets things up
            losses = model(**model.data_preprocessor(batch, training=True), mode='loss')
            total, _ = model.parse_losses(losses)
            total.backward()
    assert total.isfinite()


def assign_by_a_mask(x):
    x[x > 0] = torch.ones(3)


@pytest.mark.parametrize(
    'waiting',
    [
        lambda x: x[0].item(),
        lambda x: x.nonzero(),
        lambda x: x.masked_select(x > 0),
        lambda x: x.equal(x),
        lambda x: x[x > 0],
        assign_by_a_mask,
        lambda x: x.unique(),
        lambda x: x.unique(return_inverse=True),
        lambda x: x[None].unique(dim=0),
        lambda x: x.unique_consecutive(),
        lambda x: x[None].unique_consecutive(dim=0),
        lambda x: x.long().bincount(),
        lambda x: x.repeat_interleave(torch.tensor([1, 2, 0])),
        lambda x: x * torch.tensor([1, 2, 4], device=x.device),
        lambda x: x[[0, 2]],
    ],
)
def test_the_guard_can_fail(waiting):
    x = torch.ones(3)
    waiting(x)
    with RefuseToWait(), pytest.raises(AssertionError, match='waits for the device'):
        waiting(x)


def test_the_guard_lets_pass_what_does_not_wait():
    x = torch.tensor([1.0, 2.0, 3.0])
    places, values = torch.tensor([0, 2]), torch.tensor([4.0, -5.0])
    counts = torch.tensor([1, 2, 0])
    with RefuseToWait():
        x[places] = values
        x[x < 0] = 0.0
        filled = x.masked_fill(x > 3, 1.0)
        twice = x.repeat_interleave(2)
        each = x.repeat_interleave(counts, output_size=3)
    assert x.tolist() == [4, 2, 0]
    assert filled.tolist() == [1, 2, 0]
    assert twice.tolist() == [4, 4, 2, 2, 0, 0]
    assert each.tolist() == [4, 2, 2]

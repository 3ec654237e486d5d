"""What every pre-training head promises."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from halp_mm.models import Pretrainer
from halp_mm.testing.examples import example_clips, generator, require
from halp_mm.training_progress import TrainingProgress

_ENCODER = dict(type='BiGRU', hidden_size=8, num_layers=1)
_PROJECTOR = dict(type='Projector', out_dim=8)
_LENGTHS = [16] * 8
_MASKED = 0.5
_CHOSEN = 3
_CELL = 8  # frames
_ORDERS = 6  # of three segments


def check_head(
    config: dict,
    streams: Sequence[str] = ('joint',),
    num_steps: int = 12,
    **settings: Any,
) -> None:
    """Check what a pre-trainer relies on in a head.

    In a pre-trainer with a small BiGRU, the head finds what it declares to read, has a finite loss
    for each stream that reaches the encoders, draws only from the generators of the training
    progress, and has a state that can be saved and loaded between any two steps.

    Args:
        config: The head's config, as in ``model.heads``. Numbers of keys must fit batches of 8
            clips and the queue of 32 keys.
        streams: The streams of the pre-trainer.
        num_steps: Steps within which the head has a loss: it may wait for keys.
        **settings: Further settings of the :class:`~halp_mm.models.Pretrainer`, such as
            ``derived_maps``, or another ``encoder``.

    Raises:
        AssertionError: if a promise is broken; says which.

    Example:
        >>> check_head(dict(type='MoCoHead'))
        >>> check_head(dict(type='CMDHead', top_k=4), streams=('joint', 'motion'))
    """
    name = str(config.get('type'))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        given: dict[str, Any] = dict(
            encoder=_ENCODER, projector=_PROJECTOR, queue_size=32, momentum=0.9
        )
        model = Pretrainer(heads={'head': config}, streams=list(streams), **{**given, **settings})
    model.train()
    learned: set[str] = set()
    for step in range(num_steps):
        copied = copy.deepcopy(model)
        losses = _take_step(model, step, name)
        _check_scalars(name, losses, model.terms['head'].streams)
        _check_repetition(name, copied, losses, step)
        with_loss = {
            key.partition('/')[0]: value for key, value in losses.items() if key.endswith('/loss')
        }
        learned |= _check_gradients(name, model, with_loss)
    silent = [stream for stream in model.terms['head'].streams if stream not in learned]
    require(
        not silent,
        f'{name} has no loss of {", ".join(silent)} that reaches an encoder within {num_steps} '
        'steps',
    )


def _take_step(model: Pretrainer, step: int, name: str) -> dict[str, Tensor]:
    """The scalars of a step on random views, by name."""
    progress = TrainingProgress(epoch=step, iteration=step, seed=0)
    wanted = set().union(*(model.reads_at(progress, s).views for s in model.sources))
    source = generator(step)
    views, draws = {}, {}
    for view in sorted({model.bases.get(view, view) for view in wanted}):
        clips = example_clips(_LENGTHS, seed=int(torch.randint(1 << 30, (), generator=source)))
        views[view] = dict.fromkeys(set(model.sources.values()), clips.coordinates)
        shape = clips.coordinates.shape[:-1]
        count, people, frames, joints = shape
        cells = torch.rand(count, people, frames // _CELL, joints, generator=source) < _MASKED
        draws[view] = {
            'mask': cells.repeat_interleave(_CELL, 2),
            'hidden': cells.flatten().nonzero().flatten(),
            'chosen_frames': torch.randint(-1, frames, (count, _CHOSEN), generator=source),
            'rotation': torch.linalg.qr(torch.randn(count, 3, 3, generator=source)).Q,
            'permutation': torch.randint(_ORDERS, (count,), generator=source),
        }
    state = torch.get_rng_state()
    labels = torch.arange(len(_LENGTHS)) // 2
    losses = model(views, labels, draws, progress, mode='loss')
    require(
        torch.equal(torch.get_rng_state(), state),
        f"{name} draws from PyTorch's own generator; expected one of progress.generator",
    )
    return losses


def _check_scalars(name: str, losses: Mapping[str, Tensor], streams: Sequence[str]) -> None:
    """See that scalars are finite and of the head's streams."""
    for key, value in losses.items():
        stream = key.partition('/')[0]
        require(stream in streams, f'{name} has {key}; its streams are {list(streams)}')
        require(value.ndim == 0, f'{name}: {key} is {list(value.shape)}; expected a scalar')
        require(bool(value.isfinite()), f'{name}: {key} is {float(value.detach())}')


def _check_repetition(
    name: str, model: Pretrainer, losses: Mapping[str, Tensor], step: int
) -> None:
    """See that a model with the same saved state repeats the step."""
    restored = copy.deepcopy(model)
    for value in restored.state_dict().values():
        value.zero_()
    restored.load_state_dict(model.state_dict())
    again = _take_step(restored, step, name)
    require(
        again.keys() == losses.keys() and all(torch.equal(again[k], losses[k]) for k in losses),
        f'{name}: after loading its state dict, step {step} has other scalars; expected its state '
        'in buffers, and its draws from progress.generator',
    )


def _check_gradients(name: str, model: Pretrainer, losses: Mapping[str, Tensor]) -> set[str]:
    """The streams whose loss reaches an encoder."""
    reached = set()
    for stream, loss in losses.items():
        if not loss.requires_grad:
            continue
        model.zero_grad()
        loss.backward(retain_graph=True)
        gradients = [p.grad for p in model.query_networks.parameters() if p.grad is not None]
        require(
            all(bool(gradient.isfinite().all()) for gradient in gradients),
            f'{name}: a gradient of the loss of {stream} is not finite',
        )
        if any(bool(gradient.any()) for gradient in gradients):
            reached.add(stream)
    model.zero_grad()
    return reached

"""The common part of protocols that train something with labels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from halp_mm.argument_checks import (
    check_at_least,
    check_choice,
    check_count,
    check_flag,
    check_fraction,
    check_positive,
)
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import Protocol
from halp_mm.transforms import build_transform


class TrainedProtocol(Protocol):
    """A protocol that trains, by SGD unless it says otherwise.

    Accuracies are those after the last epoch. ``best_top1`` is the highest top-1 accuracy after
    any epoch, and ``best_epoch`` the first that has it, counted from 1: chosen by the test clips,
    and therefore not a fair metric, but some papers report it.

    Args:
        epochs: Passes over the training clips.
        batch_size: Number of clips in a step.
        learning_rate: Learning rate of the optimizer.
        momentum: Momentum of SGD.
        weight_decay: Weight decay of the optimizer.
        milestones: Epochs after which the learning rate is multiplied by ``gamma``.
        gamma: Factor of the learning rate at each milestone.
        optimizer: ``'SGD'`` or ``'Adam'``.
        cosine: Whether the learning rate falls to zero along a cosine instead of at milestones.
        train_view: Transforms of the training clips; the preprocessor's evaluation view if absent.
        **kwargs: See :class:`Protocol`. The seed determines everything that is drawn.

    Raises:
        ValueError: if an argument is out of its range.
    """

    trains_classifiers = True

    def __init__(
        self,
        epochs: int = 80,
        batch_size: int = 64,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        milestones: Sequence[int] = (50, 70),
        gamma: float = 0.1,
        optimizer: str = 'SGD',
        cosine: bool = False,
        train_view: Sequence[dict] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_count(epochs=epochs, batch_size=batch_size)
        check_positive(learning_rate=learning_rate)
        check_fraction(below_one=True, momentum=momentum)
        check_at_least(0, weight_decay=weight_decay)
        check_fraction(above_zero=True, gamma=gamma)
        check_choice(['SGD', 'Adam'], optimizer=optimizer)
        check_flag(cosine=cosine)
        for milestone in milestones:
            check_count(milestones=milestone)
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.milestones = tuple(milestones)
        self.gamma = gamma
        self.optimizer = optimizer
        self.cosine = cosine
        self.train_view = None if train_view is None else build_transform(list(train_view))

    def make_optimizer(
        self, parameters: Iterable[nn.Parameter] | Sequence[dict]
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """The optimizer of parameters, or groups of them, and its schedule of a step an epoch."""
        if self.optimizer == 'Adam':
            optimizer = torch.optim.Adam(
                parameters, self.learning_rate, weight_decay=self.weight_decay
            )
        else:
            optimizer = torch.optim.SGD(
                parameters, self.learning_rate, self.momentum, weight_decay=self.weight_decay
            )
        if self.cosine:
            return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.epochs)
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, self.milestones, self.gamma)
        return optimizer, scheduler


class EpochJudge:
    """Keeps the top-1 accuracy after each epoch.

    Args:
        test_dataset: The test clips.
    """

    def __init__(self, test_dataset: SkeletonDataset) -> None:
        self.labels = test_dataset.labels
        self.top1_of_epochs: list[float] = []

    def add(self, by_stream: Mapping[str, Tensor]) -> None:
        """Judge an epoch by its class scores ``[num_test, classes]`` by stream."""
        fused = torch.stack(list(by_stream.values())).mean(0)
        labels = self.labels.to(fused.device)
        self.top1_of_epochs.append(top_k_accuracy(fused, labels, 1))

    @property
    def metrics(self) -> dict[str, float]:
        """``best_top1`` and ``best_epoch``."""
        best = max(self.top1_of_epochs)
        return {'best_top1': best, 'best_epoch': 1 + self.top1_of_epochs.index(best)}

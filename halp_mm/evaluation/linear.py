"""The linear probe: a linear classifier on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import repeat

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import Protocol
from halp_mm.registry import PROTOCOLS
from halp_mm.transforms import build_transform


@PROTOCOLS.register_module()
class LinearProtocol(Protocol):
    """Linear evaluation: HaLP, Sec. 4.3; the defaults are the GRU family's.

    The encoder is frozen and in evaluation mode. A training view with random draws is encoded
    anew in every epoch; without one, features are computed once and only the classifier trains.
    ``top1`` and ``top5`` are those after the last epoch. ``best_top1`` is the highest top-1
    accuracy after any epoch, and ``best_epoch`` the first that has it, counted from 1: chosen by
    the test clips, and therefore no fair figure, but some papers report it.

    Args:
        epochs: Passes over the training clips.
        batch_size: Clips of a step of the classifier.
        learning_rate: Of SGD.
        momentum: Of SGD.
        weight_decay: Of SGD.
        milestones: Epochs after which the learning rate is divided by ten.
        train_view: Transforms of the training clips; the preprocessor's evaluation view if absent.
        **kwargs: See :class:`Protocol`. The seed is that of the classifier's start, the order of
            clips and the draws of the training view.
    """

    def __init__(
        self,
        epochs: int = 80,
        batch_size: int = 64,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        milestones: Sequence[int] = (50, 70),
        train_view: Sequence[dict] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.milestones = tuple(milestones)
        self.train_view = None if train_view is None else build_transform(list(train_view))

    def scores(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> dict[str, Tensor]:
        """See :meth:`scores_and_metrics`."""
        return self.scores_and_metrics(model, train_dataset, test_dataset)[0]

    def scores_and_metrics(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> tuple[dict[str, Tensor], dict[str, float]]:
        """Train a classifier for each stream; scores are its probabilities after the last epoch."""
        preprocessor = model.data_preprocessor
        train_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        draws_anew = self.train_view is not None and self.train_view.is_random
        encode = partial(
            extract_features, model, train_dataset, self.encoding_batch_size, self.train_view
        )
        if draws_anew:
            features = (encode(seed=(self.seed, epoch)) for epoch in range(self.epochs))
        else:
            features = repeat(encode(), self.epochs)
        test = extract_features(model, test_dataset, self.encoding_batch_size)
        num_classes = len(train_dataset.metainfo['classes'])
        top1_of_epochs = []

        def judge(classifiers: nn.ModuleDict) -> None:
            fused = torch.stack(list(_probabilities(classifiers, test).values())).mean(0)
            labels = test_dataset.labels.to(fused.device)
            top1_of_epochs.append(top_k_accuracy(fused, labels, 1))

        classifiers = self.train(features, train_dataset.labels, num_classes, after_epoch=judge)
        best = max(top1_of_epochs)
        metrics = {'best_top1': best, 'best_epoch': 1 + top1_of_epochs.index(best)}
        return _probabilities(classifiers, test), metrics

    def train(
        self,
        features_of_epochs: Iterable[dict[str, Tensor]],
        labels: Tensor,
        num_classes: int,
        after_epoch: Callable[[nn.ModuleDict], None] | None = None,
    ) -> dict[str, nn.Linear]:
        """Train one linear classifier a stream.

        Args:
            features_of_epochs: For each epoch the features ``[N, D]`` by stream.
            labels: ``[N]``.
            num_classes: Number of classes.
            after_epoch: Is shown the classifiers after each epoch.
        """
        generator = torch.Generator().manual_seed(self.seed)
        classifiers = nn.ModuleDict()
        for features in features_of_epochs:
            if not classifiers:
                for stream, feature in features.items():
                    classifier = linear_classifier(feature.shape[1], num_classes, generator)
                    classifiers[stream] = classifier.to(feature.device)
                labels = labels.to(feature.device)
                optimizer = torch.optim.SGD(
                    classifiers.parameters(),
                    self.learning_rate,
                    self.momentum,
                    weight_decay=self.weight_decay,
                )
                scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, self.milestones, 0.1)
            order = torch.randperm(len(labels), generator=generator).to(labels.device)
            for batch in order.split(self.batch_size):
                losses = [
                    F.cross_entropy(classifier(features[stream][batch]), labels[batch])
                    for stream, classifier in classifiers.items()
                ]
                optimizer.zero_grad()
                sum(losses).backward()
                optimizer.step()
            scheduler.step()
            if after_epoch is not None:
                after_epoch(classifiers)
        return dict(classifiers.items())


def linear_classifier(num_features: int, num_classes: int, generator: torch.Generator) -> nn.Linear:
    """A linear layer with small normal weights and no bias to begin with."""
    layer = nn.Linear(num_features, num_classes)
    nn.init.normal_(layer.weight, std=0.01, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


@torch.no_grad()
def _probabilities(
    classifiers: Mapping[str, nn.Linear] | nn.ModuleDict, features: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    return {
        stream: classifier(features[stream]).softmax(1)
        for stream, classifier in classifiers.items()
    }

"""The linear probe: a linear classifier on frozen features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import torch
import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_flag
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.classifier_search import ClassifierSearch
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.linear_layer import linear_classifier
from halp_mm.evaluation.protocol import Outcome
from halp_mm.evaluation.trained_protocol import EpochJudge, TrainedProtocol
from halp_mm.models import InferenceModel
from halp_mm.registry import PROTOCOLS


@PROTOCOLS.register_module()
class LinearProtocol(TrainedProtocol):
    """Linear evaluation: HaLP, Sec. 4.3; the defaults are the GRU family's.

    The encoder is frozen and in evaluation mode. A training view with random draws is encoded
    anew in every epoch, or ``num_views`` times; without one, features are computed once and only
    the classifier trains.

    Args:
        num_views: How many views of each clip a random ``train_view`` draws, which epochs take in
            turn; None for new ones in every epoch. Their features are kept in memory.
        standardize: Whether every feature is brought to mean 0 and variance 1 over the training
            clips. The learning rate and the weight decay then mean the same for any encoder.
        search: Arguments of a
            :class:`~halp_mm.evaluation.classifier_search.ClassifierSearch`, whose highest accuracy
            on the test clips is reported beside that of the one classifier; None for no search.
        **kwargs: See :class:`TrainedProtocol`. The seed determines the classifier's first
            weights, the order of clips and the draws of the training view.
    """

    def __init__(
        self,
        *args,
        standardize: bool = False,
        search: Mapping | None = None,
        num_views: int | None = None,
        **kwargs,
    ) -> None:
        super().__init__(*args, **kwargs)
        check_flag(standardize=standardize)
        self.draws_anew = self.train_view is not None and self.train_view.is_random
        if num_views is not None:
            check_count(num_views=num_views)
            if not self.draws_anew:
                raise ValueError(
                    f'num_views={num_views} needs a train_view with random draws, such as crops'
                )
        self.num_views = num_views
        self.standardize = standardize
        self.search = None if search is None else ClassifierSearch(**search)

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """Train a classifier for each stream; scores are its probabilities after the last epoch."""
        preprocessor = model.data_preprocessor
        if self.draws_anew:
            train_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        of_view = partial(
            extract_features, model, train_dataset, self.encoding_batch_size, self.train_view
        )
        plain = None
        if not self.draws_anew:
            plain = self.encode(model, train_dataset) if self.train_view is None else of_view()
        test = self.encode(model, test_dataset)
        seen, scales = test, None
        if self.standardize:
            # Without a train view these are the features to train on, too.
            whole = plain if self.train_view is None else self.encode(model, train_dataset)
            scales = {stream: mean_and_deviation(feature) for stream, feature in whole.items()}
            seen = standardized(test, scales)
            plain = None if plain is None else standardized(plain, scales)

        kept: dict[int, dict[str, Tensor]] = {}

        def features_of(epoch: int) -> dict[str, Tensor]:
            if plain is not None:
                return plain
            number = epoch if self.num_views is None else epoch % self.num_views
            if number in kept:
                return kept[number]
            features = of_view(seed=(self.seed, number))
            if scales is not None:
                features = standardized(features, scales)
            if self.num_views is not None:
                kept[number] = features
            return features

        num_classes = len(train_dataset.metainfo['classes'])
        judge = EpochJudge(test_dataset)
        classifiers = self.train(
            map(features_of, range(self.epochs)),
            train_dataset.labels,
            num_classes,
            after_epoch=lambda classifiers: judge.add(_probabilities(classifiers, seen)),
        )
        metrics = judge.metrics
        if self.search is not None:
            searched = self.search.train(
                self,
                map(features_of, range(self.epochs)),
                train_dataset.labels,
                model.encoders,
                num_classes,
            )
            metrics = metrics | self.search.metrics(searched, seen, test_dataset.labels)
        if scales is not None:
            for stream, classifier in classifiers.items():
                take_plain_features(classifier, *scales[stream])
        trained = InferenceModel(model.encoders, model.sources, preprocessor, classifiers)
        return Outcome(_probabilities(classifiers, test), test, metrics, trained)

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
            after_epoch: Called with the classifiers after each epoch.
        """
        generator = torch.Generator().manual_seed(self.seed)
        classifiers = nn.ModuleDict()
        for features in features_of_epochs:
            if not classifiers:
                for stream, feature in features.items():
                    classifier = linear_classifier(feature.shape[1], num_classes, generator)
                    classifiers[stream] = classifier.to(feature.device)
                labels = labels.to(feature.device)
                targets = F.one_hot(labels, num_classes).to(feature.dtype)
                optimizer, scheduler = self.make_optimizer(classifiers.parameters())
            order = torch.randperm(len(labels), generator=generator).to(labels.device)
            for batch in order.split(self.batch_size):
                for stream, classifier in classifiers.items():
                    set_gradients(classifier, features[stream][batch], targets[batch])
                optimizer.step()
            scheduler.step()
            if after_epoch is not None:
                after_epoch(classifiers)
        return dict(classifiers.items())


@torch.no_grad()
def set_gradients(classifier: nn.Linear, features: Tensor, targets: Tensor) -> None:
    """Give a classifier the gradients of its mean cross-entropy.

    Autograd comes to the same up to rounding, but needs about as long for its own work as for the
    products of a small batch.

    Args:
        classifier: The classifier.
        features: ``[B, D]``.
        targets: The classes as rows of ones and zeros, ``[B, classes]``.
    """
    error = classifier(features).softmax(1).sub_(targets).div_(len(targets))
    classifier.weight.grad = error.mT @ features
    classifier.bias.grad = error.sum(0)


def mean_and_deviation(features: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of features ``[N, D]`` and their standard deviation, 1 where that is zero."""
    deviation = features.std(0, correction=0)
    return features.mean(0), torch.where(deviation > 0, deviation, 1)


def standardized(
    features: Mapping[str, Tensor], scales: Mapping[str, tuple[Tensor, Tensor]]
) -> dict[str, Tensor]:
    """Features ``[N, D]`` by stream, minus a mean and divided by a deviation."""
    return {
        stream: (feature - scales[stream][0]) / scales[stream][1]
        for stream, feature in features.items()
    }


@torch.no_grad()
def take_plain_features(classifier: nn.Linear, mean: Tensor, deviation: Tensor) -> None:
    """Make a classifier of standardised features one of the features as they are."""
    classifier.weight.div_(deviation)
    classifier.bias.sub_(classifier.weight @ mean)


@torch.no_grad()
def _probabilities(
    classifiers: Mapping[str, nn.Linear] | nn.ModuleDict, features: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    return {
        stream: classifier(features[stream]).softmax(1)
        for stream, classifier in classifiers.items()
    }

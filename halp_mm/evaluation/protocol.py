"""What a downstream evaluation is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import torch
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.argument_checks import check_count
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.encoder_fit import check_encoders
from halp_mm.evaluation.feature_cache import FeatureCache
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.metrics import top1_hits, top_k_accuracy
from halp_mm.models import InferenceModel

#: What a result's origin may hold, and of which kind.
ORIGIN = {
    'protocol_name': str,
    'train_split': str,
    'run': str,
    'config': str,
    'config_sha256': str,
    'target': str,
    'checkpoint': str,
    'checkpoint_sha256': str,
    'seed': int,
}


@dataclass(frozen=True)
class EvaluationResult:
    """The outcome of an evaluation, on the CPU.

    Args:
        metrics: ``top1`` and ``top5`` per cent, ``num_train``, ``num_test``; with several streams
            also ``STREAM/top1`` and ``STREAM/top5``; and the protocol's own.
        scores: Class scores ``[num_test, classes]``.
        labels: The true classes ``[num_test]``.
        names: The names of the test clips.
        classes: The names of the classes.
        dataset: The name of the data set that the test clips come from.
        split: Their split.
        protocol: What gave the scores, such as ``'LinearProtocol'``.
        num_train: How many training clips each class has; None if that is not known.
        origin: How the scores were made, as far as is known: texts and integers under the names
            of :data:`ORIGIN`.
        features: The features ``[num_test, D]`` of the test clips by stream, where the protocol
            leaves the encoder as it is.
        model: The encoders with the classifiers that gave the scores, where the protocol trains
            classifiers.
        hits: For ``top1``, and top-1 metrics of the protocol's own, how often each test clip was
            recognised: ``[num_test]``, 0 or 1, or in between where a metric is a mean over draws.
    """

    metrics: dict[str, float]
    scores: Tensor
    labels: Tensor
    names: list[str]
    classes: list[str]
    dataset: str
    split: str
    protocol: str
    num_train: list[int] | None = None
    origin: Mapping[str, str | int] = field(default_factory=dict)
    features: Mapping[str, Tensor] = field(default_factory=dict)
    model: InferenceModel | None = None
    hits: Mapping[str, Tensor] = field(default_factory=dict)


class Outcome(NamedTuple):
    """What a protocol finds out about the test clips."""

    scores: dict[str, Tensor]  #: Class scores ``[num_test, classes]`` by stream
    features: Mapping[str, Tensor] = MappingProxyType({})  #: ``[num_test, D]`` by stream, if kept
    metrics: Mapping[str, float] = MappingProxyType({})  #: Metrics besides accuracies, if any
    model: InferenceModel | None = None  #: What gave the scores, where classifiers are trained
    #: How often each test clip was recognised, ``[num_test]`` by metric, if not by the scores
    hits: Mapping[str, Tensor] = MappingProxyType({})


class Protocol(ABC):
    """An evaluation of a model: class scores of the test clips, stream by stream.

    The model is left as it is. With several streams the headline is that of the streams' averaged
    scores.

    Args:
        encoding_batch_size: Clips that are encoded at a time.
        seed: Of whatever the protocol draws; the run's seed by default.
    """

    #: Whether the clips have to be another data set's than the model was pre-trained on.
    needs_target = False
    #: Whether classifiers are trained, which can be saved.
    trains_classifiers = False
    #: Whether the encoder is looked at. Without it no checkpoint is needed, nor taken.
    uses_encoder = True
    #: Where features are kept for other evaluations; None for nowhere.
    feature_cache: FeatureCache | None = None

    def __init__(self, encoding_batch_size: int = 256, seed: int = 0) -> None:
        check_count(encoding_batch_size=encoding_batch_size)
        check_count(0, seed=seed)
        self.encoding_batch_size = encoding_batch_size
        self.seed = seed

    def encode(self, model: BaseModel, dataset: SkeletonDataset) -> dict[str, Tensor]:
        """Features ``[N, D]`` by stream of all clips, as the evaluation view shows them."""
        if self.feature_cache is None:
            return extract_features(model, dataset, self.encoding_batch_size)
        return self.feature_cache.features(model, dataset, self.encoding_batch_size)

    @abstractmethod
    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """Class scores by stream, comparable between streams, and what else is found out."""

    def scores(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> dict[str, Tensor]:
        """The class scores alone, by stream."""
        return self.outcome(model, train_dataset, test_dataset).scores

    def run(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> EvaluationResult:
        """Evaluate.

        Args:
            model: A pre-trainer or a classifier.
            train_dataset: Clips whose labels are known; those without a label are ignored.
            test_dataset: Clips whose labels are to be found; those without a label are ignored.

        Raises:
            ValueError: if the data sets have different classes or a single one, or one has no
                labels, or the encoders are built for other clips.
        """
        self.check(train_dataset, test_dataset)
        train_dataset, test_dataset = self.labelled_clips(train_dataset, test_dataset)
        check_several_classes(train_dataset, test_dataset)
        if self.uses_encoder:
            for dataset in (train_dataset, test_dataset):
                check_encoders(model, dataset)
        outcome = self.outcome(model, train_dataset, test_dataset)
        return self.judge(outcome, train_dataset, test_dataset)

    def check(self, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset) -> None:
        """Raise a ValueError if the data sets have different classes."""
        train_classes = train_dataset.metainfo['classes']
        test_classes = test_dataset.metainfo['classes']
        if train_classes != test_classes:
            raise ValueError(
                f'train and test split have different classes: {len(train_classes)} in '
                f'{train_dataset.data_file}, {len(test_classes)} in {test_dataset.data_file}'
            )

    def labelled_clips(
        self, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> tuple[SkeletonDataset, SkeletonDataset]:
        """The clips that have a label; a line in the log says how many, where some have none.

        Raises:
            ValueError: if no training clip or no test clip has a label.
        """
        found = []
        for role, dataset in (('training', train_dataset), ('test', test_dataset)):
            part = dataset.labelled()
            if not len(part):
                raise ValueError(
                    f'none of the {len(dataset)} {role} clips (split {dataset.split!r} of '
                    f'{dataset.data_file}) has a label, so nothing can be evaluated. Name clips '
                    'with labels'
                )
            if part is not dataset:
                name = type(self).__name__.removesuffix('Protocol').lower()
                print_log(
                    f'{name}: {len(part)} of {len(dataset)} {role} clips have a label', 'current'
                )
            found.append(part)
        return tuple(found)

    def judge(
        self,
        outcome: Outcome,
        train_dataset: SkeletonDataset,
        test_dataset: SkeletonDataset,
    ) -> EvaluationResult:
        """Accuracies, and all that belongs to them."""
        classes = test_dataset.metainfo['classes']
        fused, metrics = accuracies(outcome.scores, test_dataset.labels)
        fused, labels = fused.cpu(), test_dataset.labels
        metrics |= outcome.metrics
        hits = {name: part.cpu() for name, part in outcome.hits.items()}
        metrics |= {'num_train': len(train_dataset), 'num_test': len(test_dataset)}
        return EvaluationResult(
            metrics,
            fused,
            labels,
            test_dataset.names,
            classes,
            test_dataset.metainfo['dataset'],
            test_dataset.split,
            protocol=type(self).__name__,
            num_train=train_dataset.labels.bincount(minlength=len(classes)).tolist(),
            features={name: part.cpu() for name, part in outcome.features.items()},
            model=outcome.model,
            hits={'top1': top1_hits(fused, labels), **hits},
        )


def accuracies(by_stream: Mapping[str, Tensor], labels: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The mean of the streams' class scores, and its accuracies.

    Args:
        by_stream: Class scores ``[N, classes]`` by stream.
        labels: The true classes ``[N]``.

    Returns:
        ``[N, classes]``; and ``top1`` and ``top5``, per cent, with several streams also
        ``STREAM/top1`` and ``STREAM/top5``.
    """
    fused = torch.stack(list(by_stream.values())).mean(0)
    labels = labels.to(fused.device)
    metrics = {f'top{k}': top_k_accuracy(fused, labels, k) for k in (1, 5)}
    if len(by_stream) > 1:
        for stream, scores in by_stream.items():
            for k in (1, 5):
                metrics[f'{stream}/top{k}'] = top_k_accuracy(scores, labels, k)
    return fused, metrics


def check_several_classes(train_dataset: SkeletonDataset, test_dataset: SkeletonDataset) -> None:
    """Raise a ValueError if all clips are of one class: whatever is guessed would be right."""
    present = torch.cat([train_dataset.labels, test_dataset.labels]).unique().tolist()
    if len(present) < 2:
        classes = test_dataset.metainfo['classes']
        raise ValueError(
            f'all clips of {train_dataset.data_file}, {train_dataset.split!r}, and '
            f'{test_dataset.data_file}, {test_dataset.split!r}, are of the single class '
            f'{classes[present[0]]!r}, which has no accuracy; expected two classes or more'
        )

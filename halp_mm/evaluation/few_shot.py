"""Few-shot evaluation: simple classifiers on frozen features of a few clips of each class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.argument_checks import check_at_least, check_count
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.knn import knn_scores
from halp_mm.evaluation.label_draws import draw_shots, seed_of_draw, summary_of_draws
from halp_mm.evaluation.logistic_regression import logistic_regression_scores
from halp_mm.evaluation.metrics import top1_hits
from halp_mm.evaluation.protocol import EvaluationResult, Outcome, Protocol, accuracies
from halp_mm.registry import PROTOCOLS
from halp_mm.transforms import build_transform

#: Numbers of labelled clips of each class, if none are named.
SHOTS = (1, 5, 20)


@PROTOCOLS.register_module()
class FewShotProtocol(Protocol):
    """What a new user can expect: a few labelled clips of each class, and no training of encoders.

    Clips are encoded once. Then clips of each class are drawn several times, the same ones for
    every encoder, and a logistic regression on their features tells the classes of all test clips;
    so does the nearest of them, by cosine similarity. ``--protocol coordinates --shots`` does the
    same with the coordinates.

    Metrics are means and standard deviations over the draws: ``N_shot/top1``,
    ``N_shot/top1_std``, the same for ``top5`` and for each of several streams, those of the nearest
    clip, ``N_shot/knn/top1`` and so on, and ``N_shot/num_train``. The metrics without a number are
    those of the first of ``shots``, and the scores those of its last draw.

    Args:
        shots: Numbers of clips of each class, one after the other; of a class that has fewer, all.
        draws: How often clips are drawn, for each number.
        penalty: Penalty of the logistic regression; see :func:`logistic_regression_scores`. With
            views it grows with the number of features that a clip gives.
        train_view: Transforms with random draws, such as crops, which show a labelled clip in other
            ways beside the clip as it is; none by default.
        num_views: How often the view is drawn for each clip.
        **kwargs: See :class:`Protocol`. The seed determines the draws.

    Raises:
        ValueError: if an argument is out of range, no number of shots is given, or the view draws
            nothing.
    """

    def __init__(
        self,
        shots: int | Sequence[int] = SHOTS,
        draws: int = 5,
        penalty: float = 100.0,
        train_view: Sequence[dict] | None = None,
        num_views: int = 8,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.shots = list_of_shots(shots)
        if not self.shots:
            raise ValueError('shots must be at least one number of clips, got []')
        check_count(draws=draws, num_views=num_views)
        check_at_least(0, penalty=penalty)
        self.draws = draws
        self.penalty = penalty
        self.train_view = None if train_view is None else build_transform(list(train_view))
        if self.train_view is not None and not self.train_view.is_random:
            raise ValueError('train_view has no random draws; expected some, such as crops')
        self.num_views = num_views

    def run(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> EvaluationResult:
        """Evaluate; see :meth:`Protocol.run`."""
        return with_first_shots(super().run(model, train_dataset, test_dataset), self.shots)

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """Class scores of the last draw of the first number, and the metrics of all."""
        train, test = (self.encode(model, dataset) for dataset in (train_dataset, test_dataset))
        shown = [train, *self.encoded_views(model, train_dataset)]
        labels, test_labels = train_dataset.labels, test_dataset.labels
        num_classes = len(train_dataset.metainfo['classes'])

        def outcome_of(labelled: Tensor) -> Outcome:
            scores, nearest = {}, {}
            for stream, asked in test.items():
                clips = labelled.to(asked.device)
                known = labels[labelled].to(asked.device).repeat(len(shown))
                features = torch.cat([one[stream][clips] for one in shown])
                given = features, known, asked, num_classes
                scores[stream] = logistic_regression_scores(*given, self.penalty * len(shown))
                nearest[stream] = knn_scores(*given)
            metrics, hits = judged_as('knn', nearest, test_labels)
            return Outcome(scores, test, metrics, hits=hits)

        return outcome_of_draws(outcome_of, labels, test_labels, self.shots, self.draws, self.seed)

    def encoded_views(self, model: BaseModel, dataset: SkeletonDataset) -> list[dict[str, Tensor]]:
        """The features ``[N, D]`` by stream of each drawn view of all clips."""
        if self.train_view is None:
            return []
        preprocessor = model.data_preprocessor
        dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        return [
            extract_features(
                model, dataset, self.encoding_batch_size, self.train_view, (self.seed, number)
            )
            for number in range(self.num_views)
        ]


def judged_as(
    name: str, scores: Mapping[str, Tensor], test_labels: Tensor
) -> tuple[dict[str, float], dict[str, Tensor]]:
    """The metrics, ``NAME/top1`` and so on, and the hits of a classifier beside another.

    Args:
        name: The classifier.
        scores: Its class scores of the test clips by stream.
        test_labels: The classes of the test clips.
    """
    fused, found = accuracies(scores, test_labels)
    metrics = {f'{name}/{metric}': accuracy for metric, accuracy in found.items()}
    return metrics, {f'{name}/top1': top1_hits(fused, test_labels.to(fused.device))}


def list_of_shots(shots: int | Sequence[int]) -> list[int]:
    """Numbers of clips as a list.

    Raises:
        ValueError: if one is no number of clips, or two are the same.
    """
    numbers = list(shots) if isinstance(shots, Sequence) else [shots]
    for number in numbers:
        check_count(shots=number)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f'shots must be different numbers, got {numbers}')
    return numbers


def outcome_of_draws(
    outcome_of: Callable[[Tensor], Outcome],
    labels: Tensor,
    test_labels: Tensor,
    shots: Sequence[int],
    draws: int,
    seed: int,
) -> Outcome:
    """Judge draws of a few clips of each class.

    Args:
        outcome_of: What training clips at some positions find out about the test clips.
        labels: The classes of the training clips, ``[N]``, on the CPU.
        test_labels: The classes of the test clips.
        shots: Numbers of clips of each class, at least one.
        draws: Draws of each number.
        seed: The run's seed.

    Returns:
        The outcome of the first number's last draw, with the metrics of all numbers, and the mean
        hits over the draws.
    """
    metrics: dict[str, float] = {}
    hits: dict[str, Tensor] = {}
    last_of_each = []
    for number in shots:
        found, hits_of_draws = [], []
        for draw in range(draws):
            generator = torch.Generator().manual_seed(seed_of_draw(seed, draw))
            labelled = draw_shots(labels, number, generator)
            outcome = outcome_of(labelled)
            fused, by_stream = accuracies(outcome.scores, test_labels)
            found.append(by_stream | dict(outcome.metrics))
            own = {'top1': top1_hits(fused, test_labels.to(fused.device))}
            hits_of_draws.append(own | dict(outcome.hits))
        metrics |= summary_of_draws(_part(number), found)
        hits |= {
            f'{_part(number)}/{name}': torch.stack(
                [of_draw[name] for of_draw in hits_of_draws]
            ).mean(0)
            for name in hits_of_draws[0]
        }
        metrics[f'{_part(number)}/num_train'] = len(labelled)
        last_of_each.append(outcome)
    headline = {name: metrics[f'{_part(shots[0])}/{name}'] for name in found[0]}
    first = {name: hits[f'{_part(shots[0])}/{name}'] for name in hits_of_draws[0]}
    return last_of_each[0]._replace(metrics=headline | metrics, hits=first | hits)


def with_first_shots(result: EvaluationResult, shots: Sequence[int]) -> EvaluationResult:
    """A result whose counts of training clips are those of the first number of shots."""
    num_train = [min(shots[0], count) for count in result.num_train or ()]
    metrics = {**result.metrics, 'num_train': sum(num_train)}
    return replace(result, num_train=num_train, metrics=metrics)


def _part(number: int) -> str:
    return f'{number}_shot'

"""The coordinates themselves: the baseline that a representation has to exceed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader

from halp_mm.argument_checks import check_count
from halp_mm.datasets import (
    SkeletonDataset,
    batch_positions,
    clip_lengths,
    pad_clips,
    padded_clips,
)
from halp_mm.evaluation.few_shot import (
    judged_as,
    list_of_shots,
    outcome_of_draws,
    with_first_shots,
)
from halp_mm.evaluation.knn import knn_scores
from halp_mm.evaluation.logistic_regression import logistic_regression_scores
from halp_mm.evaluation.protocol import EvaluationResult, Outcome, Protocol
from halp_mm.models import SkeletonPreprocessor
from halp_mm.registry import PROTOCOLS
from halp_mm.transforms import crop_resize


@PROTOCOLS.register_module()
class CoordinatesProtocol(Protocol):
    """kNN and a logistic regression on the coordinates, without any network.

    The clips are normalised, cropped and resized as the config's encoder sees them. All
    coordinates of a clip, one after another, are its feature; a score is not a coordinate.

    Metrics are ``knn/top1``, ``knn/top5``, ``logistic/top1`` and ``logistic/top5``; those without
    a prefix, and the scores, are kNN's. Without ``shots`` they do not depend on the seed.

    Args:
        k: Number of neighbours, by cosine similarity.
        penalty: Penalty of the logistic regression; see :func:`logistic_regression_scores`.
        num_frames: Length that clips are resized to after the evaluation view; None if this
            gives all clips one length.
        shots: If given, only so many labels of each class are used, as in
            :class:`FewShotProtocol`: metrics are then ``N_shot/logistic/top1`` and so on, and
            those without a number belong to the first one.
        draws: How often clips are drawn, for each number of shots. Only these depend on the seed.
        **kwargs: See :class:`Protocol`.
    """

    uses_encoder = False

    def __init__(
        self,
        k: int = 1,
        penalty: float = 100.0,
        num_frames: int | None = None,
        shots: int | Sequence[int] = (),
        draws: int = 5,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        check_count(draws=draws)
        self.shots = list_of_shots(shots)
        self.draws = draws
        self.k = k
        self.penalty = penalty
        self.num_frames = num_frames

    def run(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> EvaluationResult:
        """Evaluate; see :meth:`Protocol.run`."""
        result = super().run(model, train_dataset, test_dataset)
        return with_first_shots(result, self.shots) if self.shots else result

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """Class scores by kNN, and the accuracies of both; only the model's preprocessor is used.

        Raises:
            ValueError: if the evaluation view leaves clips of different lengths.
        """
        train, test = (
            flat_coordinates(
                model.data_preprocessor, dataset, self.encoding_batch_size, self.num_frames
            )
            for dataset in (train_dataset, test_dataset)
        )
        labels, test_labels = train_dataset.labels, test_dataset.labels
        num_classes = len(train_dataset.metainfo['classes'])

        def outcome_of(labelled: Tensor) -> Outcome:
            known = labels[labelled].to(train.device)
            rows = train[labelled.to(train.device)]
            scores = {
                'knn': knn_scores(rows, known, test, num_classes, self.k),
                'logistic': logistic_regression_scores(
                    rows, known, test, num_classes, self.penalty
                ),
            }
            metrics: dict[str, float] = {}
            hits: dict[str, Tensor] = {}
            for name, part in scores.items():
                found, of_clips = judged_as(name, {name: part}, test_labels)
                metrics |= found
                hits |= of_clips
            return Outcome({'knn': scores['knn']}, metrics=metrics, hits=hits)

        if not self.shots:
            return outcome_of(torch.arange(len(labels)))
        return outcome_of_draws(outcome_of, labels, test_labels, self.shots, self.draws, self.seed)


def flat_coordinates(
    preprocessor: SkeletonPreprocessor,
    dataset: SkeletonDataset,
    batch_size: int = 256,
    num_frames: int | None = None,
) -> Tensor:
    """The coordinates of every clip, normalised, seen through the evaluation view, in one row.

    Args:
        preprocessor: Says what the normalisation and the evaluation view are.
        dataset: The clips.
        batch_size: Maximum number of clips that are prepared at a time.
        num_frames: Length that clips are resized to in the end; None leaves them.

    Returns:
        float32 ``[N, M * T * V * D]``, on the preprocessor's device.

    Raises:
        ValueError: if the clips have different lengths.
    """
    rows, lengths = [], set()
    batches = batch_positions(clip_lengths(dataset), batch_size)
    for batch in DataLoader(dataset, batch_sampler=batches, collate_fn=pad_clips):
        batch = preprocessor.cast_data(batch)
        clips = padded_clips(batch)
        if not batch['normalized']:
            clips = preprocessor.normalization(clips)
        clips = preprocessor.evaluation_view(clips)
        if num_frames is not None:
            clips = crop_resize(
                clips, torch.zeros_like(clips.num_frames), clips.num_frames, num_frames
            )
        lengths |= set(clips.num_frames.tolist())
        if len(lengths) > 1:
            raise ValueError(
                f'{dataset.data_file}: after the evaluation view there are clips of '
                f'{min(lengths)} and of {max(lengths)} frames; coordinates can be compared only '
                'between clips of one length. Set protocols.coordinates.num_frames, as in '
                'protocols.coordinates.num_frames=64'
            )
        rows.append(clips.coordinates[..., : clips.layout.dimensions].flatten(1))
    order = torch.tensor([position for positions in batches for position in positions])
    return torch.cat(rows)[order.argsort().to(rows[0].device)]

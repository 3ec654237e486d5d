"""The coordinates themselves: the baseline that a representation has to exceed."""

from __future__ import annotations

import torch
from mmengine.model import BaseModel
from torch import Tensor
from torch.utils.data import DataLoader

from halp_mm.datasets import SkeletonDataset, batch_positions, clip_lengths, pad_clips
from halp_mm.evaluation.knn import knn_scores
from halp_mm.evaluation.logistic_regression import logistic_regression_scores
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.protocol import Outcome, Protocol
from halp_mm.models import SkeletonPreprocessor
from halp_mm.registry import PROTOCOLS
from halp_mm.skeletons import Clips
from halp_mm.transforms import crop_resize


@PROTOCOLS.register_module()
class CoordinatesProtocol(Protocol):
    """kNN and a logistic regression on the coordinates, without any network.

    The clips are normalised, cropped and resized as the config's encoder sees them. All
    coordinates of a clip, one after another, are its feature; a score is not a coordinate.

    Metrics are ``knn/top1``, ``knn/top5``, ``logistic/top1`` and ``logistic/top5``; those without
    a prefix, and the scores, are kNN's. They do not depend on the seed.

    Args:
        k: Number of neighbours, by cosine similarity.
        penalty: Penalty of the logistic regression; see :func:`logistic_regression_scores`.
        num_frames: Length that clips are resized to after the evaluation view; None if this
            gives all clips one length.
        **kwargs: See :class:`Protocol`.
    """

    uses_encoder = False

    def __init__(
        self, k: int = 1, penalty: float = 100.0, num_frames: int | None = None, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        self.k = k
        self.penalty = penalty
        self.num_frames = num_frames

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
        labels, test_labels = (
            dataset.labels.to(train.device) for dataset in (train_dataset, test_dataset)
        )
        num_classes = len(train_dataset.metainfo['classes'])
        scores = {
            'knn': knn_scores(train, labels, test, num_classes, self.k),
            'logistic': logistic_regression_scores(train, labels, test, num_classes, self.penalty),
        }
        metrics = {
            f'{name}/top{k}': top_k_accuracy(part, test_labels, k)
            for name, part in scores.items()
            for k in (1, 5)
        }
        return Outcome({'knn': scores['knn']}, metrics=metrics)


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
        clips = Clips(batch['clips'], batch['num_frames'], batch['layout'])
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

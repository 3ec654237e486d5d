"""A trained classifier's own answers."""

from __future__ import annotations

import torch
from mmengine.model import BaseModel

from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.protocol import Outcome, Protocol
from halp_mm.models import SkeletonClassifier
from halp_mm.registry import PROTOCOLS


@PROTOCOLS.register_module()
class ClassifierProtocol(Protocol):
    """The class probabilities of a trained classifier; nothing is trained again.

    Args:
        **kwargs: See :class:`Protocol`.
    """

    @torch.no_grad()
    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """The softmax of the classifier's logits. The training clips are not looked at.

        Raises:
            ValueError: if the model is no classifier, or of other classes than the test clips.
        """
        if not isinstance(model, SkeletonClassifier):
            raise ValueError(
                f'ClassifierProtocol needs a SkeletonClassifier, found a {type(model).__name__}, '
                'which has learned no classes; use the protocol knn or linear'
            )
        check_num_classes(model, test_dataset)
        features = self.encode(model, test_dataset)
        scores = {
            stream: model.classifier(feature).softmax(1) for stream, feature in features.items()
        }
        return Outcome(scores, features)


def check_num_classes(model: SkeletonClassifier, dataset: SkeletonDataset) -> None:
    """Raise a ValueError if a classifier has more or fewer classes than a data set."""
    num_classes = len(dataset.metainfo['classes'])
    if model.num_classes != num_classes:
        raise ValueError(
            f'model.num_classes is {model.num_classes}, but {dataset.data_file} has {num_classes} '
            f'classes; set model.num_classes={num_classes} or use another data file'
        )

"""The part of a model that inference needs: encoders, and linear classifiers on their features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.models.classifiers import SkeletonClassifier
from halp_mm.models.data_preprocessors import Draws, SkeletonPreprocessor, Views
from halp_mm.models.encoders import Encoder
from halp_mm.training_progress import TrainingProgress


class InferenceModel(BaseModel):
    """Encoders of one or several streams, each with a classifier or none.

    It gives the features of the model that it is made of, whether a pre-trainer, a classifier or
    an evaluation protocol has trained that.

    Args:
        encoders: The encoders by stream.
        sources: The preprocessor's stream that each encoder sees, by stream.
        data_preprocessor: Normalises clips and makes the evaluation view.
        classifiers: The classifiers by stream, for all streams or none.

    Raises:
        ValueError: if a stream has no source, or only some streams have a classifier.
    """

    def __init__(
        self,
        encoders: Mapping[str, Encoder],
        sources: Mapping[str, str],
        data_preprocessor: SkeletonPreprocessor,
        classifiers: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__(data_preprocessor)
        classifiers = classifiers or {}
        for kind, named in (('sources', sources), ('classifiers', classifiers)):
            if named and set(named) != set(encoders):
                raise ValueError(f'{kind} are of {list(named)}, encoders of {list(encoders)}')
        self.sources = dict(sources)
        self.networks: Any = nn.ModuleDict()
        for stream, encoder in encoders.items():
            parts: dict[str, nn.Module] = {'encoder': encoder}
            if classifiers:
                parts['classifier'] = classifiers[stream]
            self.networks[stream] = nn.ModuleDict(parts)

    @classmethod
    def of(cls, model: BaseModel) -> InferenceModel:
        """Take the encoders of a model, which are not copied, and the classifier if it is one."""
        if isinstance(model, cls):
            return model
        classifiers = {}
        if isinstance(model, SkeletonClassifier):
            classifiers = {model.stream: model.classifier}
        made = cls(model.encoders, model.sources, model.data_preprocessor, classifiers)
        return made.train(model.training)

    @property
    def encoders(self) -> dict[str, Encoder]:
        """The encoders that compute the features, by stream."""
        return {stream: network['encoder'] for stream, network in self.networks.items()}

    @property
    def classifiers(self) -> dict[str, nn.Module]:
        """The classifiers by stream; none of a model that only encodes."""
        return {
            stream: network['classifier']
            for stream, network in self.networks.items()
            if 'classifier' in network
        }

    def forward(
        self,
        views: Views,
        labels: Tensor | None = None,
        draws: Draws | None = None,
        progress: TrainingProgress | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor]:
        """Compute features ``[N, D]`` by stream.

        Args:
            views: Streams ``[N, M, T, V, C]`` of the view ``clip``.
            labels: Unused.
            draws: Unused.
            progress: Unused.
            mode: ``'tensor'``; there is no loss.

        Raises:
            ValueError: if the mode is another.
        """
        if mode != 'tensor':
            raise ValueError(f"mode must be 'tensor', got {mode!r}: this model is not trained")
        return {
            stream: encoder(views['clip'][self.sources[stream]])
            for stream, encoder in self.encoders.items()
        }

    def probabilities(self, features: Mapping[str, Tensor]) -> Tensor:
        """The classes' probabilities ``[N, classes]``, averaged over the streams.

        Args:
            features: ``[N, D]`` by stream.

        Raises:
            ValueError: if the model has no classifiers.
        """
        if not self.classifiers:
            raise ValueError('the model has no classifier, so it gives no probabilities')
        by_stream = [
            classifier(features[stream]).softmax(1)
            for stream, classifier in self.classifiers.items()
        ]
        return torch.stack(by_stream).mean(0)

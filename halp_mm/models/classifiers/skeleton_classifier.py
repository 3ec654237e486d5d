"""A classifier of an encoder and a linear layer, trained with labels."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.argument_checks import check_choice, check_count, check_fraction
from halp_mm.models.data_preprocessors import Draws, Views, build_preprocessor
from halp_mm.models.encoders import Encoder
from halp_mm.models.modules import synchronize_batch_norm
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress


@MODELS.register_module()
class SkeletonClassifier(BaseModel):
    """An encoder of one stream and a linear layer on its feature, trained together with labels.

    The classifier has a single view, called ``clip`` in both training and evaluation. Its features
    are those of the encoder, so every protocol for pre-trained encoders also accepts it.

    Args:
        encoder: Config of the encoder.
        num_classes: Number of classes of the data set.
        streams: List with the name of the one stream.
        dropout: Probability of dropping an entry of the feature in training.
        batch_norm: Source of batch norm's statistics with several ranks: ``'local'``, each rank's
            own batch, or ``'synchronized'``, the global batch.
        data_preprocessor: Config of the data preprocessor, with one training view, ``clip``.
            Its streams default to the model's.
        init_cfg: mmengine's initialisation of the weights; PyTorch's by default.

    Raises:
        ValueError: if there is not exactly one stream, there are fewer than two classes, or the
            data preprocessor does not fit.
    """

    #: Name of the view, in training and in evaluation.
    VIEW = 'clip'

    def __init__(
        self,
        encoder: dict,
        num_classes: int,
        streams: Sequence[str] = ('joint',),
        dropout: float = 0.0,
        batch_norm: str = 'local',
        data_preprocessor: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        if isinstance(streams, str) or len(streams) != 1:
            raise ValueError(
                f"a classifier needs a list of one stream, such as ['joint'], got {streams!r}; "
                'train one classifier for each stream and fuse their scores'
            )
        check_count(2, num_classes=num_classes)
        check_fraction(dropout=dropout)
        check_choice(['local', 'synchronized'], batch_norm=batch_norm)
        super().__init__(build_preprocessor(data_preprocessor, streams, [self.VIEW]), init_cfg)
        (self.stream,) = streams
        self.num_classes = num_classes
        self.encoder = MODELS.build(encoder)
        if batch_norm == 'synchronized':
            synchronize_batch_norm(self.encoder)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(self.encoder.feature_dim, num_classes)

    @property
    def sources(self) -> dict[str, str]:
        """The preprocessor's stream that each encoder sees, by stream."""
        return {self.stream: self.stream}

    @property
    def encoders(self) -> dict[str, Encoder]:
        """The encoders that compute the features, by stream."""
        return {self.stream: self.encoder}

    def forward(
        self,
        views: Views,
        labels: Tensor,
        draws: Draws | None = None,
        progress: TrainingProgress | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor]:
        """Compute the losses of a training batch or the features of an evaluation batch.

        Args:
            views: Streams ``[N, M, T, V, C]`` by view and stream name.
            labels: Class labels ``[N]``; unused for features.
            draws: Unused.
            progress: Unused.
            mode: ``'loss'``, or ``'tensor'`` for features.

        Returns:
            Scalars by name, or the stream's features ``[N, D]`` by its name.

        Raises:
            ValueError: if the mode is unknown, or there is no view ``clip``.
        """
        if mode not in ('loss', 'tensor'):
            raise ValueError(f"mode must be 'loss' or 'tensor', got {mode!r}")
        if self.VIEW not in views:
            raise ValueError(
                f'the classifier reads the view {self.VIEW!r}, found {list(views)}; rename the '
                f'training view: data_preprocessor = dict(views=dict({self.VIEW}=[...]))'
            )
        features = self.encoder(views[self.VIEW][self.stream])
        return self.loss(features, labels) if mode == 'loss' else {self.stream: features}

    def loss(self, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Compute the cross-entropy ``loss_classification`` and the accuracy ``train_accuracy``.

        Args:
            features: ``[N, D]``.
            labels: Class labels ``[N]``.
        """
        logits = self.classifier(self.dropout(features)).float()
        return {
            'loss_classification': F.cross_entropy(logits, labels),
            'train_accuracy': (logits.argmax(1) == labels).float().mean(),
        }

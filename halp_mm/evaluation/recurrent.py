"""Recurrent evaluation: a recurrent classifier reads what a frozen encoder makes of each frame."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.evaluation.finetune import FinetuneProtocol, new_classifier
from halp_mm.models import Encoder
from halp_mm.registry import PROTOCOLS


class RecurrentClassifier(nn.Module):
    """A frozen encoder, then a GRU over its features of frames, and a classifier.

    The GRU's states are averaged over the frames, and these means over the people, as far as there
    is a person in a frame. The encoder stays in evaluation mode. A batch norm brings its features,
    whatever their scale, to that of the GRU.

    Args:
        encoder: The encoder.
        recurrent: The GRU, which takes ``[N, T, F]``.
        classifier: From the means of its states to logits.
        dropout: Probability of dropping an entry of the GRU's output.
    """

    def __init__(
        self, encoder: Encoder, recurrent: nn.GRU, classifier: nn.Module, dropout: float
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.norm = nn.BatchNorm1d(recurrent.input_size)
        self.recurrent = recurrent
        self.classifier = classifier
        self.dropout = nn.Dropout(dropout)

    def train(self, mode: bool = True) -> RecurrentClassifier:
        """Set the mode of all but the encoder."""
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, clips: Tensor) -> Tensor:
        """Map clips ``[N, M, T, V, C]`` to logits ``[N, classes]``."""
        with torch.no_grad():
            frames = self.encoder.frame_features(self.encoder.forward_map(clips))
        is_seen = frames.any(-1, keepdim=True)  # [N, M', T', 1]
        normed = self.norm(frames.flatten(0, 2)).view(frames.shape)
        states = self.dropout(self.recurrent(normed.flatten(0, 1))[0])
        states = states.unflatten(0, frames.shape[:2]) * is_seen
        people = states.sum(2) / is_seen.sum(2).clamp(min=1)
        num_people = is_seen.any(2).sum(1)
        return self.classifier(people.sum(1) / num_people.clamp(min=1))


@PROTOCOLS.register_module()
class RecurrentProtocol(FinetuneProtocol):
    """A recurrent classifier on the frozen encoder's features of frames.

    SeBiReNet's actions are recognised in this way, from the codes of single poses. Its release
    lacks this part, so sizes and schedule are this library's. Any encoder can be evaluated; one
    that shortens time gives the classifier fewer frames.

    Source: SeBiReNet (Nie et al., ECCV 2020), Sec. 4.

    Args:
        hidden_size: Units of a layer of the GRU.
        num_layers: Layers of the GRU.
        dropout: Probability of dropping an entry of the GRU's output.
        learning_rate: Learning rate of the classifier.
        **kwargs: See :class:`FinetuneProtocol`; ``hidden_dim`` is of the layers behind the GRU.
    """

    trains_classifiers = False

    def __init__(
        self,
        hidden_size: int = 128,
        num_layers: int = 1,
        dropout: float = 0.5,
        learning_rate: float = 1e-3,
        **kwargs,
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        check_count(hidden_size=hidden_size, num_layers=num_layers)
        check_fraction(below_one=True, dropout=dropout)
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.dropout = dropout

    def new_networks(
        self, model: BaseModel, dataset: SkeletonDataset, generator: torch.Generator
    ) -> dict[str, nn.Module]:
        """Copies of a model's encoders with new classifiers of a data set's classes, by stream."""
        num_classes = len(dataset.metainfo['classes'])
        encoders = {name: copy.deepcopy(one).eval() for name, one in model.encoders.items()}
        sizes = frame_dims(model, encoders, dataset)
        return {
            stream: RecurrentClassifier(
                encoder,
                nn.GRU(sizes[stream], self.hidden_size, self.num_layers, batch_first=True),
                new_classifier(self.hidden_size, self.hidden_dim, num_classes, generator),
                self.dropout,
            )
            for stream, encoder in encoders.items()
        }


@torch.no_grad()
def frame_dims(
    model: BaseModel, encoders: Mapping[str, Encoder], dataset: SkeletonDataset
) -> dict[str, int]:
    """The length of each encoder's features of frames, by stream, as a clip shows it."""
    preprocessor = model.data_preprocessor
    batch = pad_clips([dataset[0]])
    views = preprocessor.make_views(batch, {'clip': preprocessor.evaluation_view})['views']
    return {
        stream: encoder.frame_features(
            encoder.forward_map(views['clip'][model.sources[stream]])
        ).shape[-1]
        for stream, encoder in encoders.items()
    }

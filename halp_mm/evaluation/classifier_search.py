"""The best of many linear classifiers on the test clips, which some papers report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from halp_mm.argument_checks import check_different, check_positive
from halp_mm.evaluation.linear_layer import linear_classifier
from halp_mm.evaluation.metrics import top_k_accuracy
from halp_mm.evaluation.trained_protocol import TrainedProtocol
from halp_mm.models import Encoder
from halp_mm.models.encoders.feature_parts import entries_of


class ClassifierSearch:
    """Linear classifiers with several learning rates, of several choices of a feature's parts.

    Source: DINOv2 (Oquab et al., 2023), its linear evaluation, which SLiM takes over.

    Args:
        learning_rates: Learning rates to try.
        parts: Choices of parts, each a list of names; by default the whole feature alone.

    Raises:
        ValueError: if there is no learning rate, or one is not positive.
    """

    def __init__(
        self, learning_rates: Sequence[float], parts: Sequence[Sequence[str]] | None = None
    ) -> None:
        if not learning_rates:
            raise ValueError('learning_rates is empty; expected one or more numbers to try')
        for rate in learning_rates:
            check_positive(learning_rates=rate)
        for choice in parts or ():
            check_different(parts=choice)
        self.choices = [
            (rate, None if choice is None else tuple(choice))
            for rate in learning_rates
            for choice in (parts or (None,))
        ]

    def train(
        self,
        protocol: TrainedProtocol,
        features_of_epochs: Iterable[Mapping[str, Tensor]],
        labels: Tensor,
        encoders: Mapping[str, Encoder],
        num_classes: int,
    ) -> list[dict[str, nn.Linear]]:
        """Train the classifiers side by side.

        Args:
            protocol: Gives optimizer, schedule, batches and seed.
            features_of_epochs: For each epoch the features ``[N, D]`` by stream.
            labels: ``[N]``.
            encoders: The encoders of the features, by stream.
            num_classes: Number of classes.

        Returns:
            For each choice, the classifiers of whole features by stream.
        """
        generator = torch.Generator().manual_seed(protocol.seed)
        classifiers: list[dict[str, nn.Linear]] = []
        for features in features_of_epochs:
            if not classifiers:
                masks = {
                    stream: self.masks(encoders[stream], feature)
                    for stream, feature in features.items()
                }
                classifiers = [
                    {
                        stream: linear_classifier(feature.shape[1], num_classes, generator).to(
                            feature.device
                        )
                        for stream, feature in features.items()
                    }
                    for _ in self.choices
                ]
                groups = [
                    {'params': [p for c in made.values() for p in c.parameters()], 'lr': rate}
                    for made, (rate, _) in zip(classifiers, self.choices)
                ]
                labels = labels.to(next(iter(features.values())).device)
                optimizer, scheduler = protocol.make_optimizer(groups)
            order = torch.randperm(len(labels), generator=generator).to(labels.device)
            for batch in order.split(protocol.batch_size):
                losses = [
                    F.cross_entropy(
                        classifier(features[stream][batch] * masks[stream][number]), labels[batch]
                    )
                    for number, made in enumerate(classifiers)
                    for stream, classifier in made.items()
                ]
                optimizer.zero_grad()
                torch.stack(losses).sum().backward()
                optimizer.step()
            scheduler.step()
        with torch.no_grad():
            for number, made in enumerate(classifiers):
                for stream, classifier in made.items():
                    classifier.weight.mul_(masks[stream][number])
        return classifiers

    def masks(self, encoder: Encoder, features: Tensor) -> Tensor:
        """Which entries of a feature each choice takes: ``[choices, D]`` of ones and zeros."""
        masks = features.new_zeros(len(self.choices), features.shape[1])
        for mask, (_, parts) in zip(masks, self.choices):
            for part in (None,) if parts is None else parts:
                mask[entries_of(encoder, part)] = 1
        return masks

    @torch.no_grad()
    def metrics(
        self,
        classifiers: Sequence[Mapping[str, nn.Linear]],
        test: Mapping[str, Tensor],
        labels: Tensor,
    ) -> dict[str, float]:
        """The highest top-1 accuracy of the classifiers on the test clips; its name counts them."""
        found = []
        for made in classifiers:
            scores = torch.stack(
                [classifier(test[stream]).softmax(1) for stream, classifier in made.items()]
            ).mean(0)
            found.append(top_k_accuracy(scores, labels.to(scores.device), 1))
        return {f'best_of_{len(found)}_top1': max(found)}

"""Fine-tuning: encoders and linear layers are trained together with labels."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.argument_checks import check_count
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.linear_layer import linear_classifier
from halp_mm.evaluation.protocol import Outcome
from halp_mm.evaluation.trained_protocol import EpochJudge, TrainedProtocol
from halp_mm.models import InferenceModel
from halp_mm.models.data_preprocessors import Draws, Views
from halp_mm.registry import PROTOCOLS
from halp_mm.training_progress import TrainingProgress


class FinetunedModel(BaseModel):
    """Networks from clips to logits, for each stream of a model.

    Args:
        model: A pre-trainer or a classifier; it is not touched.
        networks: By stream, a copy of the model's encoder with a classifier behind it.
    """

    def __init__(self, model: BaseModel, networks: Mapping[str, nn.Module]) -> None:
        super().__init__(copy.deepcopy(model.data_preprocessor))
        self.sources = dict(model.sources)
        self.networks = nn.ModuleDict(networks)

    def for_inference(self) -> InferenceModel:
        """The networks, which are not copied, as encoders and classifiers."""
        encoders, classifiers = (
            {stream: network[part] for stream, network in self.networks.items()} for part in (0, 1)
        )
        return InferenceModel(encoders, self.sources, self.data_preprocessor, classifiers).eval()

    def forward(
        self,
        views: Views,
        labels: Tensor,
        draws: Draws | None = None,
        progress: TrainingProgress | None = None,
        mode: str = 'tensor',
    ) -> dict[str, Tensor]:
        """Logits ``[N, classes]`` by stream, or with ``mode='loss'`` each stream's cross-entropy.

        Args:
            views: Streams ``[N, M, T, V, C]`` of the view ``clip``.
            labels: The classes ``[N]``; not used for logits.
            draws: Not used.
            progress: Not used.
            mode: ``'loss'`` or ``'tensor'``.
        """
        logits = {
            stream: network(views['clip'][self.sources[stream]]).float()
            for stream, network in self.networks.items()
        }
        if mode == 'tensor':
            return logits
        return {stream: F.cross_entropy(logit, labels) for stream, logit in logits.items()}


def new_classifier(
    num_features: int,
    hidden_dim: int | None,
    num_classes: int,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """A linear layer, or a perceptron with one hidden layer; see :class:`FinetuneProtocol`."""
    if hidden_dim is None:
        return linear_classifier(num_features, num_classes, generator)
    hidden = nn.Linear(num_features, hidden_dim)
    nn.init.kaiming_normal_(hidden.weight, nonlinearity='relu', generator=generator)
    nn.init.zeros_(hidden.bias)
    linear = linear_classifier(hidden_dim, num_classes, generator)
    return nn.Sequential(hidden, nn.ReLU(inplace=True), linear)


@PROTOCOLS.register_module()
class FinetuneProtocol(TrainedProtocol):
    """Fine-tuning, as in AimCLR.

    A copy of each stream's encoder is trained end to end with a new linear layer. The model that is
    evaluated stays unchanged. Distributed processes share the test clips, but each trains on all
    training clips, so fine-tuning gets no faster.

    Args:
        learning_rate: Learning rate of SGD for the encoders and the linear layers.
        hidden_dim: Units of a hidden layer between encoder and linear layer, as in HaLP's transfer
            (Sec. 4.3: "a classifier MLP"); by default there is none.
        **kwargs: See :class:`TrainedProtocol`. The seed determines the linear layers' first
            weights, the order of clips, the draws of the training view, and dropout.
    """

    def __init__(
        self, learning_rate: float = 0.01, hidden_dim: int | None = None, **kwargs
    ) -> None:
        super().__init__(learning_rate=learning_rate, **kwargs)
        if hidden_dim is not None:
            check_count(hidden_dim=hidden_dim)
        self.hidden_dim = hidden_dim

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """Fine-tune on all training clips; scores are the probabilities after the last epoch.

        Raises:
            ValueError: if the training diverges.
        """
        test_dataset.normalize_once(
            model.data_preprocessor.normalization, device=model.data_preprocessor.device
        )
        judge = EpochJudge(test_dataset)
        outcome = self.finetune(
            model,
            train_dataset,
            torch.arange(len(train_dataset)),
            test_dataset,
            self.seed,
            after_epoch=lambda finetuned: judge.add(self.probabilities(finetuned, test_dataset)),
        )
        return outcome._replace(metrics=judge.metrics)

    def finetune(
        self,
        model: BaseModel,
        train_dataset: SkeletonDataset,
        labelled: Tensor,
        test_dataset: SkeletonDataset,
        seed: int,
        after_epoch: Callable[[FinetunedModel], None] | None = None,
    ) -> Outcome:
        """Fine-tune on some of the training clips.

        Args:
            model: A pre-trainer or a classifier.
            train_dataset: The training clips.
            labelled: Positions of those that may be used, ``[N]``.
            test_dataset: The test clips.
            seed: Seed of everything that is drawn.
            after_epoch: Called with the networks after each epoch.

        Returns:
            The probabilities ``[num_test, classes]`` of the test clips by stream, and the model
            that gave them.

        Raises:
            ValueError: if the training diverges.
        """
        preprocessor = model.data_preprocessor
        train_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        generator = torch.Generator().manual_seed(seed)
        is_cuda = preprocessor.device.type == 'cuda'
        # Dropout draws from PyTorch's own generators, which are then as they were.
        with torch.random.fork_rng([preprocessor.device] if is_cuda else []):
            finetuned = FinetunedModel(model, self.new_networks(model, train_dataset, generator))
            finetuned.to(preprocessor.device)
            torch.manual_seed(seed)
            self.train(finetuned, train_dataset, labelled, generator, seed, after_epoch)
            by_stream = self.probabilities(finetuned, test_dataset)
        saved = finetuned.for_inference() if self.trains_classifiers else None
        return Outcome(by_stream, model=saved)

    def new_networks(
        self, model: BaseModel, dataset: SkeletonDataset, generator: torch.Generator
    ) -> dict[str, nn.Module]:
        """Copies of a model's encoders with new classifiers of a data set's classes, by stream."""
        num_classes = len(dataset.metainfo['classes'])
        return {
            stream: nn.Sequential(
                copy.deepcopy(encoder),
                new_classifier(encoder.feature_dim, self.hidden_dim, num_classes, generator),
            )
            for stream, encoder in model.encoders.items()
        }

    def probabilities(
        self, finetuned: FinetunedModel, dataset: SkeletonDataset
    ) -> dict[str, Tensor]:
        """The probabilities ``[N, classes]`` of a data set's clips by stream."""
        for value in finetuned.state_dict().values():
            broadcast(value)  # so that all processes encode their share of the clips alike
        with torch.random.fork_rng([]):  # an evaluation in between does not change dropout's draws
            logits = extract_features(finetuned, dataset, self.encoding_batch_size)
        return {stream: logit.softmax(1) for stream, logit in logits.items()}

    @torch.enable_grad()
    def train(
        self,
        finetuned: FinetunedModel,
        dataset: SkeletonDataset,
        labelled: Tensor,
        generator: torch.Generator,
        seed: int,
        after_epoch: Callable[[FinetunedModel], None] | None = None,
    ) -> None:
        """Train on some clips of a data set.

        Args:
            finetuned: The networks to train.
            dataset: The clips.
            labelled: Positions of those to train on, ``[N]``.
            generator: Source of the order of clips.
            seed: Seed of the training view's draws.
            after_epoch: Called with the networks after each epoch.

        Raises:
            ValueError: if the training diverges.
        """
        preprocessor = finetuned.data_preprocessor
        view = preprocessor.evaluation_view if self.train_view is None else self.train_view
        finetuned.train().requires_grad_(True)
        optimizer, scheduler = self.make_optimizer(finetuned.parameters())
        iteration = 0
        for epoch in range(self.epochs):
            order = labelled[torch.randperm(len(labelled), generator=generator)]
            batches = order.split(self.batch_size)
            for positions in batches:
                batch = dataset.batch(positions.tolist())
                batch['progress'] = TrainingProgress(epoch, iteration, len(batches), seed)
                losses = finetuned(**preprocessor.make_views(batch, {'clip': view}), mode='loss')
                loss = sum(losses.values())
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                iteration += 1
            if not loss.isfinite():
                raise ValueError(
                    f'fine-tuning has diverged: the loss in epoch {epoch + 1} of {self.epochs} is '
                    f'{loss.item()}; expected a finite number. Lower the learning rate '
                    f'{self.learning_rate:g}'
                )
            scheduler.step()
            if after_epoch is not None:
                after_epoch(finetuned)


@PROTOCOLS.register_module()
class TransferProtocol(FinetuneProtocol):
    """Transfer learning (HaLP, Sec. 4.3): fine-tuning on another data set than pre-training.

    Args:
        **kwargs: See :class:`FinetuneProtocol`.
    """

    needs_target = True

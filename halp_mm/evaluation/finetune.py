"""Fine-tuning: encoders and linear layers are trained together with labels."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.model import BaseModel
from torch import Tensor, nn

from halp_mm.datasets import SkeletonDataset, pad_clips
from halp_mm.evaluation.features import extract_features
from halp_mm.evaluation.linear import linear_classifier
from halp_mm.evaluation.protocol import Protocol
from halp_mm.models.data_preprocessors import Views
from halp_mm.registry import PROTOCOLS
from halp_mm.training_progress import TrainingProgress
from halp_mm.transforms import build_transform


class FinetunedModel(BaseModel):
    """Copies of a model's encoders, each followed by a new linear layer.

    Args:
        model: A pre-trainer or a classifier; it is not touched.
        num_classes: Number of classes.
        generator: Source of the linear layers' weights.
    """

    def __init__(self, model: BaseModel, num_classes: int, generator: torch.Generator) -> None:
        super().__init__(copy.deepcopy(model.data_preprocessor))
        self.sources = dict(model.sources)
        self.networks = nn.ModuleDict(
            {
                stream: nn.Sequential(
                    copy.deepcopy(encoder),
                    linear_classifier(encoder.feature_dim, num_classes, generator),
                )
                for stream, encoder in model.encoders.items()
            }
        )

    def forward(self, views: Views, labels: Tensor, mode: str = 'tensor') -> dict[str, Tensor]:
        """Logits ``[N, classes]`` by stream, or with ``mode='loss'`` each stream's cross-entropy.

        Args:
            views: Streams ``[N, M, T, V, C]`` of the view ``clip``.
            labels: The classes ``[N]``; not used for logits.
            mode: ``'loss'`` or ``'tensor'``.
        """
        logits = {
            stream: network(views['clip'][self.sources[stream]]).float()
            for stream, network in self.networks.items()
        }
        if mode == 'tensor':
            return logits
        return {stream: F.cross_entropy(logit, labels) for stream, logit in logits.items()}


@PROTOCOLS.register_module()
class FinetuneProtocol(Protocol):
    """Fine-tuning, as in AimCLR.

    Of each stream a copy of the encoder and a linear layer are trained end to end; the model that
    is evaluated stays as it is. Accuracies are those after the last epoch. Distributed processes
    share the test clips but each trains on all training clips: fine-tuning gets no faster.

    Args:
        epochs: Passes over the labelled clips.
        batch_size: Clips of a step.
        learning_rate: Of SGD, for the encoders and the linear layers.
        momentum: Of SGD.
        weight_decay: Of SGD.
        milestones: Epochs after which the learning rate is divided by ten.
        train_view: Transforms of the training clips; the preprocessor's evaluation view if absent.
        **kwargs: See :class:`Protocol`. The seed is that of the linear layers' start, the order of
            clips, the draws of the training view, and dropout.
    """

    def __init__(
        self,
        epochs: int = 80,
        batch_size: int = 64,
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        milestones: Sequence[int] = (50, 70),
        train_view: Sequence[dict] | None = None,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.milestones = tuple(milestones)
        self.train_view = None if train_view is None else build_transform(list(train_view))

    def check(self, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset) -> None:
        """Raise a ValueError if the data sets have different classes.

        Warn of test clips that cannot be told right, because no training clip is of their class.
        """
        super().check(train_dataset, test_dataset)
        classes = train_dataset.metainfo['classes']
        in_train, in_test = (
            data.labels.bincount(minlength=len(classes)) for data in (train_dataset, test_dataset)
        )
        absent = ((in_train == 0) & (in_test > 0)).nonzero().flatten().tolist()
        if absent:
            warnings.warn(
                f'{len(absent)} of {len(classes)} classes have no clip in the split '
                f'{train_dataset.split!r} of {train_dataset.data_file}: '
                f'{", ".join(classes[i] for i in absent)}. Their {int(in_test[absent].sum())} of '
                f'{len(test_dataset)} test clips count as wrong; to have them learned, use a '
                'split with clips of every class',
                stacklevel=3,
            )

    def scores(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> dict[str, Tensor]:
        """Fine-tune on all training clips; scores are the probabilities.

        Raises:
            ValueError: if the training diverges.
        """
        labelled = torch.arange(len(train_dataset))
        return self.finetune(model, train_dataset, labelled, test_dataset, self.seed)

    def finetune(
        self,
        model: BaseModel,
        train_dataset: SkeletonDataset,
        labelled: Tensor,
        test_dataset: SkeletonDataset,
        seed: int,
    ) -> dict[str, Tensor]:
        """Fine-tune on some of the training clips.

        Args:
            model: A pre-trainer or a classifier.
            train_dataset: The training clips.
            labelled: Which of them may be used: their positions ``[N]``.
            test_dataset: The test clips.
            seed: Of everything that is drawn.

        Returns:
            The probabilities ``[num_test, classes]`` of the test clips by stream.

        Raises:
            ValueError: if the training diverges.
        """
        preprocessor = model.data_preprocessor
        train_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        generator = torch.Generator().manual_seed(seed)
        num_classes = len(train_dataset.metainfo['classes'])
        is_cuda = preprocessor.device.type == 'cuda'
        # Dropout draws from PyTorch's own generators, which are then as they were.
        with torch.random.fork_rng([preprocessor.device] if is_cuda else []):
            finetuned = FinetunedModel(model, num_classes, generator).to(preprocessor.device)
            torch.manual_seed(seed)
            self.train(finetuned, train_dataset, labelled, generator, seed)
            for value in finetuned.state_dict().values():
                broadcast(value)  # so that all processes encode their share of test clips alike
            logits = extract_features(finetuned, test_dataset, self.encoding_batch_size)
        return {stream: logit.softmax(1) for stream, logit in logits.items()}

    @torch.enable_grad()
    def train(
        self,
        finetuned: FinetunedModel,
        dataset: SkeletonDataset,
        labelled: Tensor,
        generator: torch.Generator,
        seed: int,
    ) -> None:
        """Train on some clips of a data set.

        Args:
            finetuned: What is trained.
            dataset: The clips.
            labelled: Which of them: their positions ``[N]``.
            generator: Source of the order of clips.
            seed: Of the training view's draws.

        Raises:
            ValueError: if the training diverges.
        """
        preprocessor = finetuned.data_preprocessor
        view = preprocessor.evaluation_view if self.train_view is None else self.train_view
        finetuned.train().requires_grad_(True)
        optimizer = torch.optim.SGD(
            finetuned.parameters(),
            self.learning_rate,
            self.momentum,
            weight_decay=self.weight_decay,
        )
        scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, self.milestones, 0.1)
        iteration = 0
        for epoch in range(self.epochs):
            order = labelled[torch.randperm(len(labelled), generator=generator)]
            batches = order.split(self.batch_size)
            for positions in batches:
                batch = pad_clips([dataset[position] for position in positions.tolist()])
                preprocessor.progress = TrainingProgress(epoch, iteration, len(batches), seed)
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


@PROTOCOLS.register_module()
class TransferProtocol(FinetuneProtocol):
    """Transfer learning: HaLP, Sec. 4.3. Fine-tuning on another data set than the pre-training's.

    Args:
        **kwargs: See :class:`FinetuneProtocol`.
    """

    needs_target = True

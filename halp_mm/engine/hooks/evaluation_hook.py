"""Follow training by an evaluation on the test clips."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import Subset

from halp_mm.argument_checks import check_count
from halp_mm.datasets import SkeletonDataset
from halp_mm.datasets.split_comparison import compare_clips
from halp_mm.engine.distributed import model_of
from halp_mm.engine.stop import EvaluationLeft
from halp_mm.evaluation import effective_rank, extract_features
from halp_mm.models import Pretrainer
from halp_mm.registry import DATASETS, HOOKS, PROTOCOLS
from halp_mm.skeletons import conversion_matrix
from halp_mm.transforms import ConvertLayout, build_transform

_LEFT = 'evaluation_left'
#: Clips whose features' rank is looked at, at most.
MAX_RANKED = 2048
#: Fewer clips than these have a low rank anyway.
MIN_RANKED = 32
#: Features of a lower rank have collapsed, or nearly.
MIN_RANK = 3


@HOOKS.register_module()
class EvaluationHook(Hook):
    """Every n epochs, run a protocol or several on the clips of the config's ``test_dataset``.

    Training clips without labels are of no use for that. With ``evaluation_data``, a dict of two
    data sets ``train`` and ``test`` in the config, it is theirs that are used; they may have other
    classes and another layout, which is converted to the encoder's. Without labelled clips a line
    in the log says so, and no accuracy is found.

    Accuracies go to the log and to all of the visualizer's backends as ``val/top1`` and
    ``val/top5``, per cent; those of several protocols as ``val/knn_top1``, ``val/linear_top1`` and
    so on. ``val/effective_rank``, with several streams ``val/STREAM/effective_rank``, is
    :func:`~halp_mm.evaluation.effective_rank` of the test clips' features, or, without labelled
    clips, of some training clips': what collapses without labels is seen without labels. A
    pre-training whose features spread over fewer than three directions is warned of once.
    ``evaluation_seconds`` is how long training stood still for all this.

    Args:
        protocol: Config of the protocol; its seed is the run's unless it has its own. Or the names
            of some of the config's ``protocols``, such as ``['knn', 'linear']``.
        interval: Epochs between two evaluations; the last epoch is always evaluated.
        prefix: The prefix of the metrics' names, after ``val/``.
    """

    priority = 'LOW'

    def __init__(
        self, protocol: Mapping | Sequence[str], interval: int = 10, prefix: str = ''
    ) -> None:
        self.protocol = protocol
        check_count(interval=interval)
        self.interval = interval
        self.prefix = prefix

    def before_train(self, runner: Runner) -> None:
        """Build the protocols and open the test clips.

        Clips of a single class have no accuracy: then there is a line in the log, and nothing else.

        Raises:
            ValueError: if the config lacks one of the protocols, or the training clips have other
                classes than the test clips.
        """
        self.protocols = {
            prefix: PROTOCOLS.build({'seed': runner.seed, **settings})
            for prefix, settings in self.settings_by_prefix(runner).items()
        }
        self.has_warned = False
        model = model_of(runner)
        found = self.find_datasets(runner, model)
        why_not = reason_against(*found)
        if why_not:
            runner.logger.warning(f'no evaluation during training: {why_not}')
            self.protocols = {}
            return
        for protocol in self.protocols.values():
            protocol.check(*found)
        first = next(iter(self.protocols.values()))
        self.train_dataset, self.test_dataset = first.labelled_clips(*found)
        classes = self.test_dataset.metainfo['classes']
        if len(classes) < 2:
            runner.logger.warning(f'no evaluation: a single class, {classes[0]!r}, has no accuracy')
            self.protocols = {}
            return
        preprocessor = model.data_preprocessor
        self.test_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        if runner.message_hub.runtime_info.get(_LEFT):
            self.evaluate(runner, runner.epoch)

    def find_datasets(
        self, runner: Runner, model: BaseModel
    ) -> tuple[SkeletonDataset, SkeletonDataset | None]:
        """The training and the test clips of the evaluation; None if there are no test clips."""
        evaluation_data = runner.cfg.get('evaluation_data')
        if not evaluation_data:
            # Those of the run, normalised already if NormalizeOnceHook did so.
            train_dataset, test = runner.train_dataloader.dataset, runner.cfg.get('test_dataset')
            return train_dataset, DATASETS.build(test) if test else None
        missing = [key for key in ('train', 'test') if key not in evaluation_data]
        if missing:
            raise ValueError(
                f'evaluation_data has no {" and no ".join(missing)}; expected two data sets, '
                "evaluation_data=dict(train=dict(type='SkeletonDataset', ...), test=dict(...))"
            )
        preprocessor = model.data_preprocessor
        layout = next(iter(model.encoders.values())).layout
        normalization = build_transform([ConvertLayout(layout), preprocessor.normalization])
        num_people = runner.train_dataloader.dataset.num_people
        datasets = [
            DATASETS.build({'num_people': num_people, **evaluation_data[key]})
            for key in ('train', 'test')
        ]
        self.say_shared_clips(runner, *datasets)
        for dataset in datasets:
            try:
                conversion_matrix(dataset.layout, layout)
            except ValueError as error:
                raise ValueError(
                    f'evaluation_data: {dataset.data_file} does not suit the encoder: {error}'
                ) from error
            dataset.normalize_once(normalization, math.inf, preprocessor.device)
        return tuple(datasets)

    def say_shared_clips(
        self, runner: Runner, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> None:
        """Say which clips of ``evaluation_data`` to test on are trained on.

        Raises:
            ValueError: if all of them are among those whose labels are known, and that is not
                allowed.
        """
        allowed = bool(runner.cfg.get('train_on_test_clips'))
        pretrained_on = runner.train_dataloader.dataset
        for warning in (
            *compare_clips(train_dataset, test_dataset, allowed),
            *compare_clips(pretrained_on, test_dataset, allowed=True),
        ):
            runner.logger.warning(f'evaluation_data: {warning}')

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate, if it is time."""
        if self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner):
            self.evaluate(runner, runner.epoch + 1)

    def evaluate(self, runner: Runner, epoch: int) -> None:
        """Evaluate after so many epochs; if training is to stop meanwhile, when it is resumed."""
        model = model_of(runner)
        start = time.perf_counter()
        scalars: dict[str, float] = {}
        features: Mapping[str, Tensor] = {}
        try:
            with runner.stop.evaluation():
                for prefix, protocol in self.protocols.items():
                    result = protocol.run(model, self.train_dataset, self.test_dataset)
                    metrics = result.metrics
                    scalars |= {f'val/{prefix}{key}': metrics[key] for key in ('top1', 'top5')}
                    features = features or result.features
                if not self.protocols:
                    clips = runner.train_dataloader.dataset
                    features = extract_features(model, Subset(clips, spread_out(len(clips))))
        except EvaluationLeft:
            runner.message_hub.update_info(_LEFT, True)
            runner.logger.info(f'the evaluation after epoch {epoch} is left for the resumed run')
            return
        runner.message_hub.update_info(_LEFT, False)
        scalars |= self.ranks(runner, features, epoch)
        scalars['evaluation_seconds'] = time.perf_counter() - start
        runner.visualizer.add_scalars(scalars, step=epoch)
        metrics = '  '.join(f'{key}: {value:.2f}' for key, value in scalars.items())
        runner.logger.info(f'Epoch(val) [{epoch}]  {metrics}')

    def ranks(self, runner: Runner, features: Mapping[str, Tensor], epoch: int) -> dict[str, float]:
        """The effective rank of the streams' features ``[N, D]``."""
        found = {}
        for stream, feature in features.items():
            some = feature[spread_out(len(feature))]
            rank = effective_rank(some)
            name = f'{stream}/effective_rank' if len(features) > 1 else 'effective_rank'
            found[f'val/{name}'] = rank
            if rank < MIN_RANK and len(some) >= MIN_RANKED:
                self.warn_of_collapse(runner, stream, rank, epoch)
        return found

    def warn_of_collapse(self, runner: Runner, stream: str, rank: float, epoch: int) -> None:
        """Say once that features have collapsed; a classifier's may have few directions."""
        if self.has_warned or not isinstance(model_of(runner), Pretrainer):
            return
        self.has_warned = True
        runner.logger.warning(
            f'after epoch {epoch} the features of the stream {stream} spread over {rank:.1f} '
            'directions (their effective rank): they have collapsed, or nearly. A lower learning '
            'rate may help'
        )

    def settings_by_prefix(self, runner: Runner) -> dict[str, Mapping]:
        """The configs of the protocols, by the prefix of their metrics' names."""
        if isinstance(self.protocol, Mapping):
            return {self.prefix: self.protocol}
        known = runner.cfg.protocols
        unknown = [name for name in self.protocol if name not in known]
        if unknown:
            raise ValueError(
                f'the EvaluationHook asks for the protocol {unknown[0]!r}; the config has '
                f'{sorted(known)}'
            )
        return {f'{self.prefix}{name}_': known[name] for name in self.protocol}


def spread_out(count: int) -> list[int]:
    """Some of so many positions, evenly spread; all if they are not too many."""
    return torch.linspace(0, count - 1, min(count, MAX_RANKED)).long().tolist()


def reason_against(
    train_dataset: SkeletonDataset, test_dataset: SkeletonDataset | None
) -> str | None:
    """Why clips cannot be evaluated on, if they cannot.

    Args:
        train_dataset: The training clips.
        test_dataset: The test clips, if there are any.

    Returns:
        None if they can, as far as labels are concerned.

    Raises:
        ValueError: if test clips have labels and no training clip has one.
    """
    advice = (
        'Labelled clips, of another file too, may be named by evaluation_data=dict(train=..., '
        'test=...)'
    )
    if test_dataset is None:
        return f'the config has no test_dataset. {advice}'
    unlabelled = [
        dataset for dataset in (train_dataset, test_dataset) if not len(dataset.labelled())
    ]
    if not unlabelled:
        return None
    dataset = unlabelled[0]
    where = f'the {len(dataset)} clips of split {dataset.split!r} of {dataset.data_file}'
    if unlabelled == [train_dataset]:
        raise ValueError(
            f'the test clips have labels, but none of {where} has one to compare them with. '
            f'{advice}; or set default_hooks.evaluation=None (--no-validate)'
        )
    return f'none of {where} has a label. {advice}'


@HOOKS.register_module()
class KNNEvaluationHook(EvaluationHook):
    """Every n epochs, classify the test clips by their nearest training clips.

    The metrics are ``val/knn_top1`` and ``val/knn_top5``, per cent.

    Args:
        interval: Epochs between two evaluations; the last epoch is always evaluated.
        k: Number of neighbours.
        batch_size: Clips that are encoded at a time.
    """

    def __init__(self, interval: int = 10, k: int = 1, batch_size: int = 256) -> None:
        protocol = {'type': 'KNNProtocol', 'k': k, 'encoding_batch_size': batch_size}
        super().__init__(protocol, interval, prefix='knn_')

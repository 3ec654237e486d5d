"""Follow training by an evaluation on the test clips."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.argument_checks import check_count
from halp_mm.engine.distributed import model_of
from halp_mm.engine.stop import EvaluationLeft
from halp_mm.registry import DATASETS, HOOKS, PROTOCOLS

_LEFT = 'evaluation_left'


@HOOKS.register_module()
class EvaluationHook(Hook):
    """Every n epochs, run a protocol or several on the clips of the config's ``test_dataset``.

    Accuracies go to the log and to all of the visualizer's backends as ``val/top1`` and
    ``val/top5``, per cent; those of several protocols as ``val/knn_top1``, ``val/linear_top1`` and
    so on. ``evaluation_seconds`` is how long training stood still for them.

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
        # The training clips are those of the run, normalised already if NormalizeOnceHook did so.
        self.train_dataset = runner.train_dataloader.dataset
        self.test_dataset = DATASETS.build(runner.cfg.test_dataset)
        for protocol in self.protocols.values():
            protocol.check(self.train_dataset, self.test_dataset)
        classes = self.test_dataset.metainfo['classes']
        if len(classes) < 2:
            runner.logger.warning(f'no evaluation: a single class, {classes[0]!r}, has no accuracy')
            self.protocols = {}
            return
        model = model_of(runner)
        preprocessor = model.data_preprocessor
        self.test_dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)
        if runner.message_hub.runtime_info.get(_LEFT):
            self.evaluate(runner, runner.epoch)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate, if it is time."""
        is_due = self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)
        if is_due and self.protocols:
            self.evaluate(runner, runner.epoch + 1)

    def evaluate(self, runner: Runner, epoch: int) -> None:
        """Evaluate after so many epochs; if training is to stop meanwhile, when it is resumed."""
        model = model_of(runner)
        start = time.perf_counter()
        scalars = {}
        try:
            with runner.stop.evaluation():
                for prefix, protocol in self.protocols.items():
                    metrics = protocol.run(model, self.train_dataset, self.test_dataset).metrics
                    scalars |= {f'val/{prefix}{key}': metrics[key] for key in ('top1', 'top5')}
        except EvaluationLeft:
            runner.message_hub.update_info(_LEFT, True)
            runner.logger.info(f'the evaluation after epoch {epoch} is left for the resumed run')
            return
        runner.message_hub.update_info(_LEFT, False)
        scalars['evaluation_seconds'] = time.perf_counter() - start
        runner.visualizer.add_scalars(scalars, step=epoch)
        metrics = '  '.join(f'{key}: {value:.2f}' for key, value in scalars.items())
        runner.logger.info(f'Epoch(val) [{epoch}]  {metrics}')

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

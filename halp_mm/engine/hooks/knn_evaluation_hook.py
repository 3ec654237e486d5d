"""Follow pre-training by a kNN evaluation."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from halp_mm.evaluation import KNNProtocol
from halp_mm.registry import DATASETS, HOOKS


@HOOKS.register_module()
class KNNEvaluationHook(Hook):
    """Every n epochs, evaluate the encoder by kNN and log the accuracies.

    They go to the log and to all of the visualizer's backends as ``val/knn_top1`` and
    ``val/knn_top5``, per cent.

    Args:
        interval: Epochs between two evaluations; the last epoch is always evaluated.
        train_dataset: Config of the data set whose labels are known.
        test_dataset: Config of the data set whose labels are to be found.
        k: Number of neighbours.
        batch_size: Clips that are encoded at a time.
    """

    priority = 'LOW'

    def __init__(
        self,
        interval: int,
        train_dataset: dict,
        test_dataset: dict,
        k: int = 1,
        batch_size: int = 256,
    ) -> None:
        self.interval = interval
        self.train_dataset = DATASETS.build(train_dataset)
        self.test_dataset = DATASETS.build(test_dataset)
        self.protocol = KNNProtocol(k=k, batch_size=batch_size)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate, if it is time."""
        if not (self.every_n_epochs(runner, self.interval) or self.is_last_train_epoch(runner)):
            return
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        result = self.protocol.run(model, self.train_dataset, self.test_dataset)
        scalars = {f'val/knn_{key}': result.metrics[key] for key in ('top1', 'top5')}
        runner.visualizer.add_scalars(scalars, step=runner.epoch + 1)
        figures = '  '.join(f'{key}: {value:.2f}' for key, value in scalars.items())
        runner.logger.info(f'Epoch(val) [{runner.epoch + 1}]  {figures}')

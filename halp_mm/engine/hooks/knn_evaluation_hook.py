"""Follow pre-training by a kNN evaluation."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from halp_mm.evaluation import KNNProtocol
from halp_mm.registry import DATASETS, HOOKS


@HOOKS.register_module()
class KNNEvaluationHook(Hook):
    """Every n epochs, classify the test clips by their nearest training clips.

    They go to the log and to all of the visualizer's backends as ``val/knn_top1`` and
    ``val/knn_top5``, per cent.

    Args:
        interval: Epochs between two evaluations; the last epoch is always evaluated.
        k: Number of neighbours.
        batch_size: Clips that are encoded at a time.
    """

    priority = 'LOW'

    def __init__(
        self,
        interval: int = 10,
        k: int = 1,
        batch_size: int = 256,
    ) -> None:
        self.interval = interval
        self.protocol = KNNProtocol(k=k, encoding_batch_size=batch_size)

    def before_train(self, runner: Runner) -> None:
        """Open the data sets: the training clips, and those of the config's ``test_dataset``."""
        self.train_dataset = DATASETS.build(runner.cfg.train_dataloader.dataset)
        self.test_dataset = DATASETS.build(runner.cfg.test_dataset)
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for dataset in (self.train_dataset, self.test_dataset):
            preprocessor = model.data_preprocessor
            dataset.normalize_once(preprocessor.normalization, device=preprocessor.device)

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

"""Write into each checkpoint how its model is built for inference."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.datasets import SkeletonDataset
from halp_mm.engine.distributed import model_of
from halp_mm.engine.saved_model import INFERENCE, describe_model
from halp_mm.models import InferenceModel, SkeletonClassifier


class ModelDescriptionHook(Hook):
    """Write the model's description into ``meta/inference`` of its checkpoints.

    With it, :func:`~halp_mm.engine.saved_model.load_model` needs no config and no data. The
    SkeletonRunner always has this hook. A model that no file can describe, such as one with a data
    preprocessor of another kind, is saved without; the log says so once.
    """

    def __init__(self) -> None:
        self.description: dict | None = None

    def before_train(self, runner: Runner) -> None:
        """Describe the model and the clips that it is trained on."""
        dataset, model = runner.train_dataloader.dataset, model_of(runner)
        if 'model' not in runner.cfg or not isinstance(dataset, SkeletonDataset):
            return
        classes = dataset.metainfo['classes'] if isinstance(model, SkeletonClassifier) else []
        try:
            described = describe_model(runner.cfg, InferenceModel.of(model), dataset, classes)
        except (AttributeError, KeyError, ValueError) as error:
            runner.logger.info(f'checkpoints cannot be used without this config: {error}')
        else:
            self.description = described.to_dict()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the description."""
        if self.description is not None:
            checkpoint['meta'][INFERENCE] = self.description

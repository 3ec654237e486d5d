"""Stop before training if a classifier and its training set have different classes."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner

from halp_mm.engine.distributed import model_of
from halp_mm.evaluation.classifier import check_num_classes
from halp_mm.models import SkeletonClassifier


class ClassesHook(Hook):
    """Before training, compare a classifier's number of classes with the training set's.

    Without this check, a label that a classifier lacks ends a run on a GPU with an unclear error.
    The SkeletonRunner always has this hook. It does nothing for models that learn without labels.
    """

    priority = 'VERY_HIGH'

    def before_train(self, runner: Runner) -> None:
        """Compare."""
        model = model_of(runner)
        if isinstance(model, SkeletonClassifier):
            check_num_classes(model, runner.train_dataloader.dataset)

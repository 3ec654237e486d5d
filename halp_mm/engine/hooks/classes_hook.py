"""Stop before training if a classifier and its data differ in classes, or labels are missing."""

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
            dataset = runner.train_dataloader.dataset
            check_num_classes(model, dataset)
            num_labelled = len(dataset.labelled())
            if num_labelled < len(dataset):
                raise ValueError(
                    f'{num_labelled} of {len(dataset)} training clips (split {dataset.split!r} of '
                    f'{dataset.data_file}) have a label; a classifier needs all of them. Choose '
                    'another split, or label the clips'
                )

"""Semi-supervised evaluation: fine-tuning with few labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from mmengine.model import BaseModel
from torch import Tensor

from halp_mm.argument_checks import check_count, check_fraction
from halp_mm.datasets import SkeletonDataset
from halp_mm.evaluation.finetune import FinetuneProtocol
from halp_mm.evaluation.label_draws import draw_labelled, seed_of_draw, summary_of_draws
from halp_mm.evaluation.protocol import EvaluationResult, Outcome
from halp_mm.registry import PROTOCOLS


@PROTOCOLS.register_module()
class SemiProtocol(FinetuneProtocol):
    """Semi-supervised evaluation, as in AimCLR: fine-tuning with few labels, several times.

    Metrics are means and standard deviations over the draws (0 of one draw):
    ``FRACTION/top1``, ``FRACTION/top1_std``, the same for ``top5`` and for each of several
    streams, and ``FRACTION/num_train``. The metrics without a fraction are the means of the first
    one. The scores, and the model, are those of its last draw.

    Args:
        label_fraction: Which parts of the labels are used, one after the other.
        draws: How often clips are drawn and a model is fine-tuned, for each fraction.
        **kwargs: See :class:`FinetuneProtocol`.

    Raises:
        ValueError: if a fraction is out of range or there are none, or there is no draw.
    """

    def __init__(
        self, label_fraction: float | Sequence[float] = (0.01, 0.1), draws: int = 5, **kwargs
    ) -> None:
        super().__init__(**kwargs)
        is_number = isinstance(label_fraction, (int, float))
        self.fractions = [label_fraction] if is_number else list(label_fraction)
        if not self.fractions:
            raise ValueError('label_fraction must be at least one number within (0, 1], got []')
        for fraction in self.fractions:
            check_fraction(above_zero=True, label_fraction=fraction)
        check_count(draws=draws)
        self.draws = draws

    def run(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> EvaluationResult:
        """Evaluate; see :meth:`Protocol.run`."""
        self.check(train_dataset, test_dataset)
        train_dataset, test_dataset = self.labelled_clips(train_dataset, test_dataset)
        classes = train_dataset.metainfo['classes']
        metrics, headline = {}, None
        for fraction in self.fractions:
            results = []
            for draw in range(self.draws):
                outcome = self.outcome_of_draw(model, train_dataset, test_dataset, fraction, draw)
                if headline is not None or draw < self.draws - 1:
                    outcome = outcome._replace(model=None)  # a single one is kept in memory
                results.append(self.judge(outcome, train_dataset, test_dataset))
            accuracies = [key for key in results[0].metrics if not key.startswith('num_')]
            found = [{key: result.metrics[key] for key in accuracies} for result in results]
            metrics |= summary_of_draws(f'{fraction:g}', found)
            labelled = self.labelled(train_dataset, fraction, self.draws - 1)
            metrics[f'{fraction:g}/num_train'] = len(labelled)
            if headline is None:
                counts = train_dataset.labels[labelled].bincount(minlength=len(classes))
                headline = replace(results[-1], num_train=counts.tolist())
        first = f'{self.fractions[0]:g}'
        summary = {key: metrics[f'{first}/{key}'] for key in (*accuracies, 'num_train')}
        summary['num_test'] = len(test_dataset)
        return replace(headline, metrics=summary | metrics)

    def outcome(
        self, model: BaseModel, train_dataset: SkeletonDataset, test_dataset: SkeletonDataset
    ) -> Outcome:
        """The scores of the first fraction's last draw."""
        return self.outcome_of_draw(
            model, train_dataset, test_dataset, self.fractions[0], self.draws - 1
        )

    def outcome_of_draw(
        self,
        model: BaseModel,
        train_dataset: SkeletonDataset,
        test_dataset: SkeletonDataset,
        fraction: float,
        draw: int,
    ) -> Outcome:
        """Fine-tune on the clips of one draw; see :meth:`FinetuneProtocol.finetune`."""
        labelled = self.labelled(train_dataset, fraction, draw)
        seed = self.seed_of_draw(draw)
        return self.finetune(model, train_dataset, labelled, test_dataset, seed)

    def labelled(self, train_dataset: SkeletonDataset, fraction: float, draw: int) -> Tensor:
        """The positions of the clips that a draw may use the labels of."""
        generator = torch.Generator().manual_seed(self.seed_of_draw(draw))
        return draw_labelled(train_dataset.labels, fraction, generator)

    def seed_of_draw(self, draw: int) -> int:
        """A seed of its own for each draw of each run."""
        return seed_of_draw(self.seed, draw)

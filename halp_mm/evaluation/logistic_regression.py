"""Multinomial logistic regression of a whole training set at once."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def logistic_regression_scores(
    train_features: Tensor,
    train_labels: Tensor,
    test_features: Tensor,
    num_classes: int,
    penalty: float = 1.0,
    max_iterations: int = 200,
) -> Tensor:
    """Class probabilities by a multinomial logistic regression.

    Every feature is brought to mean 0 and variance 1 over the training clips; one that is constant
    there becomes 0 in them. Then the sum of the cross-entropies of the training clips plus
    ``penalty / 2`` times the sum of the squared weights is minimised by L-BFGS from zero. The
    biases are not penalised. Nothing is drawn.

    Args:
        train_features: ``[N, D]``.
        train_labels: ``[N]``.
        test_features: ``[Q, D]``.
        num_classes: Number of classes.
        penalty: Strength of the L2 penalty; 1 over the ``C`` of scikit-learn.
        max_iterations: Maximum number of steps of L-BFGS.

    Returns:
        ``[Q, num_classes]``.
    """
    mean = train_features.mean(0)
    deviation = train_features.std(0, correction=0)
    inverse = torch.where(deviation > 0, deviation, 1).reciprocal()
    inputs = (train_features - mean) * inverse
    weight = inputs.new_zeros(num_classes, inputs.shape[1], requires_grad=True)
    bias = inputs.new_zeros(num_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=max_iterations, history_size=10, line_search_fn='strong_wolfe'
    )

    def objective() -> Tensor:
        optimizer.zero_grad()
        losses = F.cross_entropy(F.linear(inputs, weight, bias), train_labels, reduction='sum')
        # The mean over the clips, so that L-BFGS's tolerances mean the same for any number.
        objective = (losses + penalty / 2 * weight.square().sum()) / len(inputs)
        objective.backward()
        return objective

    with torch.enable_grad():
        optimizer.step(objective)
    with torch.no_grad():
        return F.linear((test_features - mean) * inverse, weight, bias).softmax(1)

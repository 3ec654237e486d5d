"""How features lie: how well their clusters are the classes, and a map of them in the plane.

Both look at L2-normalised features, so that distances go with the cosine, as in kNN evaluation.
Both are scikit-learn's, which is optional and therefore imported only when it is needed. They run
on one thread: with several, sums are added in an order that changes from run to run.
"""

from __future__ import annotations

import numpy as np
import torch.nn.functional as F
from torch import Tensor

_MAX_NEIGHBOURS = 30.0  # perplexity of t-SNE, scikit-learn's default
_SAME = 1e-6  # normalised features that are closer than this in all directions are the same


def require_scikit_learn() -> None:
    """Raise an ImportError that says how to install scikit-learn, if it is missing."""
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'k-means and t-SNE need scikit-learn, which is not installed. Install it with: '
            'pip install scikit-learn'
        ) from error


def cluster_nmi(features: Tensor, labels: Tensor, seed: int = 0) -> float:
    """Normalised mutual information of k-means clusters and classes; k is the number of classes.

    AimCLR states it beside its Figure 2. Mutual information is divided by the mean of the two
    entropies.

    Args:
        features: ``[N, D]``.
        labels: ``[N]``.
        seed: Seed of the clusters' starts; the best of ten starts counts.

    Returns:
        0 if clusters say nothing about classes, up to 1 if they are the classes.

    Raises:
        ImportError: if scikit-learn is missing.
        ValueError: if features are not finite or all the same.
    """
    require_scikit_learn()
    from sklearn.cluster import KMeans
    from sklearn.metrics import normalized_mutual_info_score
    from threadpoolctl import threadpool_limits

    values = _normalized(features)
    with threadpool_limits(1):
        k_means = KMeans(len(labels.unique()), n_init=10, random_state=seed)
        clusters = k_means.fit_predict(values)
    return float(normalized_mutual_info_score(labels.cpu().numpy(), clusters))


def tsne_points(features: Tensor, seed: int = 0) -> np.ndarray:
    """Points in the plane whose neighbours are those of the features: t-SNE.

    Args:
        features: ``[N, D]``.
        seed: Seed of the optimisation, which starts from the first two principal components.

    Returns:
        float32 ``[N, 2]``. Axes and distances between far points mean nothing.

    Raises:
        ImportError: if scikit-learn is missing.
        ValueError: if there are fewer than 4 features, or they are not finite or all the same.
    """
    require_scikit_learn()
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) < 4:
        raise ValueError(f'there are {len(features)} features; t-SNE needs at least 4')
    values = _normalized(features)
    perplexity = min(_MAX_NEIGHBOURS, (len(values) - 1) / 3)
    with threadpool_limits(1):
        return TSNE(2, perplexity=perplexity, init='pca', random_state=seed).fit_transform(values)


def _normalized(features: Tensor) -> np.ndarray:
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise ValueError(
            f'features of {bad} of {len(features)} clips are NaN or infinite; expected finite '
            'numbers. The training has diverged: use an earlier checkpoint'
        )
    values = F.normalize(features, dim=1)
    if float((values - values[0]).abs().max()) < _SAME:
        raise ValueError(
            f'the features of all {len(features)} clips are the same; expected different ones. '
            'The encoder has collapsed: use another checkpoint'
        )
    return values.cpu().numpy()

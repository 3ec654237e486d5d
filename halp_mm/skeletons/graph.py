"""The graph of a skeleton: normalised adjacency matrices, one a partition of the neighbours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import get_layout

#: How the neighbours of a joint can be partitioned, with the number of partitions K.
PARTITION_STRATEGIES = {'uniform': 1, 'distance': 2, 'spatial': 3, 'spatial_true_distance': 3}


def partition_adjacency(
    layout: str | Mapping | SkeletonLayout, strategy: str = 'spatial'
) -> np.ndarray:
    """The adjacency matrices of a spatial graph convolution.

    Column w of the matrices holds the weights with which joint w sums up its neighbours and
    itself. All weights of a column are equal and, over all partitions, add up to 1.

    - ``'uniform'``: one matrix for a joint and its neighbours.
    - ``'distance'``: the joint itself; its neighbours.
    - ``'spatial'``: the joint itself; its neighbours that are as far from the centre joint as
      itself, or further; those that are closer. As in the release of ST-GCN, from which all
      published numbers come, distances are only told apart up to one bone: from two bones on,
      all joints count as equally far.
    - ``'spatial_true_distance'``: the same, with the true number of bones, as the paper has it.

    Source: ST-GCN (Yan et al., AAAI 2018), Sec. 3.4, and its release.

    Args:
        layout: A layout or the name or dict of one.
        strategy: How neighbours are partitioned.

    Returns:
        ``[K, V, V]``, float32: partition, sending joint, receiving joint.

    Raises:
        ValueError: if the strategy or the layout is unknown.
    """
    if strategy not in PARTITION_STRATEGIES:
        raise ValueError(
            f'unknown strategy {strategy!r} to partition a graph; there are '
            f'{list(PARTITION_STRATEGIES)}'
        )
    layout = get_layout(layout)
    itself = np.eye(layout.num_joints, dtype=bool)
    neighbours = np.zeros_like(itself)
    a, b = np.array(layout.bone_indices, dtype=int).reshape(-1, 2).T
    neighbours[a, b] = neighbours[b, a] = True
    if strategy == 'uniform':
        parts = [itself | neighbours]
    elif strategy == 'distance':
        parts = [itself, neighbours]
    else:
        distances = np.array(layout.distances_to_center)
        if strategy == 'spatial':
            distances = np.minimum(distances, 2)
        closer = distances[:, None] < distances
        parts = [itself, neighbours & ~closer, neighbours & closer]
    adjacency = np.stack(parts).astype(np.float32)
    return adjacency / adjacency.sum((0, 1))

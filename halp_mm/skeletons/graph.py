"""The graph of a skeleton: a normalised adjacency matrix per partition of the neighbours."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from halp_mm.skeletons.layout import SkeletonLayout
from halp_mm.skeletons.layouts import get_layout

#: Strategies to partition the neighbours of a joint, with the number of partitions K.
PARTITION_STRATEGIES = {'uniform': 1, 'distance': 2, 'spatial': 3, 'spatial_true_distance': 3}


def partition_adjacency(
    layout: str | Mapping | SkeletonLayout, strategy: str = 'spatial'
) -> np.ndarray:
    """Compute the adjacency matrices of a spatial graph convolution.

    Column w of the matrices holds the weights with which joint w sums its neighbours and itself.
    All nonzero weights of a column are equal and sum to 1 over all partitions.

    - ``'uniform'``: one matrix for a joint and its neighbours.
    - ``'distance'``: the joint itself; its neighbours.
    - ``'spatial'``: the joint itself; its neighbours that are at least as far from the centre
      joint; its neighbours that are closer. As in the release of ST-GCN, the source of all
      published results, distances of two or more bones are treated as equal.
    - ``'spatial_true_distance'``: the same with the true number of bones, as in the paper.

    Source: ST-GCN (Yan et al., AAAI 2018), Sec. 3.4, and its release.

    Args:
        layout: A layout, or the name or dict of one.
        strategy: Strategy to partition the neighbours.

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


def parent_child_adjacency(layout: str | Mapping | SkeletonLayout) -> np.ndarray:
    """Compute the adjacency matrices of an adaptive graph convolution.

    The three partitions of a joint's neighbours are the joint itself, its parent, and its
    children, by the bones' direction from the centre. Column w of a matrix holds the weights with
    which joint w sums its partition. They are equal and sum to 1; a joint without a parent or
    without children has none.

    Source: 2s-AGCN (Shi et al., CVPR 2019), its release.

    Args:
        layout: A layout, or the name or dict of one.

    Returns:
        ``[3, V, V]``, float32: partition, sending joint, receiving joint.

    Raises:
        ValueError: if the layout is unknown.
    """
    layout = get_layout(layout)
    itself = np.eye(layout.num_joints, dtype=np.float32)
    from_parent = np.zeros_like(itself)
    from_parent[list(layout.parents), np.arange(layout.num_joints)] = 1
    np.fill_diagonal(from_parent, 0)  # the centre is its own parent
    adjacency = np.stack([itself, from_parent, from_parent.T])
    return adjacency / adjacency.sum(1, keepdims=True).clip(min=1)

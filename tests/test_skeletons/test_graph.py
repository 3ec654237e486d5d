"""Partitioned adjacency, against the release and loops over joints."""

from functools import lru_cache

import numpy as np
import pytest

from halp_mm.skeletons import (
    LAYOUTS,
    PARTITION_STRATEGIES,
    get_layout,
    parent_child_adjacency,
    partition_adjacency,
)
from tests.helpers import reference

EVERY_LAYOUT = pytest.mark.parametrize('layout', LAYOUTS)


@lru_cache
def hop_distances(layout) -> np.ndarray:
    """Number of bones between every two joints, by Floyd and Warshall."""
    joints = range(layout.num_joints)
    distances = np.full((len(joints),) * 2, np.inf)
    for i in joints:
        distances[i, i] = 0
    for a, b in layout.bone_indices:
        distances[a, b] = distances[b, a] = 1
    for k in joints:
        for i in joints:
            for j in joints:
                distances[i, j] = min(distances[i, j], distances[i, k] + distances[k, j])
    return distances


def by_loops(layout, strategy: str) -> np.ndarray:
    distances = hop_distances(layout)
    if strategy == 'spatial':  # two bones and more: infinitely far
        to_center = np.where(distances <= 1, distances, np.inf)[layout.index(layout.center)]
    else:
        to_center = distances[layout.index(layout.center)]
    joints = range(layout.num_joints)
    matrices = np.zeros((PARTITION_STRATEGIES[strategy], len(joints), len(joints)))
    for receiver in joints:
        senders = [j for j in joints if distances[j, receiver] <= 1]
        for sender in senders:
            if strategy == 'uniform':
                part = 0
            elif strategy == 'distance' or sender == receiver:
                part = int(distances[sender, receiver])
            else:
                part = 1 if to_center[sender] >= to_center[receiver] else 2
            matrices[part, sender, receiver] = 1 / len(senders)
    return matrices


def test_equals_the_release():
    adjacency = partition_adjacency('kinect_v2')
    assert adjacency.dtype == np.float32
    expected = reference('adjacency_kinect_v2')['spatial'].numpy()
    np.testing.assert_allclose(adjacency, expected, rtol=1e-7)
    assert [np.count_nonzero(part) for part in adjacency] == [25, 40, 8]


@EVERY_LAYOUT
@pytest.mark.parametrize('strategy', PARTITION_STRATEGIES)
def test_equals_loops(layout, strategy):
    adjacency = partition_adjacency(layout, strategy)
    expected = by_loops(get_layout(layout), strategy)
    np.testing.assert_allclose(adjacency, expected, rtol=1e-6)


@EVERY_LAYOUT
def test_partitions_add_up_to_the_uniform_matrix(layout):
    (uniform,) = partition_adjacency(layout, 'uniform')
    np.testing.assert_allclose(uniform.sum(0), 1, rtol=1e-6)
    for strategy in PARTITION_STRATEGIES:
        adjacency = partition_adjacency(layout, strategy)
        np.testing.assert_allclose(adjacency.sum(0), uniform)
        assert ((adjacency > 0).sum(0) <= 1).all()


@EVERY_LAYOUT
def test_true_distances_send_along_every_bone_in_both_directions(layout):
    itself, away, towards = partition_adjacency(layout, 'spatial_true_distance') > 0
    assert np.array_equal(away, towards.T)
    parents = get_layout(layout).parents
    center = get_layout(layout).index(get_layout(layout).center)
    for joint, parent in enumerate(parents):
        assert towards[parent, joint] == (joint != center)
    assert np.array_equal(itself, np.eye(len(parents), dtype=bool))


@EVERY_LAYOUT
def test_a_joint_gathers_itself_its_parent_and_the_mean_of_its_children(layout):
    layout = get_layout(layout)
    joints = range(layout.num_joints)
    values = np.random.default_rng(0).normal(size=layout.num_joints)
    expected = np.zeros((3, layout.num_joints))
    for joint in joints:
        children = [j for j in joints if layout.parents[j] == joint != j]
        expected[0, joint] = values[joint]
        if layout.parents[joint] != joint:
            expected[1, joint] = values[layout.parents[joint]]
        if children:
            expected[2, joint] = np.mean(values[children])
    np.testing.assert_allclose(values @ parent_child_adjacency(layout), expected, atol=1e-6)


def test_a_single_joint():
    layout = dict(name='one', joints=['a'], bones=[], center='a')
    assert partition_adjacency(layout).tolist() == [[[1]], [[0]], [[0]]]
    assert parent_child_adjacency(layout).tolist() == [[[1]], [[0]], [[0]]]


def test_unknown_strategy():
    with pytest.raises(ValueError, match=r"unknown strategy 'spacial'.*'uniform', 'distance'"):
        partition_adjacency('kinect_v2', 'spacial')

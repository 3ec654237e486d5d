"""Geometry of the sphere, the Frechet mean and k-means with it."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from scipy.spatial import geometric_slerp
from torch import Tensor

from halp_mm.models.modules import frechet_mean, spherical_kmeans
from halp_mm.models.modules.spherical_kmeans import angle_over_sine, exp_map, log_map
from tests.helpers import DTYPES, assert_relative, generator, reference, unit_vectors


def cluster(center: Tensor, count: int, spread: float, seed: int) -> Tensor:
    noise = torch.randn(count, len(center), generator=generator(seed), dtype=center.dtype)
    return F.normalize(center + spread * noise, dim=-1)


def sum_of_squares(mean: np.ndarray, points: np.ndarray, weights: np.ndarray) -> float:
    """Of geodesic distances; the angle by arctan2, which is exact for small ones as well."""
    total = 0.0
    for weight, point in zip(weights, points):
        angle = 2 * np.arctan2(np.linalg.norm(point - mean), np.linalg.norm(point + mean))
        total += weight * angle**2
    return total


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('dim', [2, 3, 16])
def test_log_and_exp_are_inverse(dim, dtype):
    base, points = unit_vectors(300, dim, dtype=dtype), unit_vectors(300, dim, seed=1, dtype=dtype)
    tangent = log_map(base, points)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    assert (tangent * base).sum(-1).abs().max() < 10 * tolerance
    angle = torch.acos((base.double() * points.double()).sum(-1).clamp(-1, 1)).to(dtype)
    torch.testing.assert_close(tangent.norm(dim=-1), angle, rtol=0, atol=100 * tolerance)
    # Points almost opposite are reached less exactly.
    far = angle > 3.1
    torch.testing.assert_close(
        exp_map(base, tangent)[~far], points[~far], rtol=0, atol=100 * tolerance
    )
    back = log_map(base, exp_map(base, tangent))
    torch.testing.assert_close(back[~far], tangent[~far], rtol=0, atol=300 * tolerance)


def test_exp_follows_scipys_slerp():
    base, points = unit_vectors(20, 5), unit_vectors(20, 5, seed=1)
    for t in (0.0, 0.3, 0.5, 1.0):
        walked = exp_map(base, t * log_map(base, points))
        expected = [geometric_slerp(b.numpy(), p.numpy(), t) for b, p in zip(base, points)]
        np.testing.assert_allclose(walked.numpy(), np.stack(expected), rtol=0, atol=1e-10)


@pytest.mark.parametrize('dtype', DTYPES)
def test_maps_of_the_base_itself_and_its_opposite(dtype):
    base = unit_vectors(10, 8, dtype=dtype)
    assert log_map(base, base).abs().max() < 1e-6
    assert torch.equal(exp_map(base, torch.zeros_like(base)), F.normalize(base, dim=-1))
    assert log_map(base, -base).isfinite().all()
    exact = torch.eye(3, dtype=dtype)[:1]
    assert not log_map(exact, exact).any()
    assert not log_map(exact, -exact).any()


@pytest.mark.parametrize('dtype', DTYPES)
def test_angle_over_sine(dtype):
    angle = torch.linspace(0.01, 3.0, 300, dtype=torch.float64)
    ratio = angle_over_sine(angle.cos().to(dtype))
    tolerance = 3e-3 if dtype == torch.float32 else 1e-9
    torch.testing.assert_close(ratio.double(), angle / angle.sin(), rtol=tolerance, atol=0)
    ends = angle_over_sine(torch.tensor([1.0, 1 + 1e-7, 1 - 1e-7, -1.0, -1 - 1e-7], dtype=dtype))
    assert ends.isfinite().all()
    torch.testing.assert_close(ends[:3], torch.ones(3, dtype=dtype))


def test_frechet_mean_equals_the_release():
    vectors = reference('frechet_mean')
    points = vectors['points']
    # Geomstats starts at the first point and stops after a step below this tolerance.
    mean = frechet_mean(points, start=points[0], tolerance=(1e-4 * 15) ** 0.5)
    assert_relative(mean, vectors['frechet_mean'], 1e-6)


def test_the_first_step_is_taken_whatever_the_tolerance():
    points = cluster(unit_vectors(5), 12, 0.5, seed=1)
    one_step = frechet_mean(points, start=points[0], max_iterations=1)
    assert (one_step - points[0]).norm() > 0.1
    assert torch.equal(frechet_mean(points, start=points[0], tolerance=10), one_step)


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('dim', [2, 3, 10])
def test_frechet_mean_minimises(dim, weighted):
    points = cluster(unit_vectors(dim), 12, 0.5, seed=1)
    weights = torch.rand(12, generator=generator(), dtype=torch.float64) if weighted else None
    mean = frechet_mean(points, weights, max_iterations=300)
    p, w = points.numpy(), np.ones(12) if weights is None else weights.numpy()

    def loss(x: np.ndarray) -> float:
        return sum_of_squares(x / np.linalg.norm(x), p, w)

    found = minimize(loss, p.mean(0), method='BFGS', options=dict(gtol=1e-10))
    best = found.x / np.linalg.norm(found.x)
    np.testing.assert_allclose(mean.numpy(), best, rtol=0, atol=1e-6)
    assert loss(mean.numpy()) <= found.fun + 1e-12
    for step in unit_vectors(50, dim, seed=4).numpy() * 1e-3:
        assert loss(mean.numpy() + step) >= loss(mean.numpy()) - 1e-12
    # It is another point than the normalised Euclidean mean.
    euclidean = F.normalize((points * torch.from_numpy(w)[:, None]).sum(0), dim=0)
    assert (mean - euclidean).norm() > 1e-5


def test_weights_are_multiplicities():
    points = cluster(unit_vectors(4), 3, 0.4, seed=1)
    weights = torch.tensor([3.0, 0.0, 2.0], dtype=torch.float64)
    repeated = torch.stack([points[0]] * 3 + [points[2]] * 2)
    torch.testing.assert_close(frechet_mean(points, weights), frechet_mean(repeated))


@pytest.mark.parametrize('dtype', DTYPES)
def test_mean_of_one_point_and_of_two(dtype):
    a, b = unit_vectors(2, 6, dtype=dtype)
    torch.testing.assert_close(frechet_mean(a[None]), a)
    torch.testing.assert_close(frechet_mean(torch.stack([a, a, a])), a)
    middle = frechet_mean(torch.stack([a, b]), start=a)
    torch.testing.assert_close(middle, F.normalize(a + b, dim=0))


def test_means_are_batched():
    points = F.normalize(unit_vectors(3, 4, 9, 5) + 2 * unit_vectors(3, 4, 1, 5, seed=1), dim=-1)
    means = frechet_mean(points)
    assert means.shape == (3, 4, 5)
    for i in range(3):
        for j in range(4):
            torch.testing.assert_close(means[i, j], frechet_mean(points[i, j]))


@pytest.mark.parametrize('seed', range(5))
def test_each_centroid_is_the_frechet_mean_of_its_cluster(seed):
    points = unit_vectors(80, 5, seed=seed)
    centroids = spherical_kmeans(points, 6, generator(seed), max_iterations=400, tolerance=1e-12)
    assert centroids.shape == (6, 5)
    nearest = (points @ centroids.T).argmax(1)
    assert len(nearest.unique()) == 6
    for i, centroid in enumerate(centroids):
        mean = frechet_mean(points[nearest == i], start=centroid, max_iterations=400)
        torch.testing.assert_close(centroid, mean, rtol=0, atol=1e-6)


@pytest.mark.parametrize('iterations', [1, 2, 3])
def test_iterations_equal_assignment_and_one_step_each(iterations):
    points = unit_vectors(40, 5)
    expected = spherical_kmeans(points, 6, generator(), max_iterations=0)
    for _ in range(iterations):
        nearest = [int(np.argmax([float(p @ c) for c in expected])) for p in points]
        moved = []
        for c, centroid in enumerate(expected):
            own = points[[n == c for n in nearest]]
            moved.append(exp_map(centroid, log_map(centroid, own).mean(0)))
        expected = torch.stack(moved)
    centroids = spherical_kmeans(points, 6, generator(), max_iterations=iterations)
    torch.testing.assert_close(centroids, expected, rtol=0, atol=1e-10)


def test_one_cluster_is_the_frechet_mean_of_all():
    points = cluster(unit_vectors(7), 30, 0.3, seed=1)
    centroid = spherical_kmeans(points, 1, generator(), max_iterations=100, tolerance=1e-12)
    torch.testing.assert_close(centroid[0], frechet_mean(points), rtol=0, atol=1e-8)


@pytest.mark.parametrize('dtype', DTYPES)
def test_separated_clusters_are_recovered(dtype):
    centers = torch.eye(5, dtype=dtype)[:4]
    points = torch.cat([cluster(c, 25, 0.05, seed=i) for i, c in enumerate(centers)])
    # k-means depends on its start; the best of 20 random ones finds them.
    found = [spherical_kmeans(points, 4, generator(i), max_iterations=100) for i in range(20)]
    centroids = torch.stack(found)
    assert centroids.shape == (20, 4, 5)
    assert (centroids.norm(dim=-1) - 1).abs().max() < 1e-5
    distance = torch.acos((points @ centroids.mT).clamp(-1, 1))
    best = distance.amin(-1).square().sum(-1).argmin()
    nearest = distance[best].argmin(-1).view(4, 25)
    assert (nearest == nearest[:, :1]).all()
    assert nearest[:, 0].sort().values.tolist() == [0, 1, 2, 3]
    for i in range(4):
        expected = frechet_mean(points.view(4, 25, 5)[i])
        torch.testing.assert_close(centroids[best, nearest[i, 0]], expected, rtol=0, atol=2e-3)


def test_batch_equals_one_by_one():
    points = unit_vectors(4, 32, 6)
    together = spherical_kmeans(points, 5, generator(3), max_iterations=50)
    for batch, alone in zip(together, points):
        expected = spherical_kmeans(alone, 5, generator(3), max_iterations=50)
        torch.testing.assert_close(batch, expected, rtol=0, atol=1e-12)


def test_a_finished_batch_entry_waits_for_the_others():
    easy = torch.cat([cluster(c, 16, 1e-6, seed=0) for c in torch.eye(6).double()[:2]])
    points = torch.stack([easy, unit_vectors(32, 6)])
    tolerance = 0.05
    together = spherical_kmeans(points, 2, generator(3), 50, tolerance)
    for batch, alone in zip(together, points):
        expected = spherical_kmeans(alone, 2, generator(3), 50, tolerance)
        torch.testing.assert_close(batch, expected, rtol=0, atol=1e-12)


def test_equal_generators_give_equal_centroids():
    points = unit_vectors(50, 6)
    first = spherical_kmeans(points, 5, generator(1))
    torch.rand(3)
    assert torch.equal(first, spherical_kmeans(points, 5, generator(1)))
    assert not torch.equal(first, spherical_kmeans(points, 5, generator(2)))


def test_start_is_at_distinct_points():
    points = unit_vectors(10, 6)
    found = [spherical_kmeans(points, 4, generator(i), max_iterations=0) for i in range(200)]
    start = torch.stack(found)
    which = (start @ points.T).argmax(-1)
    torch.testing.assert_close(start, points[which])
    assert all(len(row.unique()) == 4 for row in which)
    counts = which.flatten().bincount(minlength=10)
    assert (counts - 80).abs().max() < 4 * (200 * 0.4 * 0.6) ** 0.5


@pytest.mark.parametrize('dtype', DTYPES)
def test_as_many_clusters_as_points(dtype):
    points = unit_vectors(8, 5, dtype=dtype)
    centroids = spherical_kmeans(points, 8, generator())
    order = (points @ centroids.T).argmax(0)
    assert order.sort().values.tolist() == list(range(8))
    torch.testing.assert_close(centroids, points[order], rtol=0, atol=1e-5)


@pytest.mark.parametrize('dtype', DTYPES)
def test_equal_points_leave_centroids_empty_but_finite(dtype):
    point = unit_vectors(1, 5, dtype=dtype)
    centroids = spherical_kmeans(point.expand(20, 5), 4, generator())
    torch.testing.assert_close(centroids, point.expand(4, 5), rtol=0, atol=1e-6)
    # Two places, each occupied many times; some of six centroids must go without points.
    points = unit_vectors(2, 5, dtype=dtype).repeat_interleave(20, 0)
    centroids = spherical_kmeans(points, 6, generator())
    assert (centroids.norm(dim=1) - 1).abs().max() < 1e-5
    distance = torch.cdist(centroids, points[[0, 20]]).amin(1)
    assert distance.max() < 1e-3


@pytest.mark.parametrize('dtype', DTYPES)
def test_opposite_points_stay_finite(dtype):
    axes = torch.eye(3, dtype=dtype)
    points = torch.cat([axes, -axes])
    for clusters in (1, 2, 5, 6):
        centroids = spherical_kmeans(points.expand(30, 6, 3), clusters, generator())
        assert centroids.isfinite().all()
        assert (centroids.norm(dim=-1) - 1).abs().max() < 1e-5


def test_more_clusters_than_points():
    with pytest.raises(ValueError, match='5 points cannot make 6 clusters'):
        spherical_kmeans(unit_vectors(5, 3), 6)

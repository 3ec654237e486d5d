"""HaLP's positives, against the release, brute force, scipy's slerp and explicit vectors."""

import itertools
import math
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial import geometric_slerp
from torch import Tensor

from halp_mm.models import FeatureQueue, HaLPHead
from halp_mm.models.heads.halp_head import hardest_step, slerp_coefficients
from halp_mm.models.modules import spherical_kmeans
from halp_mm.registry import MODELS
from halp_mm.training_progress import TrainingProgress
from tests.helpers import DTYPES, assert_relative, generator, outputs_of, reference, unit_vectors


def slerp(start: np.ndarray, end: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Points t of the way along the great circle, by a rotation in its plane: ``[..., D]``.

    Another formula than Eq. (4): an orthonormal basis of the plane, cosine and sine of the angle.
    """
    cosine = (start * end).sum(-1, keepdims=True)
    across = end - cosine * start
    sine = np.linalg.norm(across, axis=-1, keepdims=True)
    across = across / np.where(sine > 0, sine, 1)
    angle = t[..., None] * np.arctan2(sine, cosine)
    return np.cos(angle) * start + np.sin(angle) * across


def random_triples(count: int, dim: int, num_prototypes: int, seed: int):
    """Anchors, their closest of some random prototypes and another one: arrays ``[n, D]``."""
    rng = np.random.default_rng(seed)
    anchor = rng.normal(size=(count, dim))
    prototypes = rng.normal(size=(count, num_prototypes, dim))
    anchor /= np.linalg.norm(anchor, axis=-1, keepdims=True)
    prototypes /= np.linalg.norm(prototypes, axis=-1, keepdims=True)
    order = np.argsort(-(prototypes @ anchor[..., None])[..., 0], axis=1)
    rows = np.arange(count)
    closest = prototypes[rows, order[:, 0]]
    selected = prototypes[rows, order[rows, rng.integers(1, num_prototypes, count)]]
    return anchor, closest, selected


def step_of(anchor: np.ndarray, closest: np.ndarray, selected: np.ndarray) -> np.ndarray:
    a, c, s = (torch.from_numpy(x) for x in (anchor, closest, selected))
    return hardest_step((a * s).sum(-1), (a * c).sum(-1), (s * c).sum(-1)).numpy()


def similarities(anchor, closest, selected, t: np.ndarray):
    """sim(z, P*) and sim(z, P_sel) at each t ``[n, steps]``."""
    z = slerp(anchor[:, None], selected[:, None], t)
    return (z * closest[:, None]).sum(-1), (z * selected[:, None]).sum(-1)


def largest_feasible(anchor, closest, selected) -> np.ndarray:
    """The largest t in [0, 1] with sim(z, P*) >= sim(z, P_sel), by search on ever finer grids."""
    low, high = np.zeros(len(anchor)), np.ones(len(anchor))
    for _ in range(6):
        t = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 65)
        to_closest, to_selected = similarities(anchor, closest, selected, t)
        feasible = to_closest >= to_selected
        feasible[:, 0] = True
        last = 64 - feasible[:, ::-1].argmax(1)
        rows = np.arange(len(t))
        low, high = t[rows, last], t[rows, np.minimum(last + 1, 64)]
    return low


@pytest.mark.parametrize('dim', [2, 3, 4, 16])
@pytest.mark.parametrize('num_prototypes', [2, 5])
def test_hardest_step_is_the_largest_feasible_one(dim, num_prototypes):
    anchor, closest, selected = random_triples(2500, dim, num_prototypes, seed=dim)
    cosine = (anchor * selected).sum(-1)
    margin = (anchor * (closest - selected)).sum(-1)
    kappa = (1 - (selected * closest).sum(-1)) / margin
    negative = kappa + cosine < 0
    if dim <= 4:
        # Where a plain arctan would give a negative t.
        assert negative.sum() >= 20
    step = step_of(anchor, closest, selected)
    assert ((step >= 0) & (step <= 1)).all()
    expected = largest_feasible(anchor, closest, selected)
    np.testing.assert_allclose(step, expected, rtol=0, atol=1e-6)
    # Eq. (7) as it is printed, where it can be used as it is printed.
    omega = np.arccos(cosine)
    printed = np.arctan(np.sin(omega) / (kappa + cosine)) / omega
    np.testing.assert_allclose(step[~negative], printed[~negative], rtol=1e-7, atol=1e-9)
    assert (printed[negative] < 0).all()


def slope_at(anchor, closest, selected, t: np.ndarray) -> np.ndarray:
    """The derivative, but for a positive factor, of sim(z, P*) by t."""
    across = selected - (anchor * selected).sum(-1, keepdims=True) * anchor
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    angle = t * np.arccos((anchor * selected).sum(-1))
    to_anchor, to_across = (anchor * closest).sum(-1), (across * closest).sum(-1)
    return np.cos(angle) * to_across - np.sin(angle) * to_anchor


@pytest.mark.parametrize('dim', [2, 3, 8])
def test_hardest_step_solves_eq_6_where_the_objective_falls(dim):
    """Eq. (7) is the border of what is feasible: the arg min if the objective falls up to there."""
    anchor, closest, selected = random_triples(600, dim, 4, seed=20 + dim)
    step = step_of(anchor, closest, selected)
    grid = np.linspace(0, 1, 4001)
    t = np.broadcast_to(grid, (600, 4001))
    to_closest, to_selected = similarities(anchor, closest, selected, t)
    objective = np.where(to_closest >= to_selected - 1e-12, to_closest, np.inf)
    found = grid[objective.argmin(1)]
    falls_first = slope_at(anchor, closest, selected, 0 * step) <= 0
    falls_last = slope_at(anchor, closest, selected, step) <= 0
    falls = falls_first & falls_last
    assert falls.sum() > 100
    np.testing.assert_allclose(step[falls], found[falls], rtol=0, atol=1 / 4000)
    # Where it rises first, the minimum is at one of the two ends of [0, t*].
    rises = ~falls_first
    assert rises.sum() > 20
    assert np.minimum(np.abs(found - step), found)[rises].max() <= 1 / 4000
    # Where it falls and rises again, below zero, a smaller t is the arg min.
    assert (found <= step + 1e-9).all()


@pytest.mark.parametrize('dtype', DTYPES)
def test_hardest_step_of_special_cases(dtype):
    def step(*cosines: float) -> float:
        return float(hardest_step(*torch.tensor(cosines, dtype=dtype).split(1)))

    assert step(0.4, 0.4, 1.0) == 0  # P_sel = P*
    assert step(1.0, 1.0, 1.0) == 0  # and both the anchor
    assert step(0.4, 0.4, 0.2) == 0  # as similar to the anchor as P*
    assert step(1.0, 1.0, 0.3) == 0
    assert step(0.0, 1.0, 0.0) == pytest.approx(0.5)  # the anchor is P*
    assert step(math.cos(2.0), 1.0, math.cos(2.0)) == pytest.approx(0.5)
    assert 0 <= step(-1.0, 1.0, -1.0) <= 1
    rounded = 1 + 2 * torch.finfo(dtype).eps
    for cosines in itertools.product((-rounded, -1.0, 0.0, 1.0, rounded), repeat=3):
        assert 0 <= step(*cosines) <= 1


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('dim', [2, 5])
def test_slerp_coefficients_equal_scipys_slerp(dim, dtype):
    start, end = unit_vectors(60, dim, dtype=dtype), unit_vectors(60, dim, seed=1, dtype=dtype)
    cosine = (start * end).sum(-1)
    straight = cosine < -0.999
    start, end, cosine = start[~straight], end[~straight], cosine[~straight]
    for t in (0.0, 0.1, 0.5, 0.9, 1.0):
        alpha, beta = slerp_coefficients(torch.full_like(cosine, t), cosine)
        found = alpha[:, None] * start + beta[:, None] * end
        for i in range(len(start)):
            ends = [F.normalize(x[i].double(), dim=0).numpy() for x in (start, end)]
            expected = geometric_slerp(*ends, t)
            tolerance = 1e-4 if dtype == torch.float32 else 1e-9
            np.testing.assert_allclose(found[i].numpy(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize('dtype', DTYPES)
def test_slerp_between_equal_vectors_is_a_straight_line(dtype):
    t = torch.linspace(0, 1, 5, dtype=dtype)
    for cosine in (1.0, 1 + 2 * torch.finfo(dtype).eps):
        alpha, beta = slerp_coefficients(t, torch.full((5,), cosine, dtype=dtype))
        torch.testing.assert_close(alpha, 1 - t)
        torch.testing.assert_close(beta, t)
    close = torch.full((5,), 1 - 1e-6, dtype=dtype)
    alpha, beta = slerp_coefficients(t, close)
    torch.testing.assert_close(alpha + beta, torch.ones(5, dtype=dtype), rtol=0, atol=1e-6)


@pytest.mark.parametrize(('dtype', 'tolerance'), [(torch.float32, 1e-5), (torch.float64, 1e-6)])
@pytest.mark.parametrize('name', ['lambda0.8', 'tstar_minus_0.01'])
def test_generator_equals_the_release(name, dtype, tolerance):
    vectors = {k: v.to(dtype) for k, v in reference(f'halp_generator_{name}').items()}
    anchor, prototypes = vectors['anchor'], vectors['prototypes']
    selected, uniform = vectors['selected_prototype'], vectors['uniform_draw']
    closest_similarity, closest = (anchor @ prototypes.T).max(1, keepdim=True)
    cosine = (anchor[:, None] * selected).sum(-1)
    selected_closest = (selected * prototypes[closest]).sum(-1)
    t_star = hardest_step(cosine, closest_similarity, selected_closest)
    t = (1 - uniform) * t_star if name == 'lambda0.8' else t_star - 0.01
    alpha, beta = slerp_coefficients(t, cosine)
    generated = alpha[..., None] * anchor[:, None] + beta[..., None] * selected
    assert_relative(generated, vectors['generated_raw'], tolerance)
    assert_relative(F.normalize(generated, dim=-1), vectors['generated_unit'], tolerance)


# A generator's draws, P_sel and then t, and the vectors that follow from them.
OPTIONS = [
    dict(),
    dict(anchor='query'),
    dict(direction='query'),
    dict(hardest_only=True),
    dict(rank_filter=False),
    dict(release_range=True),
    dict(skip_closest=True),
    dict(hardness=0.0),
    dict(hardness=1.0),
    dict(release_range=True, skip_closest=True, rank_filter=False),
    dict(anchor='query', hardest_only=True, skip_closest=True),
    dict(direction='query', rank_filter=False, hardness=0.4),
    dict(direction='query', hardest_only=True),
]
SIZES = dict(num_positives=12, num_prototypes=6, num_newest=8)


def small_head(streams: Sequence[str] = ('joint',), **options) -> HaLPHead:
    head = HaLPHead(**{**SIZES, **options})
    head.connect({stream: SimpleNamespace(embedding_dim=5) for stream in streams})
    return head


def explicit_positives(head: HaLPHead, query, key, prototypes, draws: torch.Generator):
    """Algorithm 1 with the vectors themselves, one positive at a time."""
    p = prototypes.double().numpy()
    anchors = (query.detach() if head.anchor == 'query' else key).double().numpy()
    queries = query.detach().double().numpy()
    ranks = np.argsort(-(anchors @ p.T), axis=1)[:, 0]
    shape = (len(anchors), head.num_positives)
    choices = head.num_prototypes - head.skip_closest
    selected = torch.randint(choices, shape, generator=draws).numpy()
    if head.hardest_only:
        uniform = None
    else:
        uniform = torch.rand(shape, generator=draws, dtype=key.dtype).double().numpy()
    vectors, kept, steps = np.zeros((*shape, p.shape[1])), np.zeros(shape, bool), np.zeros(shape)
    for b, g in np.ndindex(shape):
        z, star = anchors[b], p[ranks[b]]
        if head.skip_closest:
            others = [i for i in range(head.num_prototypes) if i != ranks[b]]
            selected[b, g] = others[selected[b, g]]
        end = p[selected[b, g]]
        if head.direction == 'query':
            end, longest = queries[b], 1.0
        elif selected[b, g] == ranks[b]:
            longest = 0.0
        else:
            longest = step_of(z[None], star[None], end[None])[0]
        steps[b, g] = longest
        if head.hardest_only:
            t = longest
        elif head.release_range:
            t = ((1 - head.hardness) + head.hardness * (1 - uniform[b, g])) * longest
        else:
            t = uniform[b, g] * head.hardness * longest
        vectors[b, g] = slerp(z, end, np.array(t))
        similarity = p @ vectors[b, g]
        kept[b, g] = not head.rank_filter or similarity[ranks[b]] >= similarity.max() - 1e-5
    return vectors, kept, selected, steps


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_loss_equals_that_of_explicit_vectors(options, dtype):
    head = small_head(**options)
    query, key = unit_vectors(9, 5, dtype=dtype), unit_vectors(9, 5, seed=1, dtype=dtype)
    prototypes = unit_vectors(6, 5, seed=2, dtype=dtype)
    loss, positives = head.halp_loss(query, key, prototypes, generator(5))
    vectors, kept, selected, steps = explicit_positives(head, query, key, prototypes, generator(5))
    total = 0.0
    for q, of_anchor, mask in zip(query.double().numpy(), vectors, kept):
        if mask.any():
            total -= (of_anchor[mask] @ q).mean() / head.temperature
    tolerance = 3e-5 if dtype == torch.float32 else 1e-9
    assert loss.dtype == dtype
    assert positives.kept.tolist() == kept.tolist()
    if head.direction == 'prototype':
        assert positives.target.tolist() == selected.tolist()
    np.testing.assert_allclose(positives.t_star.numpy(), steps, rtol=0, atol=tolerance)
    assert loss.item() == pytest.approx(total / len(query), rel=tolerance, abs=tolerance)
    if head.rank_filter and head.hardness and options:
        assert kept.any()


@pytest.mark.parametrize('options', [o for o in OPTIONS if o.get('direction') is None], ids=str)
def test_positives_are_unit_vectors_between_anchor_and_target(options):
    head = small_head(**options)
    query, key = unit_vectors(9, 5), unit_vectors(9, 5, seed=1)
    prototypes = unit_vectors(6, 5, seed=2)
    _, positives = head.halp_loss(query, key, prototypes, generator())
    anchor = key if head.anchor == 'key' else query
    z = positives.alpha[..., None] * anchor[:, None]
    z = z + positives.beta[..., None] * prototypes[positives.target]
    torch.testing.assert_close(z.norm(dim=-1), torch.ones(9, 12, dtype=torch.float64))
    omega = torch.acos((anchor[:, None] * prototypes[positives.target]).sum(-1))
    walked = torch.acos((z * anchor[:, None]).sum(-1).clamp(-1, 1)) / omega
    assert (walked <= positives.t_star + 1e-6).all()


def test_steps_are_uniform_in_their_range():
    from scipy import stats

    t_star = torch.full((50, 60), 0.5, dtype=torch.float64)
    for options, low, high in (
        (dict(), 0.0, 0.4),
        (dict(release_range=True), 0.1, 0.5),
        (dict(hardness=1.0), 0.0, 0.5),
        (dict(hardness=0.2), 0.0, 0.1),
        (dict(hardness=0.2, release_range=True), 0.4, 0.5),
    ):
        t = small_head(**options).draw_step(t_star, generator()).flatten().numpy()
        assert stats.kstest(t, stats.uniform(low, high - low).cdf).pvalue > 1e-3
    assert torch.equal(small_head(hardest_only=True).draw_step(t_star, None), t_star)
    for options in (dict(hardness=0.0), dict(hardness=0.0, release_range=True)):
        t = small_head(**options).draw_step(t_star, generator())
        assert torch.equal(t, t_star * options.get('release_range', 0))


@pytest.mark.parametrize('skip', [False, True])
def test_prototypes_are_selected_uniformly(skip):
    head = small_head(skip_closest=skip)
    closest = torch.tensor([[0], [3], [5]])
    selected = head.select_prototypes(closest, (3, 6000), generator())
    for row, own in zip(selected, closest[:, 0]):
        counts = row.bincount(minlength=6).tolist()
        assert len(counts) == 6
        expected = [0 if skip and i == own else 6000 / (6 - skip) for i in range(6)]
        for count, mean in zip(counts, expected):
            assert count == 0 if mean == 0 else abs(count - mean) < 4.5 * mean**0.5


def test_rank_filter_keeps_exactly_those_with_the_anchors_prototype():
    """Far from t*, where rounding plays no part."""
    head = small_head(hardness=0.8, num_positives=200, num_prototypes=8)
    key, prototypes = unit_vectors(30, 3), unit_vectors(8, 3, seed=1)
    _, positives = head.halp_loss(unit_vectors(30, 3, seed=2), key, prototypes, generator())
    z = positives.alpha[..., None] * key[:, None]
    z = z + positives.beta[..., None] * prototypes[positives.target]
    similarity = z @ prototypes.T
    own = (key @ prototypes.T).argmax(1)
    best = similarity.topk(2, -1)
    sure = best.values[..., 0] - best.values[..., 1] > 3e-5
    same = best.indices[..., 0] == own[:, None]
    assert sure.float().mean() > 0.9
    assert torch.equal(positives.kept[sure], same[sure])
    assert (~same).sum() > 100  # other prototypes do come in between
    assert same.sum() > 100


@pytest.mark.parametrize('dtype', DTYPES)
def test_hardest_positives_are_not_dropped_by_rounding(dtype):
    """With two prototypes nothing comes in between: t* is on the border, which counts."""
    head = small_head(hardest_only=True, num_prototypes=2)
    key, prototypes = unit_vectors(300, 5, dtype=dtype), unit_vectors(2, 5, seed=1, dtype=dtype)
    query = unit_vectors(300, 5, seed=2, dtype=dtype)
    _, positives = head.halp_loss(query, key, prototypes, generator())
    assert positives.kept.all()
    half = (positives.t_star > 0).double().mean()
    assert abs(half - 0.5) < 0.05


@pytest.mark.parametrize('dtype', DTYPES)
def test_positives_towards_the_query_may_all_be_dropped(dtype):
    prototypes = torch.eye(3, dtype=dtype)[:2]
    key = prototypes[:1].clone()
    query = prototypes[1:].clone().requires_grad_()
    # All the way to the query, which has another closest prototype.
    head = HaLPHead(5, 2, 2, direction='query', hardness=0.0, release_range=True)
    loss, positives = head.halp_loss(query, key, prototypes, generator())
    assert not positives.kept.any()
    assert loss.item() == 0
    loss.backward()
    assert not query.grad.any()
    # One anchor without positives contributes zero, the others count as before.
    keys = torch.cat([key, F.normalize(query.detach() + 0.1 * key, dim=1)])
    queries = query.detach().repeat(2, 1).requires_grad_()
    loss, positives = head.halp_loss(queries, keys, prototypes, generator())
    assert positives.kept.all(1).tolist() == [False, True]
    assert loss.item() == pytest.approx(-1 / 0.07 / 2, rel=1e-5)
    loss.backward()
    assert not queries.grad[0].any()
    assert queries.grad[1].any()


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('skip', [False, True])
def test_key_that_is_a_prototype(skip, dtype):
    prototypes = unit_vectors(6, 5, dtype=dtype)
    query = unit_vectors(6, 5, seed=1, dtype=dtype).requires_grad_()
    head = small_head(skip_closest=skip, num_positives=40)
    loss, positives = head.halp_loss(query, prototypes.clone(), prototypes, generator())
    loss.backward()
    assert loss.isfinite()
    assert query.grad.isfinite().all()
    own = positives.target == torch.arange(6)[:, None]
    assert own.any() != skip
    assert not positives.t_star[own].any()
    # From P* halfway to P_sel the two are equally close.
    torch.testing.assert_close(
        positives.t_star[~own], torch.full_like(positives.t_star[~own], 0.5), rtol=0, atol=1e-4
    )
    z = positives.alpha * 1 + positives.beta  # P_sel = z_k: z_H is the anchor itself
    torch.testing.assert_close(z[own], torch.ones_like(z[own]), rtol=0, atol=1e-4)


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_only_the_query_has_a_gradient(options):
    head = small_head(**options)
    query = unit_vectors(7, 5).requires_grad_()
    key = unit_vectors(7, 5, seed=1).requires_grad_()
    prototypes = unit_vectors(6, 5, seed=2).requires_grad_()
    loss, positives = head.halp_loss(query, key, prototypes, generator())
    loss.backward()
    assert query.grad.any()
    assert key.grad is None
    assert prototypes.grad is None
    assert not any(value.requires_grad for value in positives)
    # The loss is linear in the query: its gradient is minus the mean positive, over tau and B.
    vectors, kept, _, _ = explicit_positives(
        head, query, key.detach(), prototypes.detach(), generator()
    )
    for row, of_anchor, mask in zip(query.grad, vectors, kept):
        mean = of_anchor[mask].mean(0) if mask.any() else np.zeros(5)
        np.testing.assert_allclose(row.numpy(), -mean / head.temperature / 7, rtol=0, atol=1e-8)


@pytest.mark.parametrize(
    'options', [o for o in OPTIONS if 'query' not in (o.get('anchor'), o.get('direction'))], ids=str
)
def test_gradcheck(options):
    head = small_head(**options)
    key, prototypes = unit_vectors(4, 5, seed=1), unit_vectors(6, 5, seed=2)

    def loss(query: Tensor) -> Tensor:
        return head.halp_loss(query, key, prototypes, generator())[0]

    assert torch.autograd.gradcheck(loss, unit_vectors(4, 5).requires_grad_())


def stream_of(seed: int, size: int = 16, enqueued: int = 16, dtype=torch.float32):
    queue = FeatureQueue(size, 5).to(dtype)
    queue.enqueue(unit_vectors(enqueued, 5, seed=seed, dtype=dtype))
    query = unit_vectors(4, 5, seed=seed + 1, dtype=dtype).requires_grad_()
    key = unit_vectors(4, 5, seed=seed + 2, dtype=dtype)
    return outputs_of(query, key, queue=queue)


@pytest.mark.parametrize('enqueued', [0, 7, 8, 20])
def test_without_enough_keys_there_is_no_loss(enqueued):
    head = small_head()
    stream = stream_of(0, enqueued=enqueued)
    results = head.loss({'joint': stream}, TrainingProgress())
    assert set(results['joint']) == {'loss', 'positives_kept', 't_star'}
    results = results['joint']
    results['loss'].backward()
    gradient = stream.queries['query'].grad
    if enqueued < 8:
        assert all(value.item() == 0 for value in results.values())
        assert not gradient.any()
    else:
        assert results['loss'].item() != 0
        assert 0 < results['positives_kept'].item() <= 1
        assert 0 < results['t_star'].item() < 1
        assert gradient.any()


def test_no_prototypes_before_the_next_clustering():
    head = small_head(update_interval=3)
    stream = stream_of(0, enqueued=2)
    losses = []
    for iteration in range(5):
        losses.append(
            head.loss({'joint': stream}, TrainingProgress(0, iteration))['joint']['loss'].item()
        )
        stream.queues['key'].enqueue(unit_vectors(8, 5, seed=9).float())
    assert losses[:3] == [0, 0, 0]
    assert all(losses[3:])


def test_loss_uses_the_newest_keys():
    stream = stream_of(0)
    progress = TrainingProgress(seed=3, iteration=10)
    head = small_head()
    head.loss({'joint': stream}, progress)
    source = progress.generator(torch.device('cpu'), 'prototypes', same_on_all_ranks=True)
    expected = spherical_kmeans(stream.queues['key'].newest(8)[None], 6, source)
    assert torch.equal(head.prototypes, expected)
    source = progress.generator(torch.device('cpu'), 'HaLP joint')
    query, key = stream.queries['query'], stream.keys['key']
    loss, positives = head.halp_loss(query, key, head.prototypes[0], source)
    results = head.loss({'joint': stream}, progress)
    torch.testing.assert_close(results['joint']['loss'], loss)
    torch.testing.assert_close(results['joint']['positives_kept'], positives.kept.float().mean())
    torch.testing.assert_close(results['joint']['t_star'], positives.t_star.mean())


@pytest.mark.parametrize(('interval', 'start'), [(1, 0), (5, 0), (3, 2), (4, 1)])
def test_update_interval_counts_from_the_start_epoch(interval, start):
    head = small_head(update_interval=interval)
    stream = stream_of(0)
    per_epoch, changed = 7, []
    for iteration in range(start * per_epoch, start * per_epoch + 15):
        stream.queues['key'].enqueue(unit_vectors(3, 5, seed=iteration).float())
        before = head.prototypes.clone()
        progress = TrainingProgress(iteration // per_epoch, iteration, per_epoch, start_epoch=start)
        head.loss({'joint': stream}, progress)
        changed.append(not torch.equal(before, head.prototypes))
    assert changed == [i % interval == 0 for i in range(15)]


def test_prototypes_are_the_same_on_all_ranks_and_draws_are_not():
    stream = stream_of(0)
    heads = [small_head() for _ in range(2)]
    losses = [
        head.loss({'joint': stream}, TrainingProgress(rank=rank))['joint']['loss']
        for rank, head in enumerate(heads)
    ]
    assert torch.equal(heads[0].prototypes, heads[1].prototypes)
    assert losses[0] != losses[1]


def test_streams_have_their_own_prototypes():
    streams = {'joint': stream_of(0), 'bone': stream_of(10)}
    head = small_head(streams=['joint', 'bone'])
    results = head.loss(streams, TrainingProgress())
    assert list(results) == ['joint', 'bone']
    assert head.prototypes.shape == (2, 6, 5)
    assert not torch.allclose(head.prototypes[0], head.prototypes[1])
    # Every centroid is near its own stream's keys: each is the mean of one or two of eight.
    for prototypes, stream in zip(head.prototypes, streams.values()):
        own = (prototypes @ stream.queues['key'].newest(8).T).amax(1)
        assert own.min() > 0.7
    # Each stream's loss is that of its own query, key and prototypes.
    for i, (name, stream) in enumerate(streams.items()):
        source = TrainingProgress().generator(torch.device('cpu'), f'HaLP {name}')
        loss, _ = head.halp_loss(
            stream.queries['query'], stream.keys['key'], head.prototypes[i], source
        )
        torch.testing.assert_close(results[name]['loss'], loss)


def test_one_stream_may_be_ready_before_the_other():
    streams = {'joint': stream_of(0), 'bone': stream_of(10, enqueued=3)}
    results = small_head(streams=['joint', 'bone']).loss(streams, TrainingProgress())
    assert results['joint']['loss'].item() != 0
    assert results['bone']['loss'].item() == 0


def test_state_goes_round():
    stream = stream_of(0)
    head, other = small_head(update_interval=5), small_head(update_interval=5)
    head.loss({'joint': stream}, TrainingProgress(iteration=5))
    other.load_state_dict(head.state_dict())
    progress = TrainingProgress(iteration=6)
    assert torch.equal(
        head.loss({'joint': stream}, progress)['joint']['loss'],
        other.loss({'joint': stream}, progress)['joint']['loss'],
    )


def test_defaults_are_the_papers():
    head = MODELS.build(dict(type='HaLPHead'))
    assert (head.num_positives, head.num_prototypes, head.num_newest) == (100, 20, 256)
    assert (head.update_interval, head.hardness, head.temperature) == (5, 0.8, 0.07)
    assert (head.anchor, head.direction, head.rank_filter) == ('key', 'prototype', True)
    assert not any((head.hardest_only, head.release_range, head.skip_closest))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(anchor='queue'), "anchor must be 'key' or 'query', got 'queue'"),
        (dict(direction='key'), "direction must be 'prototype' or 'query', got 'key'"),
        (dict(anchor='query', direction='query'), 'itself'),
        (dict(hardness=1.2), r'within \[0, 1\], got 1.2'),
        (dict(hardness=-0.1), r'within \[0, 1\], got -0.1'),
        (dict(num_prototypes=9), 'num_newest=8 entries cannot make num_prototypes=9'),
        (dict(num_prototypes=0), 'num_prototypes must be a whole number of at least 1, got 0'),
        (dict(num_prototypes=1, skip_closest=True), 'num_prototypes=1'),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        small_head(**options)


def test_single_prototype_gives_the_anchor_itself():
    head = small_head(num_prototypes=1)
    query, key = unit_vectors(4, 5), unit_vectors(4, 5, seed=1)
    loss, positives = head.halp_loss(query, key, unit_vectors(1, 5, seed=2), generator())
    assert not positives.t_star.any()
    assert positives.kept.all()
    torch.testing.assert_close(loss, -(query * key).sum(1).mean() / 0.07)

"""The bootstrap against formulas, and what it calls real."""

import numpy as np
import pytest

from halp_mm.reporting.paired_bootstrap import difference, real_ones, resampled_means


def random_hits(*rates: float, seeds: int = 1, clips: int = 400, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.random((seeds, clips)) < rate for rate in rates]).astype(float)


def test_draws_of_clips_vary_as_a_paired_test_says():
    hits = random_hits(0.6, 0.5)
    means, draws = resampled_means(hits, 4000)
    np.testing.assert_allclose(means, hits.mean((1, 2)))
    found = difference(means, draws, 0, 1)
    paired = hits[0, 0] - hits[1, 0]
    error = paired.std() / np.sqrt(len(paired))
    assert found.mean == pytest.approx(paired.mean())
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, rel=0.05)


def test_draws_of_seeds_vary_as_the_standard_error_of_their_mean():
    levels = np.array([0.2, 0.5, 0.9])
    hits = np.broadcast_to(levels[None, :, None], (1, 3, 50))  # all clips are alike
    _, draws = resampled_means(hits, 20000)
    expected = levels.std(ddof=1) / np.sqrt(3)
    assert draws.std() == pytest.approx(expected, rel=0.03)


def test_clips_and_seeds_are_the_same_for_all():
    hits = random_hits(0.6, seeds=3)
    twice = np.concatenate([hits, hits])
    means, draws = resampled_means(twice, 200)
    found = difference(means, draws, 0, 1)
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_chance_is_seldom_called_real_and_a_large_difference_always():
    chance = [resampled_means(random_hits(0.5, 0.5, seed=i, clips=100), 400) for i in range(200)]
    p_values = [difference(*one, 0, 1).p_value for one in chance]
    assert np.mean(np.array(p_values) < 0.05) < 0.1
    large = [resampled_means(random_hits(0.8, 0.5, seed=i, clips=100), 400) for i in range(50)]
    assert np.mean([difference(*one, 0, 1).p_value < 0.05 for one in large]) > 0.9


def test_several_draws_at_a_time_are_the_same_draws(monkeypatch):
    hits = random_hits(0.6, 0.4, clips=30)
    _, whole = resampled_means(hits, 64)
    monkeypatch.setattr('halp_mm.reporting.paired_bootstrap._CHUNK', 30 * 5)
    _, parts = resampled_means(hits, 64)
    np.testing.assert_allclose(whole, parts)


def test_holm():
    # 0.01 <= 0.05 / 3, 0.02 <= 0.05 / 2, 0.06 > 0.05.
    assert real_ones([0.06, 0.01, 0.02]) == [False, True, True]
    # 0.02 > 0.05 / 3, so that the others are not looked at.
    assert real_ones([0.021, 0.02, 0.022]) == [False, False, False]
    assert real_ones([]) == []

"""Scores, discrepancy and simple rules of the backcast, on invented data with known answers."""

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from sim.arrays import Array
from sim.backcast.baselines import LAST, MEAN, TREND, Pools, Rule, Series, pools_of, rules
from sim.backcast.discrepancy import Evidence, conditioned, covariance, gain, spread_of, unconditioned
from sim.backcast.scores import crps, score, weighted_quantiles

EVEN = np.ones(20_000)
PLACES = ndtri((np.arange(20_000) + 0.5) / 20_000)


def normal_crps(mean: float, spread: float, observed: float) -> float:
    """Closed form of Gneiting and Raftery 2007, equation 21 with the sign turned."""
    z = (observed - mean) / spread
    density = math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return spread * (z * (2.0 * float(ndtr(z)) - 1.0) + 2.0 * density - 1.0 / math.sqrt(math.pi))


@pytest.mark.parametrize(("mean", "spread", "observed"), [(0.0, 1.0, 0.0), (2.0, 0.5, 3.1), (-1.0, 3.0, -7.0)])
def test_crps_of_a_normal_is_the_closed_form(mean: float, spread: float, observed: float) -> None:
    assert crps(mean + spread * PLACES, EVEN, observed) == pytest.approx(normal_crps(mean, spread, observed), rel=2e-3)


def test_crps_is_the_double_sum_and_weights_count_as_repeats() -> None:
    values, weights = np.array([3.0, -1.0, 0.5, 2.0]), np.array([1.0, 2.0, 1.0, 3.0])
    shared = weights / weights.sum()
    pairs = np.abs(values[:, np.newaxis] - values) * shared[:, np.newaxis] * shared
    expected = float(np.sum(shared * np.abs(values - 1.2)) - 0.5 * np.sum(pairs))
    assert crps(values, weights, 1.2) == pytest.approx(expected)
    repeated = np.repeat(values, weights.astype(int))
    assert crps(repeated, np.ones(7), 1.2) == pytest.approx(expected)
    assert crps(np.array([2.0]), np.array([5.0]), 1.2) == pytest.approx(0.8)


def test_quantiles_are_hazens_and_follow_the_weights() -> None:
    values = np.array([[4.0, 1.0], [2.0, 3.0], [1.0, 9.0], [3.0, 5.0]])
    found = weighted_quantiles(values, np.ones(4), [0.05, 0.5, 0.9])
    np.testing.assert_allclose(found, np.quantile(values, [0.05, 0.5, 0.9], axis=0, method="hazen"))
    heavy = weighted_quantiles(values, np.array([1.0, 1.0, 98.0, 0.0]), [0.5])
    np.testing.assert_allclose(heavy, [[1.0, 9.0]], atol=0.1)


def test_a_score_knows_its_bands() -> None:
    inside = score(PLACES, np.exp(PLACES), EVEN, 0.1, math.exp(0.1))
    outside = score(PLACES, np.exp(PLACES), EVEN, 1.0, math.exp(1.0))
    assert inside.inside50
    assert (outside.inside50, outside.inside90) == (False, True)
    assert not score(PLACES, np.exp(PLACES), EVEN, -1.7, math.exp(-1.7)).inside90
    assert outside.z == pytest.approx(1.0, abs=1e-3)
    assert outside.width90 == pytest.approx(math.exp(1.645) - math.exp(-1.645), rel=1e-3)
    assert outside.quantiles["p50"] == pytest.approx(1.0, rel=1e-3)


def normals(*shape: int, seed: int = 1) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def reading(months: int, *places: int) -> Array:
    weights = np.zeros((len(places), months))
    weights[np.arange(len(places)), list(places)] = 1.0
    return weights


def test_the_process_has_the_covariance_it_should_have() -> None:
    paths = unconditioned(normals(200_000, 30), 1.5)
    for early, late in ((0, 0), (29, 29), (3, 27)):
        expected = covariance(30, 1.5)[early, late]
        assert np.mean(paths[:, early] * paths[:, late]) == pytest.approx(expected, rel=0.03)
    assert covariance(30, 1.5)[3, 27] == pytest.approx(2.25 * math.exp(-1.0))


def test_coverage_of_data_from_the_process_itself_is_nominal() -> None:
    """Truth drawn from the process, seen at four months with error: later months fall where the forecast says."""
    spread, worlds = 0.8, 400
    truth = unconditioned(normals(worlds, 48), spread)
    evidence = Evidence(reading(48, 2, 9, 15, 23), np.full(4, 0.3))
    seen = np.einsum("pm,wm->wp", evidence.reading, truth) + 0.3 * normals(worlds, 4, seed=2)
    found = conditioned(evidence, seen, spread, normals(worlds, 200, 48, seed=3), normals(worlds, 200, 4, seed=4))
    for month in (12, 26, 44):
        low, low50, high50, high = np.quantile(found[:, :, month], (0.05, 0.25, 0.75, 0.95), axis=1)
        assert np.mean((low <= truth[:, month]) & (truth[:, month] <= high)) == pytest.approx(0.90, abs=0.045)
        assert np.mean((low50 <= truth[:, month]) & (truth[:, month] <= high50)) == pytest.approx(0.50, abs=0.08)


def test_without_error_the_points_are_met_and_with_it_they_are_weighed() -> None:
    weights = reading(30, 5, 10)
    weights[1, 10:14] = 0.25
    residuals = np.array([[0.7, -0.4], [-1.0, 2.0]])
    luck = normals(2, 50, 30), normals(2, 50, 2, seed=2)
    exact = np.einsum("pm,rdm->rdp", weights, conditioned(Evidence(weights, np.zeros(2)), residuals, 0.5, *luck))
    np.testing.assert_allclose(exact, np.repeat(residuals[:, np.newaxis], 50, axis=1), atol=1e-5)
    assert np.abs(gain(Evidence(weights, np.full(2, 50.0)), 0.5)).max() < 1e-3


def test_the_correction_fades_with_the_correlation_time_and_the_spread_returns() -> None:
    evidence = Evidence(reading(120, 20), np.zeros(1))
    assert gain(evidence, 2.0)[44, 0] == pytest.approx(math.exp(-1.0), rel=1e-6)
    drawn = conditioned(evidence, np.zeros((1, 1)), 2.0, normals(1, 20_000, 120), normals(1, 20_000, 1, seed=2))[0]
    assert np.std(drawn[:, 20]) < 1e-3
    assert np.var(drawn[:, 44]) == pytest.approx(4.0 * (1.0 - math.exp(-2.0)), rel=0.04)
    nothing = Evidence(reading(120), np.zeros(0))
    free = conditioned(nothing, np.zeros((3, 0)), 2.0, normals(3, 1, 120), normals(3, 1, 0))
    np.testing.assert_allclose(free, unconditioned(normals(3, 1, 120), 2.0))


def test_spread_is_the_stated_one_unless_the_residuals_are_larger() -> None:
    assert spread_of([0.2, 0.4, 0.3], [], 9.0) == 0.3
    assert spread_of([], [], 9.0) == 9.0
    assert spread_of([0.3], [1.0, -1.0], 9.0) == pytest.approx(np.sqrt((2 * 0.09 + 2.0) / 4))
    assert spread_of([0.3], [3.0], 9.0) == pytest.approx(np.sqrt((2 * 0.09 + 9.0) / 3))
    assert spread_of([0.3], [0.1, 0.1, 0.1], 9.0) == 0.3


def line(slope: float, *, noise: float = 0.0, count: int = 6) -> Series:
    times: Array = 6.0 * np.arange(count, dtype=np.float64)
    away = noise * np.resize([1.0, -1.0], count)
    return Series(times, 1.0 + slope * times + away, np.full(count, 0.01))


def test_rules_continue_what_they_say_they_continue() -> None:
    found = rules(line(0.1), 42.0, 0.01, Pools(), 1e-4)
    assert found[LAST].centre == pytest.approx(4.0)
    assert found[TREND].centre == pytest.approx(5.2)
    assert found[MEAN].centre == pytest.approx(2.5)
    assert found[TREND].freedom == 8.0
    later = rules(line(0.1), 66.0, 0.01, Pools(), 1e-4)
    assert later[LAST].spread > found[LAST].spread
    assert later[TREND].spread > found[TREND].spread


def test_the_spread_of_the_trend_is_the_textbook_one_where_nothing_is_borrowed() -> None:
    series = line(0.1, noise=0.3)
    design = np.stack([np.ones(6), series.times], axis=1)
    fitted = np.linalg.lstsq(design, series.values, rcond=None)[0]
    about = float(np.sum((series.values - np.einsum("pk,k->p", design, fitted)) ** 2)) / 4.0
    inverse = np.linalg.inv(np.einsum("pk,pl->kl", design, design))
    new = np.array([1.0, 42.0])
    expected = math.sqrt(about * (1.0 + float(np.einsum("k,kl,l->", new, inverse, new))))
    found = rules(series, 42.0, 0.01, Pools(line=about), 1e-4)[TREND]
    assert found.centre == pytest.approx(float(np.einsum("k,k->", new, fitted)))
    assert found.spread == pytest.approx(expected)


def test_few_points_borrow_and_no_points_say_nothing() -> None:
    pools = pools_of([line(0.1, noise=0.2), line(0.3, noise=0.4), line(0.0, count=2)])
    one = Series(np.array([3.0]), np.array([1.0]), np.array([0.1]))
    assert set(rules(one, 9.0, 0.1, pools, 1e-4)) == {LAST}
    assert rules(one, 9.0, 0.1, pools, 1e-4)[LAST].spread == pytest.approx(math.sqrt(6.0 * pools.walk + 0.02))
    assert rules(Series(*(np.empty(0) for _ in range(3))), 9.0, 0.1, pools, 1e-4) == {}
    two = rules(line(0.1, count=2), 42.0, 0.01, pools, 1e-4, level=False)
    assert set(two) == {LAST, TREND}
    assert two[TREND].freedom == 4.0
    assert math.isnan(pools_of([one]).walk)


def test_a_random_walk_is_measured_without_its_errors() -> None:
    steps = np.cumsum(normals(4000)) * 0.5
    errors = np.full(4000, 0.3)
    series = Series(np.arange(4000.0), steps + 0.3 * normals(4000, seed=5), errors)
    assert pools_of([series]).walk == pytest.approx(0.25, rel=0.2)


def test_a_rule_is_written_as_a_sample_of_its_distribution() -> None:
    sample = Rule(2.0, 3.0).sample()
    assert np.mean(sample) == pytest.approx(2.0)
    assert np.std(sample) == pytest.approx(3.0, rel=0.01)
    wide = Rule(2.0, 3.0, 4.0).sample()
    assert np.quantile(wide, 0.95) == pytest.approx(2.0 + 3.0 * 2.132, rel=0.02)

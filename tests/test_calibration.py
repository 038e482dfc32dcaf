"""The parts of a calibration against answers known in closed form."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from sim.arrays import Array
from sim.calibration.chain import FAR, Likelihood, sample
from sim.calibration.emulator import Emulator, fit_emulator
from sim.calibration.fit import Effort, _effective, _left, _singular, _weights
from sim.calibration.fitted import Targets, fitted_targets, targets_of
from sim.calibration.luck import normals, twister_state
from sim.calibration.recover import evenly, recover
from sim.calibration.study import weighted_quantiles
from sim.calibration.unknowns import LUCK, prior_rows, unknowns
from sim.data import Row, load_tables
from sim.errors import InputError

NAMES, TARGETS = 5, 4


def made_up(observed: Array, error: float = 0.3, discrepancy: float = 0.4) -> Targets:
    ones = np.ones(len(observed))
    return Targets((), observed, error * ones, discrepancy * ones)


def linear(noise: float = 0.2) -> Emulator:
    """An emulator that is exactly linear; the last name does nothing."""
    slope = normals(5, "slope", TARGETS, NAMES)
    slope[:, -1] = 0.0
    rest: Array = np.asarray(noise**2 * (0.7 * np.eye(TARGETS) + 0.3), dtype=np.float64)
    flat = np.zeros((TARGETS, NAMES, NAMES))
    whole = np.ones(TARGETS)
    return Emulator(np.arange(NAMES), np.arange(TARGETS, dtype=np.float64), slope, flat, rest, whole, np.abs(slope))


def exact(emulator: Emulator, targets: Targets, heat: float = 1.0) -> tuple[Array, Array]:
    """Mean and covariance of the posterior of a linear model with normal errors and a standard normal prior."""
    precision = np.linalg.inv(heat * (emulator.rest + np.diag(targets.variance)))
    covariance = np.linalg.inv(emulator.linear.T @ precision @ emulator.linear + np.eye(NAMES))
    mean = covariance @ emulator.linear.T @ precision @ (targets.observed - emulator.constant)
    return np.asarray(mean, dtype=np.float64), np.asarray(covariance, dtype=np.float64)


def test_the_emulator_recovers_an_invented_quadratic() -> None:
    scores = normals(1, "points", 3000, 20)
    noise = 0.1 * normals(1, "noise", 3000, 2)

    def truth(z: Array) -> Array:
        first = 2.0 + z[:, 0] - 0.5 * z[:, 1] + 0.3 * z[:, 0] ** 2 + 0.4 * z[:, 0] * z[:, 1]
        return np.stack([first, 50.0 - 5.0 * z[:, 2]], axis=1)

    stated = truth(scores) + noise * np.array([1.0, 5.0])
    stated[:40, 0] = np.nan
    found = fit_emulator(scores, stated, most=6)
    assert {0, 1, 2} <= set(found.active)
    assert len(found.active) <= 6
    fresh = normals(2, "fresh", 500, 20)
    off = found.mean(fresh[:, found.active]) - truth(fresh)
    assert np.sqrt((off**2).mean(axis=0)) == pytest.approx([0.0, 0.0], abs=0.15)
    assert np.sqrt(np.diag(found.rest)) == pytest.approx([0.1, 0.5], rel=0.8)
    assert (found.explained > 0.95).all()
    point = fresh[0, found.active]
    small = 1e-5 * np.eye(len(point))
    numeric = np.stack([(found.mean((point + e)[None]) - found.mean((point - e)[None]))[0] / 2e-5 for e in small], 1)
    assert found.slope(point) == pytest.approx(numeric, abs=1e-6)
    assert found.shares[1, 2] > 0.95
    assert found.shares[1, 3:].max() < 0.01


@pytest.mark.parametrize("heat", [1.0, 4.0])
def test_the_chain_has_the_posterior_of_a_linear_model(heat: float) -> None:
    emulator, targets = linear(), made_up(np.array([1.0, 0.5, 3.0, 2.0]))
    likelihood = Likelihood(emulator, targets, heat)
    mean, covariance = exact(emulator, targets, heat)
    centre, spread = likelihood.mode()
    assert centre == pytest.approx(mean, abs=0.02)
    assert spread == pytest.approx(covariance, rel=1e-9)
    chain = sample(likelihood, 1500, 11)
    flat = chain.samples.reshape(-1, NAMES)
    error = np.sqrt(np.diag(covariance) / chain.ess)
    assert (np.abs(flat.mean(axis=0) - mean) < 4.5 * error).all()
    assert flat.std(axis=0) == pytest.approx(np.sqrt(np.diag(covariance)), rel=0.06)
    assert (chain.r_hat < 1.05).all()
    assert (chain.ess > 400).all()
    assert flat.std(axis=0)[-1] == pytest.approx(1.0, rel=0.06), "a name that moves nothing keeps its prior"
    assert flat[:, -1].mean() == pytest.approx(0.0, abs=0.08)


def test_the_chain_is_a_function_of_its_seed() -> None:
    likelihood = Likelihood(linear(), made_up(np.zeros(TARGETS)))
    one, again, other = (sample(likelihood, 120, seed).samples for seed in (3, 3, 4))
    assert one.tobytes() == again.tobytes()
    assert one.tobytes() != other.tobytes()


def test_far_from_the_prior_nothing_is_likely() -> None:
    likelihood = Likelihood(linear(), made_up(np.zeros(TARGETS)))
    points = np.zeros((2, NAMES))
    points[1, 0] = 1.01 * FAR
    value = likelihood(points)
    assert np.isfinite(value[0])
    assert value[1] == -np.inf


def test_singular_values_are_those_of_the_scaled_slope() -> None:
    emulator, targets = linear(), made_up(np.zeros(TARGETS))
    likelihood = Likelihood(emulator, targets)
    found = _singular(likelihood, sample(likelihood, 100, 1))
    precision = np.linalg.inv(emulator.rest + np.diag(targets.variance))
    squares = np.linalg.eigvalsh(emulator.linear.T @ precision @ emulator.linear)[::-1]
    assert found**2 == pytest.approx(squares[: len(found)], abs=1e-9)


def test_history_matching_counts_the_space_that_is_left() -> None:
    """With one target that counts, the second worst never rules out; with two alike, the share is a normal's."""
    slope = np.zeros((3, 1))
    slope[:2] = 1.0
    emulator = Emulator(
        np.arange(1), np.zeros(3), slope, np.zeros((3, 1, 1)), 0.0 * np.eye(3), np.ones(3), np.ones((3, 1))
    )
    probes = normals(1, "probes", 20000, 1)
    near, far = made_up(np.array([0.0, 0.0, 0.0]), 0.3, 0.4), made_up(np.array([0.0, 9.0, 0.0]), 0.3, 0.4)
    assert _left(emulator, near, probes) == pytest.approx(1.0 - 2.0 * norm.sf(1.5), abs=0.01)
    assert _left(emulator, far, probes) == pytest.approx(1.0 - 2.0 * norm.sf(1.5), abs=0.01), "one failure is allowed"


def test_weights_are_equal_where_the_emulator_is_the_model() -> None:
    emulator, targets = linear(), made_up(np.zeros(TARGETS))
    effort = Effort(draws=50, chances=2)
    drawn = normals(1, "drawn", 50, NAMES)
    stated = np.repeat(emulator.mean(drawn), 2, axis=0)
    weights, _ = _weights(Likelihood(emulator, targets), drawn, stated, effort)
    assert weights == pytest.approx(np.full(50, 0.02))
    stated[::7] = np.nan
    weights, _ = _weights(Likelihood(emulator, targets), drawn, stated, effort)
    assert weights == pytest.approx(np.full(50, 0.02)), "a run that states nothing counts as the emulator says"


def test_weights_follow_the_model_and_are_tempered_to_half() -> None:
    emulator, targets = linear(), made_up(np.zeros(TARGETS))
    effort = Effort(draws=400, chances=1)
    drawn = normals(1, "drawn", 400, NAMES)
    off = 3.0 * normals(2, "off", 400, TARGETS)
    weights, _ = _weights(Likelihood(emulator, targets), drawn, emulator.mean(drawn) + off, effort)
    assert weights.sum() == pytest.approx(1.0)
    assert 1.0 / (weights**2).sum() == pytest.approx(200.0, rel=0.01)
    small, _ = _weights(Likelihood(emulator, targets), drawn, emulator.mean(drawn) + 0.001 * off, effort)
    assert 1.0 / (small**2).sum() > 390.0, "where the emulator is nearly right nothing is tempered away"
    distance = ((emulator.mean(drawn) + off) ** 2).sum(axis=1) - (emulator.mean(drawn) ** 2).sum(axis=1)
    assert np.corrcoef(np.argsort(np.argsort(distance)), np.argsort(np.argsort(weights)))[0, 1] < -0.8
    assert _effective(np.zeros(10)) == pytest.approx(10.0)


def test_made_up_worlds_are_recovered_with_nominal_coverage() -> None:
    emulator, targets = linear(), made_up(np.zeros(TARGETS))
    scores = normals(9, "worlds", 40, NAMES)
    luck = normals(9, "luck", 40, TARGETS) @ np.linalg.cholesky(emulator.rest).T
    found = recover(emulator, targets, (scores, emulator.mean(scores) + luck), 300, 100)
    _, covariance = exact(emulator, targets)
    assert found.worlds == 40
    assert found.spread == pytest.approx(np.sqrt(np.diag(covariance)), rel=0.08)
    assert 0.84 <= found.coverage.mean() <= 0.96
    assert found.correlation[:-1].max() > 0.6
    assert found.spread[-1] > 0.92, "what moves nothing is not learnt"


def test_too_small_errors_are_found_out_by_coverage() -> None:
    """The check of the check: worlds with three times the errors that the fit assumes are not covered."""
    emulator, targets = linear(), made_up(np.zeros(TARGETS))
    scores = normals(9, "worlds", 30, NAMES)
    luck = 3.0 * normals(9, "luck", 30, TARGETS)
    found = recover(emulator, targets, (scores, emulator.mean(scores) + luck), 300, 100)
    assert found.coverage[:-1].mean() < 0.75


def test_weighted_quantiles() -> None:
    values = np.array([[3.0, 0.0], [1.0, 5.0], [2.0, 9.0]])
    assert weighted_quantiles(values, np.array([0.2, 0.2, 0.6]), (0.5,)).tolist() == [[2.0, 9.0]]
    many = normals(1, "many", 20000, 1)
    levels = (0.05, 0.5, 0.95)
    even = weighted_quantiles(many, np.full(20000, 1.0), levels)[:, 0]
    assert even == pytest.approx(norm.ppf(levels), abs=0.03)
    tilted = weighted_quantiles(many, np.exp(0.5 * many[:, 0] - 0.125), levels)[:, 0]
    assert tilted == pytest.approx(norm.ppf(levels) + 0.5, abs=0.06)


def test_places_are_spread_evenly() -> None:
    assert evenly(4, 8).tolist() == [1, 3, 5, 7]
    assert len(set(evenly(24, 8192))) == 24


def test_chance_is_looked_up_by_seed_and_name() -> None:
    wide = normals(1, "a", 4000, 70)
    assert abs(float(wide.mean())) < 0.01
    assert float(wide.std()) == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(wide.T) - np.eye(70)).max() < 0.09
    assert not np.array_equal(wide, normals(1, "b", 4000, 70))
    assert np.array_equal(wide[:10], normals(1, "a", 10, 70))
    assert not np.array_equal(twister_state(1, "moves")[1], twister_state(2, "moves")[1])


def test_no_target_later_than_the_month_is_seen() -> None:
    tables = load_tables()
    seen = fitted_targets(tables, "2024-06")
    assert all(str(row["date"]) <= "2024-06" and row["role"] == "FITTED" for row in seen.rows)
    assert len(seen.rows) < len(fitted_targets(tables, "2025-12").rows)
    with pytest.raises(InputError, match="nothing to fit"):
        fitted_targets(tables, "2020-01")


def test_targets_stand_on_their_scales() -> None:
    base: Row = {"error": 0.1, "discrepancy": 0.2, "fact": "A", "part": "b"}
    found = targets_of([
        {**base, "observed": 0.2, "scale": "logit"}, {**base, "observed": 100.0, "scale": "log"},
        {**base, "observed": -3.0, "scale": "linear"},
    ])  # fmt: skip
    assert found.observed == pytest.approx([np.log(0.25), np.log(100.0), -3.0])
    assert found.variance == pytest.approx(np.full(3, 0.05))
    assert found.names == ["A b"] * 3


def test_priors_of_the_fit_are_numbers_of_the_world() -> None:
    found = unknowns("history_hold", "2025-12")
    for row in prior_rows():
        assert row["name"] in found.names, row["name"]
        assert float(row["low"]) < float(row["central"]) < float(row["high"])
        assert row["source"]
        assert row["grade"] in ("measured", "proxy", "judgement")
    assert not [name for name in found.names if name.endswith(LUCK)]


def test_every_lab_effect_has_a_standard_normal_prior() -> None:
    """Whatever labs.csv holds: the effect of a lab is what is to be estimated, DeepSeek's as the others'."""
    found = unknowns("history_hold", "2025-12")
    effects = [name for name in found.names if name.endswith(".lab_effect")]
    labs = [str(row["lab"]) for row in load_tables().labs.rows]
    assert len(effects) == len(labs)
    zero = found.values(np.zeros((1, len(found.names))))[0]
    one = found.values(np.ones((1, len(found.names))))[0]
    for name in effects:
        place = found.names.index(name)
        assert zero[place] == pytest.approx(0.0, abs=1e-9)
        assert one[place] == pytest.approx(1.0, abs=0.01)


def test_scores_are_levels_of_the_prior() -> None:
    found = unknowns("history_hold", "2025-12")
    place = found.names.index("demand.consideration_growth")
    scores = np.zeros((3, len(found.names)))
    scores[:, place] = [-1.2, 0.0, 1.2]
    lot = found.lot(scores, np.arange(3))
    assert lot.places[:, place] == pytest.approx(norm.cdf([-1.2, 0.0, 1.2]))
    levels = np.array([0.05, 0.5, 0.95])
    scores[:, place] = norm.ppf(levels)
    row = next(row for row in load_tables().parameters.rows if row["name"] == "demand.consideration_growth")
    expected = [float(row[column]) for column in ("low", "central", "high")]
    assert found.values(scores)[:, place] == pytest.approx(expected, rel=0.02)


def test_the_scarcity_response_has_zero_in_the_middle_of_its_prior() -> None:
    on, off = unknowns("history_hold", "2025-12", True), unknowns("history_hold", "2025-12")
    assert on.scenario.model.channels.slack
    assert not off.scenario.model.channels.slack
    place = on.names.index("research.slack")
    scores = np.zeros((3, len(on.names)))
    scores[:, place] = [-1.6449, 0.0, 1.6449]
    assert on.values(scores)[:, place] == pytest.approx([-0.54, 0.0, 0.54], abs=1e-3)


def test_a_wider_discrepancy_teaches_less() -> None:
    emulator = linear()
    tight, wide = (made_up(np.ones(TARGETS), discrepancy=d) for d in (0.2, 2.0))
    assert np.trace(Likelihood(emulator, tight).mode()[1]) < np.trace(Likelihood(emulator, wide).mode()[1])
    moved = replace(tight, observed=tight.observed + 1.0)
    assert np.abs(Likelihood(emulator, moved).mode()[0] - Likelihood(emulator, tight).mode()[0]).max() > 0.1

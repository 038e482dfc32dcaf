"""Distributions: what they say is what is drawn."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.data import load_tables
from sim.distributions import Distribution, check_correlations, from_catalogue_row, quantiles
from sim.scenario_specs import spec_model

U = (np.arange(100_000) + 0.5) / 100_000
FREE = (-math.inf, math.inf)
POSITIVE = (0.0, math.inf)


def drawn(written: dict[str, Any], bounds: tuple[float, float] = POSITIVE) -> np.ndarray:
    model = spec_model(written)
    assert model is not None
    return model.model_validate(written).distribution(bounds).quantile(U)


def test_a_number_is_fixed() -> None:
    assert np.all(Distribution.fixed(3.0).quantile(np.zeros((2, 3))) == 3.0)
    assert Distribution.fixed(3.0).quantile(np.zeros((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("bounds", [POSITIVE, FREE])
def test_three_quantiles_are_met(bounds: tuple[float, float]) -> None:
    x = drawn({"p05": 0.019, "p50": 0.048, "p95": 0.125}, bounds)
    assert np.quantile(x, [0.05, 0.5, 0.95]) == pytest.approx([0.019, 0.048, 0.125], rel=1e-3)


def test_a_positive_parameter_is_taken_in_logs() -> None:
    dist = quantiles(1.0, 2.0, 8.0, POSITIVE)
    assert dist.log
    assert dist.quantile(np.array([0.25]))[0] == pytest.approx(2.0 * 2.0 ** (-0.6744897501960817 / 1.6448536269514722))
    assert not quantiles(1.0, 2.0, 8.0, FREE).log
    assert not quantiles(0.0, 2.0, 8.0, POSITIVE).log


def test_the_cut_keeps_the_median_and_the_bounds() -> None:
    x = drawn({"p05": 0.2, "p50": 0.5, "p95": 0.9, "min": 0.15, "max": 0.95}, (0.0, 1.0))
    assert np.quantile(x, 0.5) == pytest.approx(0.5, rel=1e-3)
    assert x.min() >= 0.15
    assert x.max() <= 0.95
    assert np.count_nonzero((x == 0.15) | (x == 0.95)) == 0, "no lump of draws on a bound"


def test_normal_and_lognormal_forms() -> None:
    x = drawn({"dist": "normal", "mean": 3, "sd": 0.5}, FREE)
    assert (x.mean(), x.std()) == pytest.approx((3, 0.5), rel=1e-3)
    x = drawn({"dist": "lognormal", "mean": 3, "sd": 1})
    assert (x.mean(), x.std()) == pytest.approx((3, 1), rel=1e-3)
    for dist in ("normal", "lognormal"):
        x = drawn({"dist": dist, "ci80": [0.5, 1.2]}, FREE)
        assert np.quantile(x, [0.1, 0.9]) == pytest.approx([0.5, 1.2], rel=1e-3)
        x = drawn({"dist": dist, "ci90": [0.5, 1.2]}, FREE)
        assert np.quantile(x, [0.05, 0.95]) == pytest.approx([0.5, 1.2], rel=1e-3)
    assert np.quantile(drawn({"dist": "lognormal", "ci80": [1, 4]}), 0.5) == pytest.approx(2, rel=1e-3)


def test_even_distributions() -> None:
    x = drawn({"min": 1, "max": 3})
    assert (x.min(), x.mean(), x.max()) == pytest.approx((1, 2, 3), abs=1e-3)
    x = drawn({"dist": "loguniform", "min": 0.2, "max": 2.6})
    assert (x.min(), np.log(x).mean(), x.max()) == pytest.approx((0.2, 0.5 * math.log(0.52), 2.6), abs=1e-3)


def test_beta_and_triangular() -> None:
    x = drawn({"dist": "beta", "mean": 0.75, "sd": 0.1, "min": 0.3, "max": 0.9})
    assert (x.mean(), x.std()) == pytest.approx((0.75, 0.1), rel=1e-3)
    assert x.min() > 0.3
    assert x.max() < 0.9
    x = drawn({"dist": "triangular", "min": 0, "mode": 1, "max": 4})
    assert x.mean() == pytest.approx(5 / 3, rel=1e-3)
    assert x.var() == pytest.approx((1 + 16 - 4) / 18, rel=1e-3)
    assert np.all(drawn({"dist": "triangular", "min": 2, "mode": 2, "max": 2}) == 2)


@given(st.lists(st.floats(0.01, 10), min_size=3, max_size=3), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_rise(numbers: list[float], u: float, v: float) -> None:
    p05, p50, p95 = sorted(numbers)
    for bounds in (POSITIVE, FREE, (p05, p95)):
        low, high = quantiles(p05, p50, p95, bounds).quantile(np.array([min(u, v), max(u, v)]))
        assert low <= high
        assert bounds[0] <= low
        assert high <= bounds[1]


def test_centres() -> None:
    assert Distribution("uniform", (1.0, 3.0)).centre == 2.0
    assert Distribution("loguniform", (1.0, 4.0)).centre == 2.0
    assert quantiles(1.0, 2.0, 8.0, POSITIVE).centre == 2.0
    assert Distribution("beta", (0.7, 0.1, 0.0, 1.0)).centre == 0.7


def test_every_packaged_parameter_is_a_distribution_inside_its_bounds() -> None:
    for row in load_tables().parameters.rows:
        prior = from_catalogue_row(row)
        x = prior.quantile(U[::997])
        assert x.min() >= float(row["hard_min"]), row["name"]
        assert x.max() <= float(row["hard_max"]), row["name"]
        assert prior.is_fixed == (row["dist"] == "fixed"), row["name"]
        assert from_catalogue_row(row, "central").numbers == (float(row["central"]),), row["name"]
        if row["dist"] == "two_piece":
            assert prior.quantile(np.array([0.5]))[0] == pytest.approx(float(row["central"])), row["name"]


@pytest.mark.parametrize("change", [{"dist": "gamma"}, {"low": "9"}, {"central": ""}, {"hard_max": "1.5"}])
def test_a_bad_row_names_its_parameter(change: dict[str, str]) -> None:
    row = {
        "name": "a.b",
        "central": "2",
        "dist": "two_piece",
        "low": "1",
        "high": "3",
        "hard_min": "0",
        "hard_max": "9",
    }
    assert from_catalogue_row(row).numbers == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match=r"a\.b"):
        from_catalogue_row(row | change)


def test_correlations_must_be_possible_together() -> None:
    check_correlations({("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): 0.7, ("x", "y"): -1.0})
    with pytest.raises(ValueError, match="a, b, c"):
        check_correlations({("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9, ("x", "y"): 0.1})

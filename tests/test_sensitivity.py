"""The estimators of sensitivity on functions whose answer is known."""

import importlib
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.analysis import sensitivity, sensitivity_split
from sim.analysis.sensitivity import (
    LEVELS,
    elementary_effects,
    from_second,
    is_constant,
    monotone,
    morris_design,
    morris_indices,
    pawn_indices,
    sobol_design,
    sobol_indices,
)
from sim.analysis.sensitivity_split import CHANCE, PARAMETERS, PARTS, STRUCTURE, TOTAL, components, variance_split
from sim.errors import InputError
from sim.tape import Tape

Floats = NDArray[np.float64]
NAMES = ("one", "two", "three", "four", "five")


def ishigami(u: Floats) -> Floats:
    """Places in (0, 1) on the last axis, three of them; a = 7, b = 0.1."""
    x = np.pi * (2.0 * u - 1.0)
    found: Floats = np.sin(x[..., 0]) + 7.0 * np.sin(x[..., 1]) ** 2 + 0.1 * x[..., 2] ** 4 * np.sin(x[..., 0])
    return found


def ishigami_truth() -> tuple[Floats, Floats, float]:
    """First-order and total indices and variance (Saltelli et al. 2008, p. 180)."""
    a, b = 7.0, 0.1
    first = 0.5 * (1.0 + b * np.pi**4 / 5.0) ** 2
    second, both = a**2 / 8.0, b**2 * np.pi**8 * 8.0 / 225.0
    total = first + second + both
    return np.array([first, second, 0.0]) / total, np.array([first + both, second, both]) / total, total


def luck(name: str, *shape: int) -> Floats:
    return Tape(11).normal(name, 0, np.arange(int(np.prod(shape)))).reshape(shape)


# Morris


def test_a_linear_function_has_the_same_effect_everywhere() -> None:
    slope = np.array([3.0, -2.0, 0.0, 0.5, -0.1])
    design = morris_design(NAMES, 12, seed=5)
    effects = elementary_effects(design, (design.places * slope).sum(axis=-1))
    found = morris_indices(effects, seed=5)
    assert np.allclose(effects, slope / 2.0)
    assert np.allclose(found.mu_star, np.abs(slope) / 2.0)
    assert np.allclose(found.sigma, 0.0)
    assert np.allclose(found.low, found.mu_star)
    assert np.allclose(monotone(found), np.sign(slope))


def test_a_trajectory_moves_every_parameter_once_by_half_its_probability() -> None:
    design = morris_design(NAMES, 50, seed=2)
    step = np.diff(design.places, axis=1)
    assert design.places.shape == (50, 6, 5)
    assert np.array_equal((step != 0.0).sum(axis=2), np.ones((50, 5)))
    assert np.array_equal((step != 0.0).sum(axis=1), np.ones((50, 5)))
    assert set(np.unique(np.abs(step))) == {0.0, 0.5}
    assert set(np.unique(design.places)) == {(level + 0.5) / LEVELS for level in range(LEVELS)}


def test_all_levels_directions_and_orders_are_as_likely() -> None:
    design = morris_design(("a", "b"), 4000, seed=1)
    share = np.array([(design.places[:, 0, 0] == (level + 0.5) / LEVELS).mean() for level in range(LEVELS)])
    assert np.abs(share - 1.0 / LEVELS).max() < 0.02
    assert abs((design.moved[:, 0] == 0).mean() - 0.5) < 0.03
    assert abs(design.sign.mean()) < 0.03


def test_interaction_shows_as_spread_and_mixed_sign() -> None:
    design = morris_design(("a", "b", "c"), 400, seed=3)
    u = design.places - 0.5
    found = morris_indices(elementary_effects(design, 4.0 * u[..., 0] * u[..., 1] + u[..., 2]), seed=3)
    assert found.sigma[0] > 0.5 * found.mu_star[0] > 0.0
    assert abs(monotone(found)[0]) < 0.2
    assert found.sigma[2] < 1e-12
    assert monotone(found)[2] == 1.0


def test_morris_agrees_with_salib() -> None:
    """SALib has its own sample and divides by the step; on the same sample both count the same."""
    design = morris_design(("a", "b", "c"), 30, seed=9)
    y = ishigami(design.places)
    mine = morris_indices(elementary_effects(design, y), seed=9)
    grid = (design.places * LEVELS - 0.5) / (LEVELS - 1)
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0.0, 1.0]] * 3}
    analyser = importlib.import_module("SALib.analyze.morris")
    other = analyser.analyze(problem, grid.reshape(-1, 3), y.ravel(), num_levels=LEVELS, seed=9)
    step = LEVELS / (2.0 * (LEVELS - 1))
    assert np.allclose(mine.mu, np.asarray(other["mu"]) * step)
    assert np.allclose(mine.mu_star, np.asarray(other["mu_star"]) * step)
    assert np.allclose(mine.sigma, np.asarray(other["sigma"]) * step)


def test_the_interval_of_morris_holds_the_truth_about_as_often_as_it_says() -> None:
    truth = morris_indices(elementary_effects(big := morris_design(NAMES[:3], 4000, 77), ishigami(big.places)), 77)
    hits = []
    for seed in range(60):
        design = morris_design(NAMES[:3], 25, seed)
        found = morris_indices(elementary_effects(design, ishigami(design.places)), seed)
        hits.append((found.low <= truth.mu_star) & (truth.mu_star <= found.high))
    assert 0.8 < np.mean(hits) <= 1.0
    assert np.mean(hits) < 0.999


def test_a_new_parameter_or_trajectory_moves_no_other() -> None:
    few, many = morris_design(NAMES[:4], 5, seed=4), morris_design(NAMES, 9, seed=4)
    assert np.array_equal(few.places[:, 0], many.places[:5, 0, :4])
    assert np.array_equal(few.places[:, -1], many.places[:5, -1, :4])


def test_morris_refuses_one_trajectory() -> None:
    with pytest.raises(ValueError, match="two trajectories"):
        morris_indices(np.ones((1, 3)), seed=0)


# Sobol'


def test_sobol_indices_of_ishigami_are_the_analytic_ones() -> None:
    first, total, variance = ishigami_truth()
    found = sobol_indices(ishigami(sobol_design(3, 2048, seed=1)), seed=1)
    assert np.abs(found.first - first).max() < 0.01
    assert np.abs(found.total - total).max() < 0.01
    assert abs(found.variance / variance - 1.0) < 0.01
    assert ((found.first - found.first_reach <= first) & (first <= found.first + found.first_reach)).all()
    assert ((found.total - found.total_reach <= total) & (total <= found.total + found.total_reach)).all()


def test_a_row_of_a_group_takes_from_b_what_it_says() -> None:
    rows = sobol_design(3, 8, seed=1)
    first, second = rows[:, 0], rows[:, -1]
    taken = from_second(3)
    for place in range(5):
        assert np.array_equal(rows[:, place], np.where(taken[place], second, first))
    assert ((rows > 0.0) & (rows < 1.0)).all()
    assert not np.array_equal(first, second)


def test_a_factor_that_is_only_a_number_of_luck_gets_its_share() -> None:
    """How the study enters chance: rows that take it from A share one number, rows that take it from B another."""
    rows = sobol_design(3, 2048, seed=3)
    number = 2 * np.arange(2048)[:, np.newaxis] + from_second(3)[np.newaxis, :, 2]
    noise = luck("noise", 4096)[number]
    found = sobol_indices(np.sqrt(12.0) * (rows[..., 0] + 2.0 * rows[..., 1]) + noise, seed=3)
    assert np.abs(found.first - np.array([1.0, 4.0, 1.0]) / 6.0).max() < 0.04
    assert np.abs(found.total - np.array([1.0, 4.0, 1.0]) / 6.0).max() < 0.02


def test_groups_that_are_left_out_leave_the_indices_about_where_they_were() -> None:
    y = ishigami(sobol_design(3, 2048, seed=6))
    kept = Tape(6).uniform("kept", 0, np.arange(2048))[:, 0] > 0.05
    found = sobol_indices(y[kept], seed=6)
    assert np.abs(found.total - ishigami_truth()[1]).max() < 0.06


def test_sobol_is_the_same_each_time_and_moves_no_global_generator() -> None:
    before: Any = np.random.get_state()  # noqa: NPY002 - it is the generator that must not move
    one, two, other = (sobol_indices(ishigami(sobol_design(3, 64, seed)), seed) for seed in (0, 0, 1))
    after: Any = np.random.get_state()  # noqa: NPY002
    assert np.array_equal(one.first_reach, two.first_reach)
    assert np.array_equal(one.total, two.total)
    assert not np.array_equal(one.total, other.total)
    assert np.array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_a_constant_outcome_has_no_indices() -> None:
    assert is_constant(np.full(4, 3.0))
    assert is_constant(np.zeros(4))
    assert not is_constant(np.array([1.0, 1.0 + 1e-9]))
    with pytest.raises(ValueError, match="constant"):
        sobol_indices(np.full((8, 5), 2.0), seed=0)


@pytest.mark.parametrize("samples", [0, 1, 3, 100])
def test_samples_must_be_a_power_of_two(samples: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        sobol_design(2, samples, seed=0)


def test_without_salib_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib.sample.sobol", None)
    with pytest.raises(InputError, match=r"pip install darkhorse\[analysis\]"):
        sobol_design(2, 4, seed=0)


# PAWN


def test_pawn_tells_what_matters_from_noise() -> None:
    places = Tape(8).uniform("places", 0, np.arange(1500), 4)
    y = ishigami(places[:, :3])
    found = pawn_indices(places, y, seed=8)
    assert (found.median[:3] > found.threshold).all()
    assert found.median[3] < found.threshold
    assert found.largest[1] > found.median[1]


def test_the_threshold_of_pawn_is_passed_by_noise_as_often_as_it_says() -> None:
    places = Tape(21).uniform("places", 0, np.arange(400), 32)
    y = luck("y", 400)
    found = pawn_indices(places, y, seed=21)
    assert (found.median > found.threshold).sum() <= 6
    assert found.median.max() > 0.5 * found.threshold


def test_pawn_agrees_with_salib() -> None:
    """SALib leaves the largest value of a parameter out of its last slice, so it is compared on many runs."""
    places = Tape(8).uniform("places", 0, np.arange(3000), 3)
    y = ishigami(places)
    mine = pawn_indices(places, y, seed=8)
    problem = {"num_vars": 3, "names": ["a", "b", "c"], "bounds": [[0.0, 1.0]] * 3}
    other = importlib.import_module("SALib.analyze.pawn").analyze(problem, places, y, S=sensitivity.SLICES)
    assert np.allclose(mine.median, np.asarray(other["median"]), atol=2e-3)
    assert np.allclose(mine.largest, np.asarray(other["maximum"]), atol=5e-3)


def test_pawn_counts_ties_once() -> None:
    """A yes-or-no outcome: the distance is the difference of two shares."""
    places = ((np.arange(1000) + 0.5) / 1000)[:, np.newaxis]
    found = pawn_indices(places, (places[:, 0] > 0.5).astype(float), seed=1)
    assert found.median[0] == pytest.approx(0.5)
    assert found.largest[0] == pytest.approx(0.5)


def test_pawn_refuses_a_handful_of_runs() -> None:
    with pytest.raises(ValueError, match="20 runs"):
        pawn_indices(np.full((5, 1), 0.5), np.ones(5), seed=0)


# The split of variance


SIZES = {
    STRUCTURE: 3.0, PARAMETERS: 2.0, CHANCE: 1.0, f"{STRUCTURE} x {PARAMETERS}": 0.8, f"{STRUCTURE} x {CHANCE}": 0.5,
    f"{PARAMETERS} x {CHANCE}": 1.2, " x ".join((STRUCTURE, PARAMETERS, CHANCE)): 0.4,
}  # fmt: skip
"""Standard deviations of the parts that are planted."""


def planted(name: str, draws: int, chances: int) -> tuple[Floats, dict[str, float]]:
    """An outcome of four variants with known parts, and those parts; effects of a variant sum to zero over the set."""
    s, p, c = STRUCTURE, PARAMETERS, CHANCE
    fixed = np.array([1.0, -1.0, 2.0, -2.0])
    fixed = fixed / fixed.std()

    def centred(part: str, *shape: int) -> Floats:
        effect = luck(f"{name}/{part}", *shape)
        found: Floats = (effect - effect.mean(axis=0)) / np.sqrt(0.75)
        return found

    y = SIZES[s] * fixed[:, np.newaxis, np.newaxis] + SIZES[p] * luck(f"{name}/p", 1, draws, 1)
    y = y + SIZES[c] * luck(f"{name}/c", 1, 1, chances) + SIZES[f"{s} x {p}"] * centred("sp", 4, draws, 1)
    y = (
        y
        + SIZES[f"{s} x {c}"] * centred("sc", 4, 1, chances)
        + SIZES[f"{p} x {c}"] * luck(f"{name}/pc", 1, draws, chances)
    )
    y = y + SIZES[f"{s} x {p} x {c}"] * centred("spc", 4, draws, chances)
    return y, {part: size**2 for part, size in SIZES.items()}


def test_the_split_is_unbiased() -> None:
    found = np.array([list(components(planted(f"rep{i}", 6, 5)[0]).values()) for i in range(1200)])
    truth = np.array([planted("any", 6, 5)[1][part] for part in PARTS])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - truth) < 4.0 * error + 1e-9).all()
    assert (error < 0.1).all()


def test_the_parts_add_up_to_the_variance_of_a_random_run() -> None:
    y, truth = planted("large", 400, 60)
    found = variance_split(y)
    assert found[TOTAL].variance == pytest.approx(sum(found[part].variance for part in PARTS))
    assert sum(found[part].share for part in PARTS) == pytest.approx(1.0)
    assert found[TOTAL].variance == pytest.approx(sum(truth.values()), rel=0.15)
    assert found[TOTAL].share == 1.0


def test_standard_errors_of_the_split_are_about_right() -> None:
    """The error that is stated, on average, against the spread of the estimate over many data sets."""
    splits = [variance_split(planted(f"error{i}", 20, 12)[0]) for i in range(150)]
    for part in (PARAMETERS, CHANCE, f"{PARAMETERS} x {CHANCE}"):
        spread = np.std([split[part].variance for split in splits], ddof=1)
        stated = np.sqrt(np.mean([split[part].error ** 2 for split in splits]))
        assert 0.75 < stated / spread < 1.5, part


def test_purely_additive_data_show_no_interaction() -> None:
    y = (
        np.arange(3.0)[:, np.newaxis, np.newaxis]
        + luck("a", 1, 30, 1)
        + 0.3 * luck("b", 1, 1, 9)
    )  # fmt: skip
    found = variance_split(y)
    assert all(abs(found[part].variance) < 1e-12 for part in PARTS if "x" in part.split())
    assert found[STRUCTURE].variance == pytest.approx(np.var([0.0, 1.0, 2.0]))
    assert found[PARAMETERS].variance == pytest.approx(y[0, :, 0].var(ddof=1))


def test_one_variant_has_no_structure_to_split() -> None:
    found = variance_split(luck("one", 1, 12, 6))
    assert all(found[part].variance == 0.0 for part in PARTS if STRUCTURE in part)
    assert found[f"{PARAMETERS} x {CHANCE}"].share > 0.5


def test_a_total_that_is_not_positive_has_no_shares() -> None:
    found = variance_split(np.zeros((2, 4, 4)))
    assert found[TOTAL].variance == 0.0
    assert np.isnan(found[PARAMETERS].share)


def test_a_split_needs_three_of_each() -> None:
    with pytest.raises(ValueError, match="three draws"):
        variance_split(np.zeros((2, 2, 4)))


def test_means_of_variants_are_paired_with_the_first() -> None:
    y = 10.0 * luck("draws", 1, 40, 1) + np.array([1.0, 3.0])[:, np.newaxis, np.newaxis] + np.zeros((2, 40, 4))
    mean, error, change, change_error = sensitivity_split.variant_means(y)
    assert change == pytest.approx([0.0, 2.0])
    assert change_error == pytest.approx([0.0, 0.0], abs=1e-9)
    assert error[0] == pytest.approx(y[0, :, 0].std(ddof=1) / np.sqrt(40))
    assert mean[1] - mean[0] == pytest.approx(2.0)

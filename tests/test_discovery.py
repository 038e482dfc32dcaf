"""Scenario discovery on planted data: the condition is read, the box is found again, and noise gives none."""

import importlib
import math
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from sim.analysis import discovery
from sim.analysis.boxes import Box, Cases, Score, clustering, pruned, quasi_p, rounded, score, screened, separation
from sim.analysis.condition import Condition, in_words, parse
from sim.analysis.discovery import FOLDS, HoldOut, Rule, choose, deal, find, hold_out, too_few
from sim.analysis.discovery_tree import drawn, grow, skill
from sim.errors import InputError

OUTCOMES = ["frontier_capability.CN", "gap_months.CN", "token_share_abroad.CN", "hhi.labs"]
AT = ["2025-12", "2027-12"]


def planted(runs: int = 600, each: int = 1, noise: int = 40, seed: int = 5) -> Cases:
    """Cases of which 8 in 10 are of interest where `a` is below 0.4 and `b` above 0.5, and 1 in 10 elsewhere."""
    chance = np.random.default_rng(seed)
    x = np.repeat(chance.random((runs // each, noise + 2)), each, axis=0)
    inside = (x[:, 0] < 0.4) & (x[:, 1] > 0.5)
    hit = np.repeat(chance.random(runs // each), each) < np.where(inside, 0.8, 0.1)
    names = ("a", "b", *(f"noise{place}" for place in range(noise)))
    return Cases(names, x, hit, np.repeat(np.arange(runs // each), each))


def pure_noise(runs: int = 300) -> Cases:
    chance = np.random.default_rng(3)
    names = tuple(f"noise{place}" for place in range(12))
    return Cases(names, chance.random((runs, 12)), chance.random(runs) < 0.3, np.arange(runs))


# The condition


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("frontier_capability.CN > baseline", "frontier_capability.CN@2027-12 > baseline"),
        ("gap_months.CN@2025-12<=baseline-3", "gap_months.CN@2025-12 <= baseline - 3"),
        ("gap_months.CN @mean >= baseline + .5", "gap_months.CN@mean >= baseline + 0.5"),
        ("hhi.labs@max < -1.5e-3", "hhi.labs@max < -0.0015"),
        ("hhi.labs > 1 and gap_months.CN>baseline", "hhi.labs@2027-12 > 1 and gap_months.CN@2027-12 > baseline"),
    ],
)
def test_a_condition_is_read(text: str, whole: str) -> None:
    read = parse(text, OUTCOMES, AT)
    assert str(read) == whole
    assert parse(whole, OUTCOMES, AT) == read


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gap_months.CN",
        "gap_months.CN = 3",
        "gap_months.CN > baseline * 2",
        "gap_months.CN > hhi.labs",
        "3 < gap_months.CN",
        "gap_months.CN > 1 and",
        "gap_months.CN > __import__('os')",
        "gap_months.CN > 1; hhi.labs > 2",
    ],
)
def test_what_is_no_condition_is_refused_with_the_grammar(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, OUTCOMES, AT)
    assert "baseline [+|- NUMBER]" in str(caught.value)


def test_wrong_names_and_months_are_told_with_what_there_is() -> None:
    with pytest.raises(InputError) as caught:
        parse("frontier_capabilty.CN > baseline and gap_months.CN@2031-01 > 3", OUTCOMES, AT)
    names, months = (str(problem) for problem in caught.value.problems)
    assert "Did you mean frontier_capability.CN?" in names
    assert "2025-12, 2027-12, mean, min, max" in months
    with pytest.raises(InputError, match="each alternative by itself"):
        parse("hhi.labs > 1 or hhi.labs < 0", OUTCOMES, AT)


def test_a_condition_holds_where_it_is_true_and_defined() -> None:
    read = parse("gap_months.CN > baseline + 1 and hhi.labs <= 0.5", OUTCOMES, AT)
    gap, hhi = "gap_months.CN@2027-12", "hhi.labs@2027-12"
    values = {gap: np.array([3.0, 2.0, 9.0, np.nan, 9.0]), hhi: np.array([0.5, 0.1, 0.6, 0.1, 0.1])}
    baseline = {gap: np.array([1.0, 1.0, 1.0, 1.0, np.nan]), hhi: np.full(5, np.nan)}
    hold, defined = read.holds(values, baseline)
    assert hold.tolist() == [True, False, False, False, False]
    assert defined.tolist() == [True, True, True, False, False]
    assert read.needs_baseline
    assert read.columns == [gap, hhi]


def test_a_condition_has_words_and_a_name_for_its_folder() -> None:
    read = parse("gap_months.CN@mean >= baseline - 2.5", OUTCOMES, AT)
    assert in_words(read) == (
        "the lag behind the US frontier (CN) on average over all months is at least its baseline minus 2.5 months"
    )
    assert read.slug == "gap_months-cn-mean-at-least-baseline-minus-2-5"
    assert in_words(parse("hhi.labs < 0.3", OUTCOMES, AT)).endswith("in 2027-12 is below 0.3 index 0 to 1")
    assert len(Condition(read.clauses * 9).slug) <= 60


# Boxes


def test_coverage_and_density_by_hand() -> None:
    cases = Cases(("a",), np.arange(10.0)[:, None], np.arange(10) >= 6, np.arange(10))
    found = score(Box({"a": (5.0, math.inf)}), cases)
    assert found == Score(inside=5, hits=4, total=4)
    assert (found.coverage, found.density, cases.base_rate) == (1.0, 0.8, 0.4)
    empty = score(Box({"a": (50.0, math.inf)}), cases)
    assert math.isnan(empty.density)
    assert empty.coverage == 0.0


def test_limits_are_taken_away_one_side_at_a_time() -> None:
    box = Box({"a": (1.0, 2.0), "b": (0.0, math.inf)})
    assert box.sides() == [("a", 0), ("a", 1), ("b", 0)]
    assert box.without("a", 0) == Box({"a": (-math.inf, 2.0), "b": (0.0, math.inf)})
    assert box.without("b", 0) == Box({"a": (1.0, 2.0)})


def test_limits_on_a_grid_are_values_of_the_grid_and_others_have_three_digits() -> None:
    chance = np.random.default_rng(0)
    x = np.column_stack([chance.choice([0.0, 0.5, 1.0], 100), chance.random(100)])
    cases = Cases(("grid", "free"), x, x[:, 0] > 0.2, np.arange(100))
    box = rounded(Box({"grid": (0.25, 0.75), "free": (0.123456, math.inf)}), cases)
    assert box == Box({"grid": (0.5, 0.5), "free": (0.123, math.inf)})
    assert rounded(Box({"grid": (-math.inf, 0.75)}), cases) == Box({"grid": (-math.inf, 0.5)})


def test_quasi_p_is_a_binomial_tail() -> None:
    from scipy.stats import binom

    cases = planted()
    box = Box({"a": (-math.inf, 0.4), "b": (0.5, math.inf)})
    inner, outer = score(box, cases), score(box.without("a", 1), cases)
    expected = binom.sf(inner.hits - 1, inner.inside, outer.density)
    assert quasi_p(box, cases, ("a", 1)) == pytest.approx(expected, rel=1e-6)
    assert quasi_p(box, cases, ("a", 1), effect=4.0) > quasi_p(box, cases, ("a", 1))


def test_a_limit_that_earns_nothing_is_taken_away() -> None:
    cases = planted()
    box, values = pruned(Box({"a": (0.001, 0.4), "b": (0.5, math.inf), "noise3": (0.1, math.inf)}), cases, 0.05)
    assert box == Box({"a": (-math.inf, 0.4), "b": (0.5, math.inf)})
    assert set(values) == {("a", 1), ("b", 0)}


def test_runs_of_a_draw_that_agree_count_once() -> None:
    assert clustering(planted(each=1)) == 1.0
    assert clustering(planted(each=6)) == pytest.approx(6.0)
    cases = planted()
    apart = Cases(cases.names, cases.x, cases.hit, np.arange(len(cases)) % 100)
    assert 1.0 <= clustering(apart) < 1.5


def test_screening_puts_what_separates_first() -> None:
    cases = planted()
    assert set(screened(cases, 5)[:2]) == {"a", "b"}
    assert len(screened(cases, 5)) == 5
    hit = np.array([True, True, False, False])
    assert separation(np.array([1.0, 1.0, 2.0, 2.0]), hit) == 1.0
    assert separation(np.array([1.0, 2.0, 1.0, 2.0]), hit) == 0.0
    assert separation(np.ones(4), hit) == 0.0


# PRIM


def test_the_simplest_box_among_the_densest_is_chosen() -> None:
    boxes = [Box({}), Box({"a": (0.0, 1.0)}), Box({"a": (0.0, 1.0), "b": (0.0, 1.0)}), Box({"a": (0.0, 0.5)})]
    scores = [Score(100, 20, 20), Score(20, 15, 20), Score(18, 14, 20), Score(4, 4, 20)]
    assert choose(boxes, scores, 0.5) == 1
    assert choose(boxes, scores, 0.2) == 3
    assert choose(boxes, scores, 0.9) == 0


@pytest.mark.parametrize("each", [1, 3])
def test_the_planted_box_is_found_again(each: int) -> None:
    cases = planted(900, each)
    found = find(cases, Rule())
    assert set(found.box.limits) == {"a", "b"}
    assert found.box.limits["a"][0] == -math.inf
    assert found.box.limits["a"][1] == pytest.approx(0.4, abs=0.07)
    assert found.box.limits["b"][0] == pytest.approx(0.5, abs=0.07)
    assert found.score == score(found.box, cases)
    assert max(found.quasi_p.values()) <= 0.05
    assert found.score.density > 0.65
    assert found.trajectory[0] == Box({})


def test_dimensions_that_separate_nothing_give_a_box_without_limits() -> None:
    cases = Cases(("still",), np.ones((100, 1)), np.arange(100) % 2 == 0, np.arange(100))
    found = find(cases, Rule())
    assert found.box == Box({})
    assert found.score == Score(100, 50, 50)


def test_the_same_cases_give_the_same_box() -> None:
    assert find(planted(300), Rule()) == find(planted(300), Rule())


def test_draws_left_out_confirm_the_planted_box_and_no_box_in_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "REPEATS", 1)
    cases, rule = planted(noise=12), Rule(keep=6)
    known = hold_out(cases, rule, seed=1)
    assert known.holds
    assert known.density == pytest.approx(0.8, abs=0.1)
    assert known.fits == FOLDS
    assert min(known.limited["a"], known.limited["b"]) >= FOLDS - 1
    assert sum(known.limited.values()) <= 2 * FOLDS + 3
    assert known == hold_out(cases, rule, seed=1)
    assert not hold_out(pure_noise(), rule, seed=1).holds


def test_a_draw_is_never_on_both_sides() -> None:
    draws = np.repeat(np.arange(37) * 3, 4)
    fold = deal(draws, seed=8, repeat=0)
    assert all(len(set(fold[draws == draw])) == 1 for draw in np.unique(draws))
    assert sorted(np.bincount(fold[::4]).tolist()) == [7, 7, 7, 8, 8]
    assert (fold != deal(draws, seed=8, repeat=1)).any()
    assert (fold != deal(draws, seed=9, repeat=0)).any()


def test_no_confirmation_without_a_density() -> None:
    assert not HoldOut(0.0, math.nan, math.nan, 0.2, Counter(), 10).holds


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda hit: hit & False, "None of the 600 runs is of interest"),
        (lambda hit: hit | True, "None of the 600 runs is not of interest"),
        (lambda hit: np.arange(600) < 7, "Only 7 of the 600 runs, in 7 draws, are of interest"),
        (lambda hit: np.arange(600) >= 1, "Only 1 of the 600 runs, in 1 draws, is not of interest"),
        (lambda hit: hit, None),
    ],
)
def test_too_few_cases_are_said_in_words(change: Callable[[np.ndarray], np.ndarray], words: str | None) -> None:
    cases = planted()
    said = too_few(Cases(cases.names, cases.x, change(cases.hit), cases.draw))
    assert said is None if words is None else (said or "").startswith(words)


def test_missing_packages_are_told_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise ModuleNotFoundError(f"No module named '{name}'", name=name.partition(".")[0])

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(InputError, match=r"needs the package ema_workbench. pip install darkhorse\[analysis\]"):
        find(planted(100), Rule())


# CART


def test_the_tree_splits_on_what_was_planted() -> None:
    cases = planted(900)
    nodes = grow(cases, Rule(), seed=2)
    assert {node.dimension for node in nodes if not node.is_leaf} == {"a", "b"}
    leaves = [node for node in nodes if node.is_leaf]
    assert sum(leaf.runs for leaf in leaves) == len(cases)
    assert sum(leaf.hits for leaf in leaves) == cases.hits
    assert max(leaf.share for leaf in leaves) > 0.65
    assert "all runs: " in drawn(nodes, {})
    assert "\n  A short name > " in drawn(nodes, {nodes[0].dimension: "A short name"})
    assert repr(nodes) == repr(grow(cases, Rule(), seed=2))  # leaves have NaN for a threshold


def test_trees_tell_planted_cases_and_not_noise() -> None:
    assert skill(planted(900), Rule(), seed=2) > 0.25
    assert skill(pure_noise(), Rule(), seed=2) < 0.05

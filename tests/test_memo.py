"""The rule of the memo's verdicts on invented effects, its cells and words, and the identities of what it measures."""

import json
import math
from typing import Any

import numpy as np
import pytest

from sim.arrays import Array
from sim.errors import InputError
from sim.lots import Lot
from sim.memo import quantities, reader
from sim.memo.claims import CLAIMS, WITHOUT_HYPOTHESIS, claim, hazard_ratio
from sim.memo.conditions import box, drivers, holds, what_would_change
from sim.memo.play import Found, Sizes, compute, runs_needed
from sim.memo.prices import PARTS
from sim.memo.quantities import QUANTITIES
from sim.memo.study import Asked, memo, verdict_of
from sim.memo.verdict import CONDITIONAL, REFUTED, SUPPORTED, decide, near_a_line, share_claimed, summary
from sim.memo.worlds import (
    CONTROLS,
    FRICTIONLESS,
    MAIN,
    NONE,
    OCTOBER,
    PRINTED,
    PRIOR,
    STRUCTURE,
    WITHHELD,
    Setting,
    Worlds,
    cells,
    settings,
)
from sim.tape import Tape

GOOD = {"V1a": 0.8, "V5": 0.76}
FEW = Sizes(3)


def setting(key: str) -> Setting:
    return next(row for row in settings() if row.key == key)


@pytest.fixture(scope="module")
def worlds() -> Worlds:
    return Worlds("deepseek_shock", (), PRIOR)


@pytest.fixture(scope="module")
def months(worlds: Worlds) -> dict[str, Any]:
    """The arms of the scenario itself, three runs each."""
    main = setting(MAIN)
    rows = np.arange(3)
    found = {}
    for arm in main.arms:
        shut = np.full(3, arm == WITHHELD)
        values, _ = reader.play(Lot.of(worlds.arm(main, arm), rows), arm == FRICTIONLESS, shut)
        found[arm] = reader.monthly(values)
    return found


@pytest.mark.parametrize(
    ("main", "variants", "own", "cells_of", "word"),
    [
        (0.95, GOOD, None, None, SUPPORTED),
        (0.9, GOOD, None, {"a": 0.1, "b": 0.001}, SUPPORTED),
        (0.95, {**GOOD, "V2a": 0.74}, None, None, CONDITIONAL),
        (0.95, {**GOOD, "V2a": math.nan}, None, None, CONDITIONAL),
        (0.95, GOOD, None, {"a": 0.1, "b": -0.001}, CONDITIONAL),
        (0.95, GOOD, None, {"a": 0.0}, CONDITIONAL),
        (0.89, GOOD, None, None, CONDITIONAL),
        (0.11, {}, None, None, CONDITIONAL),
        (0.1, {**GOOD, "V2a": 0.2}, None, None, CONDITIONAL),
        (0.1, dict.fromkeys(GOOD, 0.74), None, None, REFUTED),
        (0.99, GOOD, "its own rule", None, REFUTED),
        (math.nan, GOOD, None, None, CONDITIONAL),
    ],
)
def test_rule(
    main: float, variants: dict[str, float], own: str | None, cells_of: dict[str, float] | None, word: str
) -> None:
    found = decide(main, 100, variants, own, cells_of)
    assert found.word == word
    assert found.reasons


def test_too_few_runs_support_and_refute_nothing() -> None:
    assert decide(1.0, 7, GOOD, None).word == CONDITIONAL
    assert decide(0.0, 7, GOOD, "own").word == CONDITIONAL


def test_verdicts_that_other_draws_could_tip_are_named() -> None:
    assert near_a_line(0.91, 0.02, GOOD)
    assert near_a_line(0.12, 0.02, GOOD)
    assert not near_a_line(0.5, 0.03, GOOD)
    assert not near_a_line(0.99, 0.004, {"V1a": 0.99})
    assert near_a_line(0.99, 0.01, {"V1a": 0.76})
    assert not near_a_line(0.5, 0.01, {"V1a": 0.76}), "variants decide nothing where the scenario does not"


def test_share_counts_sign_and_size_and_leaves_out_what_is_unknown() -> None:
    values = np.array([[0.5], [-0.5], [0.01], [np.nan]])
    assert share_claimed(values, 1, 0.02) == pytest.approx(1 / 3)
    assert share_claimed(values, -1, 0.02) == pytest.approx(1 / 3)
    assert share_claimed(values, 1, 0.0) == pytest.approx(2 / 3)
    assert math.isnan(share_claimed(np.full((2, 1), np.nan), 1, 0.0))
    told = summary(values, 1, 0.02)
    assert told["runs"] == 3
    assert told["p_error"] == pytest.approx(math.sqrt(2 / 9 / 3))
    assert json.loads(json.dumps(told, allow_nan=False)) == told


def _invented(effort: float, price: float, frozen: float = 0.0) -> dict[str, Found]:
    """Findings in which every run of a setting has the same effect; cells with price rationing have their own."""
    found = {}
    for row in settings():
        at = effort if row.factors.get("rationing") != "price" else price
        at = frozen if row.key == "frozen_routines" else at
        spread = np.linspace(-0.001, 0.001, 12)[:, np.newaxis]
        found[row.key] = Found({"effort": at + spread}, {})
    return found


def test_effort_is_supported_only_if_its_sign_survives_price_rationing() -> None:
    effort = claim("H1a")
    assert verdict_of(effort, _invented(0.3, 0.3), settings()).word == SUPPORTED
    bent = verdict_of(effort, _invented(0.3, -0.05), settings())
    assert bent.word == CONDITIONAL
    assert "price rationing" in bent.reasons[0]
    assert all("quota" not in reason for reason in bent.reasons)
    assert verdict_of(effort, _invented(-0.3, -0.05), settings()).word == REFUTED


def test_effort_that_frozen_routines_give_as_well_is_refuted() -> None:
    found = verdict_of(claim("H1a"), _invented(0.3, 0.3, frozen=0.29), settings())
    assert found.word == REFUTED
    assert "re-plan" in found.reasons[0]


def test_claims_cover_the_memo_and_read_what_exists() -> None:
    named = {key for row in CLAIMS for key in row.memo} | set(WITHOUT_HYPOTHESIS)
    assert named == {f"K{number}" for number in range(1, 13)}
    assert [row.key for row in CLAIMS] == ["H1a", "H1b", "H1c", *(f"H{number}" for number in range(2, 11))]
    known = {row.key for row in settings()}
    for row in CLAIMS:
        assert {row.quantity, *row.beside} <= QUANTITIES.keys()
        assert set(row.ablations) <= known
        assert not set(row.ladder) & named
        assert row.refuted
        assert row.built_in
        assert row.counterfactual


def test_every_claim_can_be_judged_in_every_variant_and_cell() -> None:
    for row in CLAIMS:
        for tried in settings():
            if tried.group in (MAIN, STRUCTURE, PRINTED):
                assert set(QUANTITIES[row.quantity].arms) <= set(tried.arms), (row.key, tried.key)


def test_cells_are_what_their_labels_say(worlds: Worlds) -> None:
    rows = cells()
    assert len(rows) == len({row.key for row in rows}) == 18
    for row in rows:
        scenario = worlds.arm(row, CONTROLS)
        share, sigma = (scenario.world[name] for name in ("chip_market.no_control_share",
                                                          "research.elasticity_compute_labour"))  # fmt: skip
        told = (share.centre, str(scenario.model.rationing), sigma.centre)
        assert told == (row.factors["v0"], row.factors["rationing"], row.factors["sigma"])
        assert share.is_fixed
        assert sigma.is_fixed
        assert row.key == f"v0={told[0]:g} {told[1]} sigma={told[2]:g}"
        assert worlds.arm(row, NONE).dials["export_controls.strictness"] == 0.0


def test_settings_change_what_they_say_and_no_two_are_called_alike(worlds: Worlds) -> None:
    rows = settings()
    assert len({row.key for row in rows}) == len(rows)
    plain = worlds.arm(setting(MAIN), CONTROLS).digest()
    same = [row.key for row in rows if row.key != MAIN and worlds.arm(row, CONTROLS).digest() == plain]
    assert same == ["V3a"], "slack is off in the scenario"


def test_price_decomposition_adds_up(months: dict[str, Any]) -> None:
    found = quantities.read(months)
    total = sum(found[f"price.{name}"] for name in PARTS)
    assert np.isfinite(total).any()
    np.testing.assert_allclose(total, found["price.ratio"], atol=1e-12)
    record = months[CONTROLS]
    place = record.place(quantities.R1)
    ratio = np.log(record.series("price_part.open") / record.series("price_part.closed"))[:, place]
    np.testing.assert_allclose(ratio, found["price.ratio"], atol=1e-12)


def test_cost_curve_passes_through_the_final_run(months: dict[str, Any]) -> None:
    """Practice and effective compute of a lab give back what its own final run cost."""
    record = months[CONTROLS]
    for who in reader.PLACEBO_LABS:
        place = record.place(quantities.V3)
        cost = np.exp(record.series(f"practice.{who}") + record.series(f"effective.{who}"))[:, place]
        np.testing.assert_allclose(cost, record.series(f"final_run.{who}")[:, place], rtol=1e-9)


def test_best_practice_is_nobodys_worse(months: dict[str, Any]) -> None:
    record = months[CONTROLS]
    place = record.place(quantities.V3)
    world = record.series("practice.world")[:, place]
    for who in ("US", "CN", *reader.PLACEBO_LABS):
        assert (world <= record.series(f"practice.{who}")[:, place]).all()


def test_nothing_differs_before_a_rule_can_be_felt(months: dict[str, Any]) -> None:
    found = quantities.read(months)
    assert (found["placebo.before_first_rule"] == 0.0).all()
    assert (found["placebo.before_second_rule"] == 0.0).all()
    later = months[CONTROLS].series("compute_owned.CN") != months[OCTOBER].series("compute_owned.CN")
    assert later[:, months[CONTROLS].place("2024-06") :].all(), "the later rules do bite, later"


def test_withheld_weights_stay_at_home(months: dict[str, Any]) -> None:
    """Without Chinese weights from the start nothing open and Chinese is ever near; hobbyists use none of it."""
    withheld = months[WITHHELD]
    assert np.isinf(withheld.series("open_distance.CN")).all()
    assert (withheld.series("hub_share.CN") == 0.0).all()
    assert (months[CONTROLS].series("hub_share.CN")[:, -1] > 0.0).all()


def test_lifting_frictions_never_costs_users(months: dict[str, Any]) -> None:
    record = months[CONTROLS]
    place = record.place(quantities.AT)
    for name in ("world", "abroad", "filter", "new"):
        assert (record.series(f"friction.{name}")[:, place] >= 0.0).all()
    assert (record.series("friction.abroad") >= record.series("friction.filter"))[:, place].all()
    assert np.isnan(record.series("friction.world")[:, place - 1]).all()


def test_without_controls_on_either_side_all_effects_of_controls_are_exactly_zero() -> None:
    none = ("policies.dials.export_controls.strictness=0", "policies.CN.purchase_veto=null")
    tried = [setting(MAIN), setting("V2b"), setting("frozen_routines")]
    found = compute(Worlds("deepseek_shock", none, PRIOR), tried, FEW, 1)
    pair = {CONTROLS, NONE}
    differences = [name for name, row in QUANTITIES.items() if set(row.arms) == pair and not name.startswith("v3_cost")]
    assert len(differences) > 25
    for had in found.values():
        for name in differences:
            values = had.values[name][np.isfinite(had.values[name])]
            assert (values == 0.0).all(), name


def test_hazard_ratio_pools_answers_and_exposure() -> None:
    values: dict[str, Array] = {
        "answers.events.controls": np.array([[2.0], [1.0]]), "answers.exposure.controls": np.array([[20.0], [10.0]]),
        "answers.events.withheld": np.array([[1.0], [0.0]]), "answers.exposure.withheld": np.array([[24.0], [6.0]]),
    }  # fmt: skip
    assert hazard_ratio({MAIN: Found(values, {})}) == pytest.approx(3.0)


def test_a_condition_is_found_where_there_is_one_and_drivers_are_no_noise() -> None:
    count = np.arange(200)
    drawn = {f"noise{place}": Tape(5).uniform(f"noise{place}", 0, count)[:, 0] for place in range(30)}
    cause = Tape(5).uniform("cause", 0, count)[:, 0]
    values = np.where(cause > 0.6, 1.0, -1.0)[:, np.newaxis]
    found = holds(values, 1, 0.0, {**drawn, "research.elasticity_compute_labour": cause})
    told = box(found, 1)
    assert "elasticity_compute_labour is at least 0.6" in told["text"]
    assert told["holds_elsewhere"]
    assert [row["name"] for row in drivers(found)] == ["research.elasticity_compute_labour"]
    rare = holds(np.where(count < 3, 1.0, -1.0)[:, np.newaxis], 1, 0.0, drawn)
    assert box(rare, 1)["text"].startswith("No box was looked for")


def test_what_would_change_names_settings_and_cells() -> None:
    tried = settings()
    shares = {row.key: 1.0 if row.factors.get("rationing") == "quota" or row.key == "V2b" else 0.0 for row in tried}
    text = what_would_change(REFUTED, shares, tried, [{"name": "a.b", "side": "low"}])
    assert "V2b" in text
    assert "9 of 18 cells, all with rationing quota" in text
    assert "low a.b" in text


def test_numbers_do_not_depend_on_jobs_or_on_what_else_is_tried(worlds: Worlds) -> None:
    tried = [setting(MAIN), setting("V1a"), setting("V3a"), *cells()[:2]]
    sizes = Sizes(2, seeds=2)
    alone = compute(worlds, tried, sizes, 1)
    told: list[int] = []
    split = compute(worlds, tried, sizes, 2, told.append)
    few = compute(worlds, [setting(MAIN)], sizes, 1)
    assert sum(told) == runs_needed(tried, sizes)
    for key, had in alone.items():
        for name, values in had.values.items():
            np.testing.assert_array_equal(values, split[key].values[name])
    np.testing.assert_array_equal(alone[MAIN].values["effort"], few[MAIN].values["effort"])
    np.testing.assert_array_equal(alone["V3a"].values["effort"], alone[MAIN].values["effort"])
    assert alone[MAIN].values["effort"].shape == (2, 2)
    assert len(alone[MAIN].drawn["research.elasticity_compute_labour"]) == 2


def test_a_world_without_deepseek_is_refused() -> None:
    with pytest.raises(InputError, match="DeepSeek"):
        Worlds("no_chinese_labs", (), PRIOR)


def test_judged_on_the_posterior_where_it_is_there(worlds: Worlds) -> None:
    """The same findings under both names: the value says which it rests on, and is plain JSON."""
    tried = settings()
    found = compute(worlds, tried, Sizes(1), 2)
    asked = Asked(tried, Sizes(1), "deepseek_shock", "title", 1)
    value = memo({"prior": found, "posterior": found}, asked)
    assert value["judged_on"] == "posterior"
    assert memo({"prior": found}, asked)["judged_on"] == "prior"
    assert {row["verdict"] for row in value["hypotheses"]} == {CONDITIONAL}, "one run says nothing"
    assert json.loads(json.dumps(value, allow_nan=False)) == value

"""Stylised facts: the words they are stated in, the table of them, and the rule that no fact may be far off."""

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.arrays import Array
from sim.commands.runs import Wish, run_scenario
from sim.data import Row, Tables, load_tables
from sim.fact_formulas import FORMULAS, columns_of, state
from sim.facts import FactRow, as_json, as_markdown, as_text, count, facts_of, facts_table, main, measures_needed
from sim.measures import columns
from sim.monthly import Monthly, NotMeasured

ROOT = Path(__file__).resolve().parents[1]
MINIMUM = ["C1", "C2", "C6", "C8", "L1", "L3", "L4", "L5", "L8", "M1", "M2", "M4", "M6", "M8", "M12"]
"""The set that every version of the model is held to."""
RUNS = 7


@pytest.fixture(scope="module")
def tables() -> Tables:
    return load_tables()


def monthly(**series: Array) -> Monthly:
    """A record of 24 months from 2022-01; `a_b` is the column `a.b`. One run unless the series have more."""
    stacked = [np.atleast_2d(values) for values in series.values()]
    names = [name.replace("_", ".") for name in series]
    return Monthly(names, np.stack(stacked, axis=2), range(stacked[0].shape[1]))


def one(record: Monthly, formula: str) -> float:
    found = state(record, formula)
    assert found.shape == (1,)
    return float(found[0])


STEPS = np.arange(24.0)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("at x 2022-04", 3.0),
        ("mean x 2022-01 2022-03", 1.0),
        ("highest x 2022-01 2022-06", 5.0),
        ("change x 2022-03 2023-03", 12.0),
        ("rise x 2022-01 2022-04", 12.0),
        ("shift x 2022-01 2022-03 2022-04 2022-06", 3.0),
        ("at x+x+y 2022-02", 4.0),
        ("at stock:x 2022-04", 6.0),
        ("at stock:x+y/stock:y 2022-04", 14.0 / 8.0),
        ("at x/y 2022-04", 1.5),
        ("growth g 2022-01 2023-07", 3.0),
        ("speed_up k 2022-01 2022-07 2023-01", 24.0),
        ("pooled x r 2022-02 2022-03", 3.0 / 30.0),
        ("pooled none r 2022-02 2022-03", 0.0),
    ],
)
def test_words_of_formulas(formula: str, value: float) -> None:
    bent = np.where(STEPS < 6, STEPS, 6 + 3 * (STEPS - 6))
    shares = np.full(24, 0.2)
    shares[2] = 2.0 / 25.0
    record = monthly(x=STEPS, y=np.full(24, 2.0), g=3.0 ** (STEPS / 12.0), k=bent, r=shares, none=np.zeros(24))
    assert one(record, formula) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(("behind", "tie", "lag"), [(4.0, "0", 4.0), (6.0, "2", 4.0), (-3.0, "0", -36.0 / 13)])
def test_lag_is_the_time_between_reaching_the_same_levels(behind: float, tie: str, lag: float) -> None:
    """One point a month, so points behind are months behind. A tie counts as reached.

    Of the 13 months in which a follower three months ahead reaches a level, the leader follows in time in 11.
    """
    record = monthly(us=100.0 + STEPS, cn=100.0 + STEPS - behind)
    assert one(record, f"lag cn us {tie} 2022-09 2023-09") == pytest.approx(lag, abs=1e-12)


def test_lag_counts_no_level_that_the_leader_had_before_the_record() -> None:
    record = monthly(us=np.full(24, 150.0), cn=100.0 + STEPS)
    assert math.isnan(one(record, "lag cn us 0 2022-02 2023-12"))


def test_price_fall_is_the_median_over_levels_reached_in_time() -> None:
    fall = 4.0 ** (-STEPS / 12.0)
    prices = {level: fall.copy() for level in ("1", "2", "3")}
    prices["1"][:5] = np.nan
    prices["2"] = fall**2
    prices["3"][:20] = np.nan
    stacked = np.stack([np.atleast_2d(values) for values in prices.values()], axis=2)
    record = Monthly([f"price_fixed_capability.{level}" for level in prices], stacked, range(24))
    assert one(record, "price_fall 12 2023-12 1 3") == pytest.approx(4.0)
    assert one(record, "price_fall 12 2023-12 1 2 3") == pytest.approx(10.0)
    assert math.isnan(one(record, "price_fall 12 2023-12 3"))


def test_a_ratio_to_nothing_is_not_a_number() -> None:
    assert math.isnan(one(monthly(x=STEPS, y=STEPS), "at x/y 2022-01"))


@pytest.mark.parametrize("formula", ["at z 2022-01", "at x+z 2022-01", "at x 2025-01", "mean x 2022-01 2025-01"])
def test_what_is_not_on_record_is_not_measured(formula: str) -> None:
    with pytest.raises(NotMeasured, match="not on record"):
        state(monthly(x=STEPS), formula)


@pytest.mark.parametrize("formula", ["at x", "change x 2022-01", "total x 2022-01", "at x 2022-01 2022-02"])
def test_a_formula_that_is_none_is_an_error(formula: str) -> None:
    with pytest.raises(ValueError, match=r"no word|wrong arguments"):
        state(monthly(x=STEPS), formula)


def test_columns_of_a_formula() -> None:
    assert columns_of("change stock:a.x+a.y/stock:b 2022-01 2022-02") == ["a.x", "a.y", "b"]
    assert columns_of("lag a.CN a.US 2.5 2022-01 2022-02") == ["a.CN", "a.US"]
    assert columns_of("price_fall 12 2025-12 116 140") == ["price_fixed_capability.116", "price_fixed_capability.140"]


def test_the_minimum_set_is_there(tables: Tables) -> None:
    assert list(dict.fromkeys(tables.facts.text("fact"))) == MINIMUM
    assert {row["formula"].split()[0] for row in tables.facts.rows if isinstance(row["formula"], str)} == set(FORMULAS)


def test_inputs_are_declared_as_inputs(tables: Tables) -> None:
    roles: dict[str, set[str]] = {}
    for row in tables.facts.rows:
        roles.setdefault(str(row["fact"]), set()).add(str(row["role"]))
    assert {fact for fact, kinds in roles.items() if "INPUT" in kinds} == {"C1", "C2", "C6", "C8", "L1", "L3"}
    assert all(roles[fact] == {"INPUT"} for fact in ("C1", "C2", "C6", "L1"))


def test_every_observed_value_but_zero_has_a_sign(tables: Tables) -> None:
    assert all(row["observed"] != 0 for row in tables.facts.rows)


def test_every_formula_reads_measures_of_the_catalogue(tables: Tables) -> None:
    known = set(columns())
    missing = {column for row in tables.facts.rows for column in columns_of(str(row["formula"])) if column not in known}
    assert missing <= {"country_share.RU_BY", "country_share.US"}
    record = Monthly(sorted(known | missing), np.ones((2, 60, len(known | missing))), range(60))
    for row in tables.facts.rows:
        assert state(record, str(row["formula"])).shape == (2,)


def table_of(tables: Tables, formula: str, observed: float, low: float, high: float) -> Tables:
    row: Row = {**tables.facts.rows[0], "formula": formula, "observed": observed, "low": low, "high": high}
    return replace(tables, facts=replace(tables.facts, rows=[row]))


def test_a_row_has_the_quantiles_over_runs(tables: Tables) -> None:
    values = np.arange(1.0, 22.0)[:, np.newaxis, np.newaxis] * np.ones((21, 3, 1))
    values[20] = np.nan
    (row,) = facts_table(["x"], values, range(3), table_of(tables, "at x 2022-03", 10.0, 5.0, 10.6))
    assert [row.median, row.p05, row.p95] == pytest.approx([10.5, 1.95, 19.05])
    assert row.runs == 20
    assert (row.inside, row.near, row.measured) == (True, True, True)


@pytest.mark.parametrize(
    ("found", "inside", "near"),
    [(1.0, True, True), (2.0, False, True), (9.9, False, True), (10.1, False, False), (0.11, False, True),
     (0.09, False, False), (-1.0, False, False)],
)  # fmt: skip
def test_far_off_is_an_order_of_magnitude_or_another_sign(
    tables: Tables, found: float, inside: bool, near: bool
) -> None:
    for sign in (1.0, -1.0):
        low, high = sorted((0.8 * sign, 1.2 * sign))
        changed = table_of(tables, "at x 2022-01", sign, low, high)
        (row,) = facts_table(["x"], np.full((3, 1, 1), found * sign), [0], changed)
        assert (row.inside, row.near) == (inside, near)
        assert ("FAR OFF" in as_text([row])) is not near


def test_an_unmeasured_fact_says_so(tables: Tables) -> None:
    (row,) = facts_table(["y"], np.ones((3, 1, 1)), [0], table_of(tables, "at x 2022-01", 1.0, 1.0, 1.0))
    assert (row.runs, row.measured, row.inside, row.near) == (0, False, False, False)
    assert "not measured" in as_text([row])
    assert json.loads(as_json([row]))[0]["median"] is None
    assert count([row]) == "Medians inside the observed band: 0 of 0 INPUT; 1 not measured."


@pytest.fixture(scope="module")
def played() -> list[FactRow]:
    return facts_of("history_hold", RUNS, ["end=2025-12", "outputs.at=[]"])


def test_a_folder_of_results_gives_the_facts_of_its_first_arm(played: list[FactRow], tmp_path: Path) -> None:
    sets = ("end=2025-12", "outputs.at=[]")
    wish = Wish(tmp_path, RUNS, None, sets, 1, quiet=True, as_json=True, charts=False, force=False)
    assert run_scenario("history_hold", wish)
    (folder,) = tmp_path.iterdir()
    found = facts_of(str(folder), 1)
    assert [(row.fact, row.part) for row in found] == [(row.fact, row.part) for row in played]
    for row, other in zip(found, played, strict=True):
        np.testing.assert_equal(
            (row.median, row.p05, row.p95, row.runs), (other.median, other.p05, other.p95, other.runs)
        )


def test_only_the_measures_that_are_needed_are_recorded(tables: Tables) -> None:
    needed = measures_needed(tables)
    assert {"legal_share_stock", "gap_months", "price_fixed_capability"} <= set(needed)
    assert not {"hhi", "consumer_surplus"} & set(needed)


def test_the_facts_are_printed_in_three_forms(played: list[FactRow], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["history_hold", "--runs", str(RUNS), "--set", "end=2025-12", "--set", "outputs.at=[]"]
    assert main(arguments) == 0
    assert capsys.readouterr().out == as_text(played) + "\n"
    assert main([*arguments, "--markdown"]) == 0
    assert capsys.readouterr().out == as_markdown(played) + "\n"
    assert main([*arguments, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert [row["fact"] for row in plain] == [row.fact for row in played]
    assert plain[0]["median"] == played[0].median
    assert plain[0]["near"] is True


def test_a_wrong_name_or_folder_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history_hol"]) == 2
    assert "Did you mean history_hold" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "manifest" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["history_hold", "--runs", "0"])


def test_the_page_has_a_line_for_every_fact(tables: Tables) -> None:
    page = (ROOT / "docs" / "facts.md").read_text("utf-8")
    lines = dict(re.findall(r"^\| (\w+) \| (.+) \|$", page, re.MULTILINE))
    assert [fact for fact in lines if fact in MINIMUM] == MINIMUM
    for fact in MINIMUM:
        roles = dict.fromkeys(str(row["role"]) for row in tables.facts.rows if row["fact"] == fact)
        assert all(role in lines[fact] for role in roles), fact


@pytest.mark.slow
def test_no_fact_is_an_order_of_magnitude_off_or_of_the_wrong_sign(tables: Tables) -> None:
    """64 runs of the recorded history with parameters drawn from the prior."""
    rows = facts_of("history_hold", 64)
    print(as_text(rows))
    known = set(columns())
    for row, fact in zip(rows, tables.facts.rows, strict=True):
        assert row.measured == (set(columns_of(str(fact["formula"]))) <= known), (row.fact, row.part)
    assert [(row.fact, row.part, row.median, row.observed) for row in rows if row.measured and not row.near] == []

"""Targets: the words that facts are stated in, the rules of the table, and what the runs say beside them."""

import csv
import json
import math
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sim.arrays import Array
from sim.calendar import month_index
from sim.commands.runs import Wish, run_scenario
from sim.data import ROLES, SCHEMAS, Row, Tables, load_tables
from sim.errors import InputError
from sim.fact_formulas import FORMULAS, columns_of, state
from sim.facts import (
    FactRow,
    as_json,
    as_markdown,
    as_text,
    counts,
    facts_of,
    facts_table,
    main,
    measures_needed,
    minimum_set,
)
from sim.measures import columns
from sim.monthly import Monthly, NotMeasured
from sim.operators import OPERATORS, transform

ROOT = Path(__file__).resolve().parents[1]
MINIMUM = ["C1", "C2", "C6", "C8", "L1", "L3", "L4", "L5", "L8", "M1", "M2", "M4", "M6", "M8", "M12"]
"""The set that every version of the model is held to."""
FACTS = [f"{letter}{number}" for letter, last in (("C", 8), ("L", 12), ("M", 15)) for number in range(1, last + 1)]
"""Every stylised fact of the evidence; S is a point of a series beside them, X a lab's best model."""
UNSEEN = {"openrouter_cn_dollar_share"}
"""Operators whose series nobody has published for 2025 or before."""
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


def texts(tables: Tables) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in row.items()} for row in tables.targets.rows]


def test_every_fact_has_a_row_and_the_minimum_set_is_marked(tables: Tables) -> None:
    assert list(dict.fromkeys(tables.targets.text("fact"))) == [*FACTS, "S", "X"]
    marked = [str(row["fact"]) for row in tables.targets.rows if row["minimum"] == 1]
    assert list(dict.fromkeys(marked)) == MINIMUM
    assert set(tables.targets.number("minimum")) == {0.0, 1.0}


def test_the_date_is_the_last_month_of_the_formula(tables: Tables) -> None:
    for row in texts(tables):
        months = re.findall(r"\d{4}-\d{2}", row["formula"])
        assert row["date"] <= "2025-12"
        assert (row["formula"] == "none") == (not months), row["part"]
        assert not months or row["date"] == max(months), row["part"]


def test_every_operator_with_an_observation_is_covered(tables: Tables) -> None:
    for row in texts(tables):
        point = re.fullmatch(r"(?:at (\S+) \S+|mean (\S+) \S+ \S+)", row["formula"])
        named = next((name for name in point.groups() if name), "") if point else ""
        assert row["operator"] == (named if named in OPERATORS else ""), row["part"]
        if row["operator"]:
            operator = OPERATORS[row["operator"]]
            assert (row["scale"], row["unit"]) == (operator.scale, operator.unit), row["part"]
    assert set(tables.targets.text("operator")) - {""} == set(OPERATORS) - UNSEEN


def test_the_error_is_that_of_the_band(tables: Tables) -> None:
    """A 90% band is 3.29 standard deviations wide, on the scale of the row; the cells have four figures."""
    for row, named in zip(tables.targets.rows, texts(tables), strict=True):
        ends = [float(transform(np.array(float(row[name])), named["scale"])) for name in ("low", "high")]  # type: ignore[arg-type]
        assert float(row["error"]) == pytest.approx((ends[1] - ends[0]) / 3.29, rel=0.02), named["part"]


def test_a_third_of_what_is_not_put_in_is_held_out_and_says_why(tables: Tables) -> None:
    rows = texts(tables)
    roles = [row["role"] for row in rows]
    assert set(roles) == set(ROLES)
    assert roles.count("HELD OUT") * 3 >= roles.count("HELD OUT") + roles.count("FITTED")
    for row in rows:
        assert row["role"] != "HELD OUT" or "eld out" in row["note"], row["part"]
        assert row["role"] != "NOT STATED" or row["formula"] == "none", row["part"]
        assert row["formula"] != "none" or row["role"] in ("NOT STATED", "INPUT"), row["part"]


def test_nothing_that_is_put_in_is_fitted(tables: Tables) -> None:
    roles = {fact: {row["role"] for row in texts(tables) if row["fact"] == fact} for fact in FACTS}
    assert all(roles[fact] == {"INPUT"} for fact in ("C1", "C2", "C5", "C6", "C7", "L1", "L2", "L7", "M9", "M15"))
    late = {row["part"]: row["role"] for row in texts(tables) if row["fact"] == "L4" and row["date"] > "2024-06"}
    assert set(late.values()) == {"HELD OUT"}


def test_no_lab_effect_is_fitted_to_the_time_after_mid_2024(tables: Tables) -> None:
    rows = [row for row in texts(tables) if row["fact"] == "X"]
    observed = [row for row in tables.observed.rows if row["measure"] == "capability"]
    for row in rows:
        lab = row["formula"].split()[1].removeprefix("capability.")
        known = [str(other["month"]) for other in observed if other["entity"] == lab]
        assert row["date"] in known
        assert row["role"] == ("FITTED" if row["date"] <= "2024-06" else "HELD OUT")
    early = {str(row["entity"]) for row in observed if str(row["month"]) <= "2024-06"}
    fitted = [row["formula"].split()[1].removeprefix("capability.") for row in rows if row["role"] == "FITTED"]
    assert set(fitted) == early
    for lab in early:
        months = [month_index(row["date"]) for row in rows if row["formula"].split()[1] == f"capability.{lab}"]
        assert np.diff(sorted(months)).min(initial=99) >= 2


def test_zero_is_observed_of_stances_alone(tables: Tables) -> None:
    """Elsewhere a ratio to what was observed has to mean something."""
    assert all(row["observed"] != 0 or str(row["part"]).startswith("openness ") for row in tables.targets.rows)


def test_every_formula_reads_measures_of_the_catalogue(tables: Tables) -> None:
    known = columns()
    assert {column for row in texts(tables) for column in columns_of(row["formula"])} <= set(known)
    record = Monthly(known, np.ones((2, 48, len(known))), range(48))
    for row in texts(tables):
        if row["formula"] == "none":
            with pytest.raises(NotMeasured, match="no measure"):
                state(record, row["formula"])
        else:
            assert state(record, row["formula"]).shape == (2,)
    assert {row["formula"].split()[0] for row in texts(tables)} == set(FORMULAS)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"low": "0.2", "observed": "0.1"}, "low <= observed <= high"),
        ({"high": "1.0"}, "inside 0 to 1"),
        ({"scale": "log", "low": "0"}, "above 0"),
        ({"date": "2026-01"}, "later than 2025-12"),
        ({"role": "CHECK"}, "not allowed"),
        ({"error": "0"}, "outside 1e-09"),
        ({"date": "2022-11"}, "2022-11 is not the last month of 'at cn_nvidia_stock_share 2022-12'"),
    ],
)
def test_a_wrong_row_is_refused(tables: Tables, tmp_path: Path, changes: dict[str, str], fault: str) -> None:
    folder = tmp_path / "data"
    shutil.copytree(ROOT / "scenarios" / "data", folder)
    row = {**texts(tables)[0], **changes}
    with (folder / "targets.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, SCHEMAS["targets"].columns)
        writer.writeheader()
        writer.writerow(row)
    with pytest.raises(InputError, match=fault):
        load_tables(folder)


def table_of(tables: Tables, formula: str, observed: float, low: float, high: float, **other: str | float) -> Tables:
    plain: Row = {
        "scale": "linear",
        "error": 0.5,
        "discrepancy": 1.0,
        "unit": "months",
        "role": "INPUT",
        "minimum": 1.0,
    }
    row: Row = {**tables.targets.rows[0], "formula": formula, "observed": observed, "low": low, "high": high}
    return replace(tables, targets=replace(tables.targets, rows=[{**row, **plain, **other}]))


def test_a_row_has_the_quantiles_over_runs(tables: Tables) -> None:
    values = np.arange(1.0, 22.0)[:, np.newaxis, np.newaxis] * np.ones((21, 3, 1))
    values[20] = np.nan
    (row,) = facts_table(["x"], values, range(3), table_of(tables, "at x 2022-03", 10.0, 5.0, 10.6))
    assert [row.median, row.p05, row.p95] == pytest.approx([10.5, 1.95, 19.05])
    assert row.runs == 20
    assert (row.inside, row.near, row.measured) == (True, True, True)


def test_the_predictive_band_has_the_runs_the_error_and_the_discrepancy(tables: Tables) -> None:
    """Runs 1 to 20: 8.55 from the median to either end; error 3 and discrepancy 4 make 5, at 90% 8.22."""
    values = np.arange(1.0, 21.0)[:, np.newaxis, np.newaxis] * np.ones((20, 1, 1))
    wide: dict[str, str | float] = {"error": 3.0, "discrepancy": 4.0}
    half = math.hypot(8.55, 1.6448536 * 5.0)
    for observed, covered in ((10.5 + half - 0.01, True), (10.5 + half + 0.01, False), (10.5 - half - 0.01, False)):
        changed = table_of(tables, "at x 2022-01", observed, observed, observed, **wide)
        (row,) = facts_table(["x"], values, [0], changed)
        assert [row.predicted_low, row.predicted_high] == pytest.approx([10.5 - half, 10.5 + half])
        assert row.covered is covered
        assert row.z == pytest.approx((observed - 10.5) / math.sqrt(np.arange(20.0).var() + 25.0))


def test_bands_of_shares_and_amounts_are_on_their_scale(tables: Tables) -> None:
    values = np.full((3, 1, 1), 0.5)
    wide: dict[str, str | float] = {"error": 0.3, "discrepancy": 0.4}
    (share,) = facts_table(["x"], values, [0], table_of(tables, "at x 2022-01", 0.9, 0.8, 0.95, scale="logit", **wide))
    (amount,) = facts_table(["x"], values, [0], table_of(tables, "at x 2022-01", 1.0, 0.8, 1.2, scale="log", **wide))
    assert share.predicted_high == pytest.approx(1.0 / (1.0 + math.exp(-1.6448536 * 0.5)))
    assert share.predicted_low == pytest.approx(1.0 - share.predicted_high)
    assert share.z == pytest.approx(math.log(9.0) / 0.5)
    assert amount.predicted_high == pytest.approx(0.5 * math.exp(1.6448536 * 0.5))
    assert amount.z == pytest.approx(math.log(2.0) / 0.5)


def test_a_lab_without_a_model_has_no_capability(tables: Tables) -> None:
    values = np.array([0.0, 110.0, 120.0])[:, np.newaxis, np.newaxis]
    (row,) = facts_table(["x"], values, [0], table_of(tables, "at x 2022-01", 115.0, 110.0, 120.0, unit="ECI"))
    assert (row.runs, row.median) == (2, 115.0)


def test_a_fact_of_the_minimum_set_needs_all_its_rows(tables: Tables) -> None:
    base = table_of(tables, "at x 2022-01", 1.0, 0.0, 2.0)
    rows = [
        {**base.targets.rows[0], "fact": fact, "part": part, "observed": observed, "minimum": minimum, "role": role}
        for fact, part, observed, minimum, role in (
            ("A", "1", 1.0, 1.0, "INPUT"), ("A", "2", 99.0, 1.0, "FITTED"), ("B", "1", 1.0, 1.0, "FITTED"),
            ("B", "2", 99.0, 0.0, "FITTED"),
        )
    ]  # fmt: skip
    found = facts_table(["x"], np.ones((3, 1, 1)), [0], replace(base, targets=replace(base.targets, rows=rows)))
    assert minimum_set(found) == {"A": False, "B": True}
    assert counts(found).splitlines() == [
        "INPUT: 1 of 1 observed values in the predictive band, 1 medians in the observed band.",
        "FITTED: 1 of 3 observed values in the predictive band, 3 medians in the observed band.",
        "Minimum set: 1 of 2 facts in the predictive band; outside: A.",
    ]


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
    assert (row.runs, row.measured, row.inside, row.near, row.covered) == (0, False, False, False, False)
    assert "not measured" in as_text([row])
    plain = json.loads(as_json([row]))[0]
    assert (plain["median"], plain["z"], plain["predicted_low"]) == (None, None, None)
    assert counts([row]).splitlines()[0] == "INPUT: 1 not measured."


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
    assert plain[0]["z"] == played[0].z


def test_the_table_is_grouped_by_role(played: list[FactRow]) -> None:
    lines = as_text(played).splitlines()
    assert [line for line in lines if line in ROLES] == list(ROLES)
    assert re.findall(r"^### (.+)$", as_markdown(played), re.MULTILINE) == list(ROLES)
    assert lines[-1].startswith("Minimum set: ")
    assert [line.partition(":")[0] for line in lines[-5:-1]] == list(ROLES)


def test_a_wrong_name_or_folder_ends_with_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history_hol"]) == 2
    assert "Did you mean history_hold" in capsys.readouterr().err
    assert main([str(tmp_path)]) == 2
    assert "manifest" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["history_hold", "--runs", "0"])


@pytest.fixture(scope="module")
def page() -> str:
    return (ROOT / "docs" / "targets.md").read_text("utf-8")


def test_the_page_has_a_line_for_every_fact(tables: Tables, page: str) -> None:
    lines = dict(re.findall(r"^\| (\w+) \| (.+) \|$", page, re.MULTILINE))
    for fact in [*FACTS, "S", "X"]:
        roles = dict.fromkeys(str(row["role"]) for row in tables.targets.rows if row["fact"] == fact)
        assert all(role in lines[fact] for role in roles), fact
        assert all(role in roles for role in ROLES if role in lines[fact]), fact


def test_the_page_specifies_every_operator(page: str) -> None:
    lines = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert [name for name in lines if name in OPERATORS] == list(OPERATORS)
    for name, operator in OPERATORS.items():
        read = {column.partition(".")[0] for column in operator.columns}
        assert all(f"`{measure}" in lines[name] for measure in read), name
        assert operator.scale in lines[name], name


@pytest.mark.slow
def test_what_is_an_order_of_magnitude_off_is_on_the_page(tables: Tables, page: str) -> None:
    """64 runs of the recorded history with parameters drawn from the prior."""
    rows = facts_of("history_hold", 64, ["world.base=prior"])
    print(as_text(rows))
    for row, fact in zip(rows, texts(tables), strict=True):
        assert row.measured == (fact["formula"] != "none"), (row.fact, row.part)
    named = page[page.index("## What is far off") :]
    far = [f"{row.fact} {row.part}" for row in rows if row.measured and not row.near]
    assert [name for name in far if f"- {name}:" not in named] == []

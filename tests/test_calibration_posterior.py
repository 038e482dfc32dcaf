"""Worlds drawn from a fit: rows by weight, overrides, digests, broken tables; and the fits that are shipped."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.arrays import Array
from sim.calendar import month_index
from sim.calibration.fitted import FITTED, fitted_targets
from sim.calibration.shipped import PAGE, page_with, shipped_table
from sim.calibration.unknowns import prior_rows, unknowns
from sim.cli import app
from sim.data import load_tables
from sim.engine import Engine
from sim.errors import InputError
from sim.lots import Lot
from sim.monthly import Monthly
from sim.places import data_folder
from sim.posterior import FOLDER, _read, fitted_months, load_posterior
from sim.scenario import Scenario, load_scenario
from sim.setup import build, names_drawn

NAMES = ("capability.eci_per_oom", "labs.DeepSeek.lab_effect")
TABLE = "draw,weight,{},{}\n0,0.1,6.5,-1.0\n1,0.6,7.0,0.5\n2,0.3,8.5,0.0\n".format(*NAMES)
WEIGHT = {(6.5, -1.0): 0.1, (7.0, 0.5): 0.6, (8.5, 0.0): 0.3}
SHIPPED = ("2023-12", "2024-06", "2024-12", "2025-12")
REMEDY = "`darkhorse calibrate` writes such tables"


def table(tmp_path: Path, text: str = TABLE) -> Path:
    file = tmp_path / "fit.csv"
    file.write_text(text)
    _read.cache_clear()
    return file


def world(file: Path | str, *sets: str) -> Scenario:
    return load_scenario("history_hold", ["world.base=posterior", f"world.fitted_to={file}", "end=2022-06",
                                          "outputs.at=[2022-06]", *sets])  # fmt: skip


def drawn(scenario: Scenario, rows: range, *names: str) -> Array:
    found = build(Lot.of(scenario, rows), load_tables()).drawn
    return np.concatenate([np.broadcast_to(found[name], (len(rows), 1)) for name in names], axis=1)


def test_rows_are_drawn_whole_and_by_weight(tmp_path: Path) -> None:
    values = drawn(world(table(tmp_path)), range(2000), *NAMES)
    pairs = [(float(first), float(second)) for first, second in values]
    assert set(pairs) == set(WEIGHT), "the same row for all names"
    for pair, weight in WEIGHT.items():
        assert pairs.count(pair) / 2000 == pytest.approx(weight, abs=0.005)
    for start in (0, 1700):
        some = pairs[start : start + 100]
        assert some.count((7.0, 0.5)) == pytest.approx(60, abs=3), "any run of draws is spread evenly"


def test_weights_need_not_sum_to_one(tmp_path: Path) -> None:
    scaled = TABLE.replace("0.1,6", "2,6").replace("0.6,7", "12,7").replace("0.3,8", "6,8")
    assert load_posterior(str(table(tmp_path, scaled))).weights == pytest.approx((0.1, 0.6, 0.3))


def test_levels_give_the_value_of_their_row(tmp_path: Path) -> None:
    fit = load_posterior(str(table(tmp_path)))
    for name in NAMES:
        assert fit.distribution(name).quantile(fit.levels(name)) == pytest.approx(fit.values[name])


def test_what_a_scenario_writes_wins_over_the_fit(tmp_path: Path) -> None:
    scenario = world(table(tmp_path), "world.capability.eci_per_oom=5.75")
    values = drawn(scenario, range(200), *NAMES)
    assert set(values[:, 0]) == {5.75}
    assert set(values[:, 1]) == {-1.0, 0.5, 0.0}


def test_names_that_were_not_fitted_keep_their_prior(tmp_path: Path) -> None:
    name = "demand.consideration_growth"
    fitted = world(table(tmp_path))
    prior = load_scenario("history_hold", ["world.base=prior", "end=2022-06", "outputs.at=[2022-06]"])
    assert np.array_equal(drawn(fitted, range(50), name), drawn(prior, range(50), name))


def test_the_digest_of_a_scenario_follows_the_table(tmp_path: Path) -> None:
    before = world(table(tmp_path)).digest()
    assert world(table(tmp_path)).digest() == before
    assert world(table(tmp_path, TABLE.replace("8.5", "8.6"))).digest() != before


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a,b\n1,2\n", "columns draw and weight"),
        ("draw,weight,x\n", "rows"),
        ("draw,weight,x,x\n0,1,2,3\n", "columns draw and weight"),
        (TABLE.replace("0.5", "half"), "could not convert"),
        (TABLE.replace("0.6", "-0.6"), "weights must be positive"),
        (TABLE.replace(",0.5", ""), "one number for each column"),
        (TABLE.replace("0.5", "nan"), "no finite number"),
    ],
)
def test_a_broken_table_is_named_with_a_remedy(tmp_path: Path, text: str, part: str) -> None:
    file = table(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_posterior(str(file))
    (problem,) = caught.value.problems
    assert part in problem.message
    assert problem.file == str(file)
    assert problem.remedy == REMEDY


@pytest.mark.parametrize(
    ("column", "value", "part"),
    [("chip_market.no_control_share", "99", "leave [0.1, 0.35]"), ("nosuch.name", "1", "'nosuch.name' is no number")],
)
def test_a_table_with_impossible_numbers_or_names_is_refused(
    tmp_path: Path, column: str, value: str, part: str
) -> None:
    file = table(tmp_path, f"draw,weight,{column}\n0,1,{value}\n")
    with pytest.raises(InputError, match=re.escape(part)):
        world(file)


def test_a_missing_table_and_a_missing_fit_are_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv"):
        load_posterior(str(tmp_path / "gone.csv"))
    with pytest.raises(InputError, match="no fit to 2019-01 is shipped") as caught:
        load_posterior("2019-01")
    assert "darkhorse calibrate --until 2019-01" in str(caught.value.problems[0].remedy)
    with pytest.raises(InputError, match="only the posterior"):
        load_scenario("history_hold", ["world.base=prior", "world.fitted_to=2025-12"])


def manifest(month: str) -> dict[str, Any]:
    text = (data_folder() / FOLDER / f"{month}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def test_every_month_is_shipped_and_the_last_is_the_default() -> None:
    assert tuple(fitted_months()) == SHIPPED
    assert load_posterior().fitted_to == "2025-12"
    assert (data_folder() / FOLDER / "influence.csv").is_file()


@pytest.mark.parametrize("month", SHIPPED)
def test_a_shipped_fit_is_whole_and_has_met(month: str) -> None:
    fit, told = load_posterior(month), manifest(month)
    text = (data_folder() / FOLDER / f"{month}.csv").read_text(encoding="utf-8")
    assert sum(float(line.split(",")[1]) for line in text.splitlines()[1:]) == pytest.approx(1.0, abs=1e-3)
    assert len(fit.weights) == told["effort"]["draws"] >= 256
    known = list(unknowns("history_hold", month).names)
    of_labs = {row["name"] for row in prior_rows()}
    assert list(fit.values) == [name for name in known if name in of_labs or name in told["names_fitted"]]
    assert set(told["names_fitted"]) == set(told["contraction"]) == set(fit.learnt)
    assert told["fitted_to"] == month
    assert not told["slack"], "presets leave the channel off"
    assert told["r_hat"] < 1.1
    assert told["ess"] > 200
    assert 1 <= told["rank"] <= len(told["names_fitted"])
    assert told["rank"] == pytest.approx(sum(value > 1.0 for value in told["singular_values"]), abs=1)
    assert told["targets_fitted"] == len(fitted_targets(load_tables(), month).rows)
    assert told["effective_draws"] >= 0.49 * told["effort"]["draws"]
    assert 0.75 <= told["recovered_coverage"] <= 1.0
    assert all(name in told["names_fitted"] for name in told["learnt"])


@pytest.mark.parametrize("month", SHIPPED)
def test_the_world_of_a_fit_is_the_world_that_was_fitted(month: str) -> None:
    """Whatever the calibration drew is drawn under the posterior too: labs.csv knows how history went on."""
    sets = ["world.base=posterior", f"world.fitted_to={month}", f"end={month}", f"outputs.at=[{month}]"]
    drawn_names = set(names_drawn(load_scenario("history_hold", sets)))
    assert set(unknowns("history_hold", month).names) <= drawn_names
    fit, prior = load_posterior(month), unknowns("history_hold", month).scenario.world
    unfitted = [row["name"] for row in prior_rows() if row["name"] not in fit.learnt]
    assert unfitted
    for name in unfitted:
        middle, wide = np.median(fit.values[name]), np.std(fit.values[name])
        low, centre, high = prior[name].quantile(np.array([0.05, 0.5, 0.95]))
        assert abs(middle - centre) < 0.2 * (high - low)
        assert 0.7 < wide / ((high - low) / 3.29) < 1.3


def test_later_fits_saw_more() -> None:
    counts = [manifest(month)["targets_fitted"] for month in SHIPPED]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_names_of_influence_are_names_of_the_world() -> None:
    import csv

    with (data_folder() / FOLDER / "influence.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    known = set(unknowns("history_hold", "2025-12").names)
    assert {row["name"] for row in rows} <= known
    assert all(0.0 < float(row["share"]) <= 1.0 for row in rows)


def test_the_shipped_fit_holds_most_of_what_it_was_fitted_to() -> None:
    """64 fresh runs of the model at draws from the fit: a posterior predictive check."""
    sets = ["world.base=posterior", "world.fitted_to=2025-12", "end=2025-12", "outputs.at=[2025-12]"]
    scenario = load_scenario("history_hold", sets)
    targets = fitted_targets(load_tables(), "2025-12")
    record = Engine(Lot.of(scenario, range(64)), None, load_tables()).run(targets.measures())
    stated = targets.state(Monthly(record.columns, record.values, record.months))
    spread = np.sqrt(np.nanvar(stated, axis=0) + targets.variance)
    z = (targets.observed - np.nanmean(stated, axis=0)) / spread
    assert len(z) == sum(row["role"] == FITTED for row in targets.rows)
    assert (np.abs(z) < 2.5).mean() >= 0.9, dict(zip(targets.names, z.round(1), strict=True))
    assert month_index("2025-12") == scenario.end


def test_the_page_has_the_table_of_the_shipped_fits() -> None:
    """`python -m sim.calibration.shipped` writes it."""
    text = PAGE.read_text(encoding="utf-8")
    assert page_with(text, shipped_table()) == text
    with pytest.raises(ValueError, match="lacks"):
        page_with("no marks", "")


def test_the_commands_of_the_page_exist() -> None:
    """Every command line of the page is understood: a dry run of each ends well."""
    lines = re.findall(r"^darkhorse (calibrate[^#\n]*)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 6
    for line in lines:
        result = CliRunner().invoke(app, [*line.split(), "--dry-run"])
        assert result.exit_code == 0, f"{line}: {result.output}"

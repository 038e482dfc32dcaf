"""Results in memory: they read like a folder of results and hold the same numbers."""

import numpy as np
import pytest

from sim.charts.data import COUNTERFACTUAL, MAIN, record_of
from sim.ensemble import Pace
from sim.held import HeldResults, held_run
from sim.history import Order, carry_out
from sim.plan import Plan, plan_run
from sim.results import OutputError, Results
from sim.scenario import load_scenario

MEASURES = ["token_share_abroad", "gap_months", "compute_owned"]
SETS = [
    "runs=5",
    "end=2023-06",
    "outputs.measures=[token_share_abroad,gap_months,compute_owned]",
    "outputs.at=[2023-06]",
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_run(load_scenario("deepseek_shock", SETS))


@pytest.fixture(scope="module")
def held(plan: Plan) -> HeldResults:
    return held_run(plan, range(5), MEASURES)


@pytest.fixture(scope="module")
def on_disk(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Results:
    return Results(carry_out(plan, Order(tmp_path_factory.mktemp("out"))).folder)


def test_the_same_numbers_as_on_disk(held: HeldResults, on_disk: Results) -> None:
    assert held.arms == on_disk.arms
    assert held.columns == on_disk.columns
    assert held.runs.tolist() == on_disk.runs.tolist() == [0, 1, 2, 3, 4]
    mine, theirs = held.read(held.columns), on_disk.read(on_disk.columns)
    for arm in held.arms:
        assert held.months(arm).tolist() == on_disk.months(arm).tolist()
        for column in held.columns:
            assert np.array_equal(mine[column][arm], theirs[column][arm], equal_nan=True), (column, arm)


def test_the_manifest_says_what_a_folder_says(held: HeldResults, on_disk: Results) -> None:
    same = ("kind", "name", "title", "seed", "runs", "scenario", "arms", "pairs", "at", "measures", "warnings")
    assert {key: held.manifest[key] for key in same} == {key: on_disk.manifest[key] for key in same}
    assert held.manifest["warnings"]


def test_charts_read_it(held: HeldResults, on_disk: Results) -> None:
    mine, theirs = record_of(held, ["main", "counterfactual"]), record_of(on_disk, ["main", "counterfactual"])
    assert set(mine.arms) == {MAIN, COUNTERFACTUAL}
    fans = [record.fan("compute_owned.CN", COUNTERFACTUAL) for record in (mine, theirs)]
    assert np.array_equal(fans[0].median, fans[1].median)
    assert np.array_equal(fans[0].bands[0][1], fans[1].bands[0][1])


def test_blocks_move_nothing(plan: Plan, held: HeldResults) -> None:
    split = held_run(plan, range(5), MEASURES, Pace(block=2))
    one = held_run(plan, [3], ["gap_months"])
    column = "gap_months.CN"
    assert np.array_equal(split.read([column])[column]["main"], held.read([column])[column]["main"], equal_nan=True)
    assert np.array_equal(one.read([column])[column]["main"][0], held.read([column])[column]["main"][3], equal_nan=True)
    assert one.runs.tolist() == [3]


def test_what_is_not_there_is_named(held: HeldResults) -> None:
    with pytest.raises(OutputError, match=r"hhi\.labs was not measured"):
        held.read(["gap_months.CN", "hhi.labs"])
    with pytest.raises(KeyError):
        held.record("nobody")
    with pytest.raises(OutputError, match="no arm third"):
        record_of(held, ["third"])

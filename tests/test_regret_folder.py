"""The command `regret` on planted sweeps: the robust choice by hand, fronts, worldviews, and how it ends."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from sim.analysis.objectives import objectives_of, weights_of
from sim.analysis.regret_study import Study, reference_of, study, values_of
from sim.analysis.regret_words import headline, statement
from sim.cli import app
from sim.experiments.sweep_results import Sweep
from tests.planted_sweeps import Folder, Spot, write_folder

GAP, LOST, HUB = "gap_months.CN@2027-12", "supplier_revenue_lost@mean", "hub_share.US@2027-12"
POLICIES = ("hold", "tight", "loose", "worse")
BASE = Spot("lift", baseline=4, role="baseline")


def held(draws: int = 60, changes: Mapping[str, np.ndarray] | None = None, **more: Any) -> Folder:
    """Four policies and a world without controls; `tight` dominates `worse`, and all share the differences of draws.

    Chinese lag in months, sales lost in M$ a month (72 months), US share of open models, by policy.
    """
    chance = np.random.default_rng(2)
    luck = chance.normal(0.0, 5.0, (1, draws, 1))
    level = {GAP: [2.0, 6.0, 1.0, 5.0, 0.0], LOST: [1000.0, 2000.0, 500.0, 2100.0, 0.0],
             HUB: [0.30, 0.34, 0.40, 0.33, 0.20]}  # fmt: skip
    outcomes = {name: np.array(values)[:, None, None] + 0.01 * abs(values[0]) * luck for name, values in level.items()}
    spots = [*(Spot(name, baseline=4) for name in POLICIES), BASE]
    return Folder(spots, {**outcomes, **(changes or {})}, **more)


def open_sweep(place: Path, folder: Folder) -> Sweep:
    return Sweep(write_folder(place, folder))


def study_of(*sweeps: Sweep, weights: str | None = None) -> Study:
    return study(sweeps, "sender", objectives_of(sweeps[0], "sender", [], None), weights_of(weights, 3))


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def json_of(*words: str) -> dict[str, Any]:
    result = call("regret", *words, "--json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_values_are_differences_from_the_common_baseline_with_the_better_larger(tmp_path: Path) -> None:
    sweep = open_sweep(tmp_path / "sweep", held())
    objectives = objectives_of(sweep, "sender", [], None)
    assert [objective.column for objective in objectives] == [GAP, LOST, HUB]
    assert reference_of(sweep) == 4
    values, lost = values_of(sweep, objectives)
    assert (values.shape, lost) == ((4, 60, 3), 0)
    assert values[1, 7] == pytest.approx([6.0, -2000.0 * 72 / 1000, 14.0])


def test_a_seed_counts_where_every_policy_has_every_value(tmp_path: Path) -> None:
    gap = np.zeros((5, 4, 2)) + np.array([0.0, 10.0])
    gap[1, 0, 1] = np.nan
    gap[2, 3] = np.nan
    gap[0] += 1.0
    others = {LOST: np.zeros((5, 4, 2)), HUB: np.zeros((5, 4, 2))}
    sweep = open_sweep(tmp_path / "sweep", held(4, {GAP: gap, **others}, failed=[3 * 8 + 1 * 2]))
    values, lost = values_of(sweep, objectives_of(sweep, "sender", [], None))
    assert lost == 1
    assert values[:, :, 0].tolist() == [[1.0] * 3, [0.0] * 3, [0.0] * 3, [0.0] * 3]


def test_the_robust_choice_by_hand(tmp_path: Path) -> None:
    found = study_of(open_sweep(tmp_path / "sweep", held()))
    world = found.worlds[0]
    assert found.scale == pytest.approx([5.0, 1600.0 * 0.072, 10.0])
    weighted = world.regret["weighted score"]
    # What each gives up in stakes: of the lag, of sales (M$ a month), of the share of open models.
    hold = (4.0 / 5.0 + 500.0 / 1600.0 + 10.0 / 10.0) / 3.0
    tight = (1500.0 / 1600.0 + 6.0 / 10.0) / 3.0
    loose = 5.0 / 5.0 / 3.0
    assert weighted.high[:3] == pytest.approx([hold - loose, tight - loose, 0.0], abs=1e-6)
    assert found.robust == [2]
    assert world.front.tolist() == [True, True, True, False]
    assert world.over[3] == 1
    assert world.front_share.tolist() == [1.0, 1.0, 1.0, 0.0]
    assert world.regret[GAP].most == pytest.approx([4.0, 0.0, 5.0, 1.0])


def test_weights_change_the_choice(tmp_path: Path) -> None:
    sweep = open_sweep(tmp_path / "sweep", held())
    assert study_of(sweep, weights="1,0,0").robust == [1]
    assert study_of(sweep, weights="0,1,1").robust == [2]
    wins = study_of(sweep).worlds[0].wins[0]
    assert wins.sum() == pytest.approx(1.0)
    assert wins[3] == 0.0
    assert 0.1 < wins[1] < 0.6


def test_ties_twins_and_objectives_that_nothing_moves_are_said(tmp_path: Path) -> None:
    gap = held().outcomes[GAP].copy()
    gap[3] = gap[1]
    same = {name: held().outcomes[name].copy() for name in (LOST, HUB)}
    for values in same.values():
        values[:] = values[0]
    found = study_of(open_sweep(tmp_path / "sweep", held(changes={GAP: gap, **same})))
    assert found.robust == [1, 3]
    assert found.twins == ((1, 3),)
    told = " ".join(statement(found).split())
    assert "Robust choice: tight or worse." in told
    assert "worse gives the same numbers as tight in every draw." in told
    assert "No policy moves chip sales lost, US share of open models: left out of the weighted score." in told


def test_worldviews_are_weighed_by_their_worst(tmp_path: Path) -> None:
    gap = held().outcomes[GAP].copy()
    gap[1] -= 10.0  # in the other worldview `tight` backfires
    first = open_sweep(tmp_path / "first", held(name="history"))
    second = open_sweep(tmp_path / "second", held(changes={GAP: gap}, name="backfire"))
    found = study_of(first, second, weights="1,0,0")
    assert [world.name for world in found.worlds] == ["history", "backfire"]
    assert found.spanning is not None
    # lag by policy: history 2 6 1 5, backfire 2 -4 1 5; stakes (5 + 9) / 2
    assert found.spanning.most * 7.0 == pytest.approx([4.0, 9.0, 5.0, 1.0])
    assert found.robust == [3]
    assert headline(found).startswith("Robust choice over 2 worldviews: worse, with at most 0.14 stakes")
    agreed = study_of(first, second, weights="0,1,1")
    assert headline(agreed) == "Robust choice over 2 worldviews: loose, the best on average in each of them."
    told = json_of(str(first.folder), str(second.folder), "--no-charts")
    assert [world["name"] for world in told["worldviews"]] == ["history", "backfire"]
    assert {row["worldview"] for row in told["rows"]["regret.csv"]} == {"history", "backfire", "all worldviews"}


def test_worldviews_need_the_same_policies(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "first", held())
    planted = held()
    renamed = Folder([Spot("other", baseline=4), *planted.spots[1:]], planted.outcomes)
    result = call("regret", str(first), str(write_folder(tmp_path / "second", renamed)))
    assert result.exit_code == 2
    assert "its policies are not those of the first sweep" in result.stderr


def test_the_command_writes_tables_words_and_charts(tmp_path: Path) -> None:
    place = write_folder(tmp_path / "sweep", held())
    result = call("regret", str(place))
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert "for the sender of the controls (US)?" in told
    assert "Robust choice: loose." in told
    assert "Dominated: worse by tight." in told
    folder = next(place.glob("regret-*"))
    figures = sorted(path.name for path in (folder / "figures").iterdir())
    assert figures == [f"{name}.{kind}" for name in ("01_front", "02_regret") for kind in ("png", "svg", "txt")]
    assert "hold, tight and loose are worth choosing from" in (folder / "figures" / "01_front.txt").read_text("utf-8")
    assert "Loose has the least regret" in (folder / "figures" / "02_regret.txt").read_text("utf-8")


def test_results_are_found_again_and_the_same_when_forced(tmp_path: Path) -> None:
    place = str(write_folder(tmp_path / "sweep", held()))
    first = json_of(place, "--no-charts")
    assert json_of(place, "--no-charts")["status"] == "found"
    assert json_of(place, "--no-charts", "--force")["tables"] == first["tables"]
    assert json_of(place, "--no-charts", "--weights", "2,1,1")["folder"] != first["folder"]
    assert first["robust"] == ["loose"]
    assert first["reference"] == "lift"
    front = {row["policy"]: row for row in first["rows"]["front.csv"] if row["objective"] == LOST}
    assert front["hold"]["mean"] == "72"
    assert (front["worse"]["on_front"], front["worse"]["dominated_by"]) == ("0", "tight")
    shares = [float(row["best"]) for row in first["rows"]["regret.csv"] if row["objective"] == GAP]
    assert shares == [0.0, 1.0, 0.0, 0.0]


def test_own_objectives(tmp_path: Path) -> None:
    place = str(write_folder(tmp_path / "sweep", held()))
    words = ("--objective", "gap_months.CN:lower", "--objective", "hub_share.US@2027-12:higher", "--no-charts")
    told = json_of(place, *words)
    assert told["side"] == "own objectives"
    assert [(o["column"], o["higher"], o["unit"]) for o in told["objectives"]] == [
        (GAP, False, "months"),
        (HUB, True, "points"),
    ]
    assert told["robust"] == ["loose"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--side", "sendr"], "Did you mean sender?"),
        (["--side", "challenger"], "token_share_abroad.CN@2027-12 was not recorded"),
        (["--weights", "1,2"], "are no weights for 3 objectives"),
        (["--weights", "0,0,0"], "are no weights"),
        (["--weights", "1,nan,1"], "are no weights"),
        (["--at", "2040-01"], "nothing was recorded @2040-01"),
        (["--objective", "gap_months.CN"], "is not an objective"),
        (["--objective", "gap_months.CN:higher"], "needs two objectives"),
        (["--objective", "gap_months.CN:higher", "--objective", "hub_shar.US:higher"], "Did you mean hub_share.US@"),
    ],
)
def test_bad_options_end_with_2_and_write_nothing(tmp_path: Path, words: list[str], named: str) -> None:
    place = write_folder(tmp_path / "sweep", held())
    before = sorted(place.rglob("*"))
    result = call("regret", str(place), *words)
    assert result.exit_code == 2
    assert named in result.stderr
    assert sorted(place.rglob("*")) == before


def test_one_policy_or_no_draw_is_refused(tmp_path: Path) -> None:
    planted = held()
    spots = [Spot("hold", baseline=1), Spot("lift", baseline=1, role="baseline")]
    alone = Folder(spots, {name: values[[0, 4]] for name, values in planted.outcomes.items()})
    result = call("regret", str(write_folder(tmp_path / "alone", alone)))
    assert (result.exit_code, "the sweep has 1 points" in result.stderr) == (2, True)
    empty = held(changes={GAP: np.full((5, 60, 1), np.nan)})
    result = call("regret", str(write_folder(tmp_path / "empty", empty)))
    assert (result.exit_code, "fewer than two draws" in result.stderr) == (2, True)


def test_a_folder_that_is_no_sweep_ends_with_1(tmp_path: Path) -> None:
    assert call("regret", str(tmp_path)).exit_code == 1


def test_few_draws_are_said(tmp_path: Path) -> None:
    found = study_of(open_sweep(tmp_path / "sweep", held(draws=12)))
    assert "has 12 draws; the high regret rests on two or three of them" in " ".join(statement(found).split())

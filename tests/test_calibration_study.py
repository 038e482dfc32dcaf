"""A calibration as a study: what it sees, what it writes, what it keeps and finds again; the command; end to end."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

import sim.calibration.play
import sim.calibration.study
from sim.arrays import Array, Whole
from sim.calibration.fitted import fitted_targets
from sim.calibration.luck import normals
from sim.calibration.page import page
from sim.calibration.play import Player
from sim.calibration.study import FACTS as TARGET_TABLE
from sim.calibration.study import IDENTIFIABILITY, PAGE, POSTERIOR, SCORES, Pace, Question, ask, study_of
from sim.calibration.unknowns import prior_rows, unknowns
from sim.cli import app
from sim.data import Table, Tables, load_tables
from sim.posterior import load_posterior
from sim.results import MANIFEST
from sim.studies import Order, fulfil

FEW = {"points": 256, "steps": 100, "draws": 16}
KEPT = "wave*.npz"


class Counted:
    """A stand-in for the model: every target a fixed linear function of the scores; `calls` counts waves computed."""

    def __init__(self) -> None:
        self.calls = 0
        self.stop_at = 0

    def compute(self, player: Player, scores: Array, chances: Whole) -> tuple[Array, Array]:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        width = len(player.targets.rows)
        slope = normals(7, "toy", scores.shape[1], 200)[:, :width] / np.sqrt(scores.shape[1])
        stated = player.targets.observed + 0.3 + scores @ slope
        last = 1.0 / (1.0 + np.exp(-scores[:, : len(player.columns)]))
        return np.asarray(stated, dtype=np.float64), np.asarray(last, dtype=np.float64)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Counted:
    counted = Counted()
    monkeypatch.setattr(Player, "_compute", lambda self, scores, chances: counted.compute(self, scores, chances))
    return counted


def question(until: str = "2024-12", slack: bool = False) -> Question:
    asked = ask("history_hold", until, True, 7, slack, FEW)
    return replace(asked, effort=replace(asked.effort, wave_steps=60, recovered=3, recover_steps=60, most=8))


def files_of(asked: Question, folder: Path, jobs: int = 1) -> Mapping[str, bytes]:
    folder.mkdir(exist_ok=True)
    return study_of(asked, Pace(jobs)).compute(folder)[0]


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_the_same_question_gives_the_same_bytes_and_nothing_later_is_seen(
    toy: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = files_of(question(), tmp_path / "a")
    assert files_of(question(), tmp_path / "b") == first
    tables = load_tables()

    def changed(after: bool) -> Tables:
        rows = [
            {**row, "observed": float(row["observed"]) * 0.9}
            if row["formula"] != "none" and row["role"] == "FITTED" and (str(row["date"]) > "2024-12") == after else row
            for row in tables.targets.rows
        ]  # fmt: skip
        assert rows != tables.targets.rows
        return replace(tables, targets=Table("targets", rows))

    monkeypatch.setattr(sim.calibration.study, "load_tables", lambda: changed(True))
    assert files_of(question(), tmp_path / "c") == first, "a later row must not matter"
    monkeypatch.setattr(sim.calibration.study, "load_tables", lambda: changed(False))
    told = study_of(question(), Pace(1)).compute(tmp_path / "a")[0]
    assert rows_of(told[TARGET_TABLE]) != rows_of(first[TARGET_TABLE]), "an earlier one must"


def test_files_agree_with_one_another(toy: Counted, tmp_path: Path) -> None:
    asked = question()
    files, told = study_of(asked, Pace(1)).compute(tmp_path)
    table = rows_of(files[POSTERIOR])
    assert len(table) == asked.effort.draws
    assert sum(float(row["weight"]) for row in table) == pytest.approx(1.0, abs=1e-4)
    columns, of_labs = list(table[0])[2:], {row["name"] for row in prior_rows()}
    assert [name for name in columns if name in told["names_fitted"]] == told["names_fitted"]
    assert of_labs <= set(columns), "labs.csv must not step in for a lab's number that was not fitted"
    assert set(columns) <= of_labs | set(told["names_fitted"])
    assert set(told["contraction"]) == set(told["shift"]) == set(told["names_fitted"])
    named = rows_of(files[IDENTIFIABILITY])
    assert {row["name"] for row in named} == set(told["names_fitted"])
    contractions = [float(row["contraction"]) for row in named]
    assert contractions == sorted(contractions, reverse=True)
    assert told["learnt"] == [row["name"] for row in named if float(row["contraction"]) >= 0.3]
    stated = rows_of(files[TARGET_TABLE])
    assert sum(row["role"] == "FITTED" for row in stated) == told["targets_fitted"]
    assert all(row["date"] <= asked.until for row in stated)
    for row in stated:
        inside = float(row["posterior_p05"]) <= float(row["observed"]) <= float(row["posterior_p95"])
        assert int(row["inside_90"]) == inside, "inside means between the ends of the band"
    with np.load(io.BytesIO(files[SCORES])) as stored:
        assert list(stored["names"]) == told["names_fitted"]
        assert stored["chain"].shape[2] == len(told["names_fitted"])
    text = files[PAGE].decode()
    for heading in ("What was fitted", "Diagnostics", "Ridges", "Targets", "HELD OUT", "How to reproduce"):
        assert heading in text
    assert all(f"`{name}`" in text for name in told["names_fitted"])
    assert f"--until {asked.until}" in text
    assert json.loads(files["posterior.json"])["fitted_to"] == asked.until


def test_the_scarcity_response_is_fitted_where_it_is_asked_for(toy: Counted, tmp_path: Path) -> None:
    """The toy follows every name a little: the response is among the fitted names though others are stronger."""
    _, told = study_of(question(slack=True), Pace(1)).compute(tmp_path)
    assert "research.slack" in told["names_fitted"]
    found = told["scarcity_response"]
    assert found["prior_p05"] == pytest.approx(-0.54)
    assert found["prior_p05"] - 0.06 <= found["p05"] < found["p50"] < found["p95"] <= found["prior_p95"] + 0.06
    assert 0.0 <= found["above_zero"] <= 1.0


def test_the_page_gives_no_number_for_what_cannot_be_told_apart() -> None:
    level = {f"{kind}_{end}": 1.23 for kind in ("prior", "posterior") for end in ("p05", "p95")}
    recovered = {"recovered_contraction": 0.4, "recovered_correlation": 0.9, "recovered_coverage": 0.9}
    learnt = [
        {"name": name, **level, "posterior_p50": middle, "contraction": narrowed, "verdict": verdict, **recovered}
        for name, middle, narrowed, verdict in (
            ("a.free", 7.77, 0.5, "learnt"), ("b.tied", 8.88, 0.45, "learnt"), ("c.vague", 9.99, 0.2, "little"),
        )
    ]  # fmt: skip
    told: dict[str, Any] = {
        "fitted_to": "2024-12", "scenario_name": "history_hold", "slack": True, "fit_seed": 1, "targets_fitted": 4,
        "names_drawn": 9, "names_fitted": ["a.free", "b.tied", "c.vague"], "learnt": ["a.free", "b.tied"],
        "effort": {"heats": (2.0,), "points": 8, "draws": 4, "chances": 1, "steps": 10},
        "r_hat": 1.2, "ess": 50.0, "accepted": 0.4, "pareto_k": 1.1, "effective_draws": 2.0, "space_left": [0.5, 0.4],
        "explained": {"median": 0.4, "least": 0.1}, "recovered_coverage": 0.9, "recovered_worlds": 6,
        "singular_values": [2.0, 0.5, 0.1], "rank": 1, "warnings": ["R-hat reaches 1.200"],
        "ridges": [{"names": ["b.tied", "c.vague"], "correlation": -0.7}],
        "scarcity_response": {"prior_p05": -0.54, "prior_p95": 0.54, "p05": -0.5, "p50": 0.05, "p95": 0.5,
                              "above_zero": 0.55},
    }  # fmt: skip
    text = page("Title", told, learnt, [])
    assert "7.77" in text
    assert "8.88" not in text
    assert "9.99" not in text
    assert "| `b.tied` | `c.vague` | -0.70 |" in text
    assert "**Warning:** R-hat reaches 1.200" in text
    assert "to be doubted" not in text
    learnt[0]["recovered_correlation"] = 0.1
    assert "so to be doubted: `a.free`." in page("Title", told, learnt, [])
    assert "do not fix its sign" in text


def test_a_killed_calibration_goes_on_after_its_last_wave(toy: Counted, tmp_path: Path) -> None:
    toy.stop_at = 3
    study = study_of(question(), Pace(1))
    with pytest.raises(KeyboardInterrupt):
        fulfil(study, Order(tmp_path))
    (folder,) = tmp_path.iterdir()
    assert not (folder / MANIFEST).exists()
    assert len(list(folder.glob(KEPT))) == 2
    toy.calls = toy.stop_at = 0
    outcome = fulfil(study, Order(tmp_path))
    assert toy.calls == 1, "only the runs at the draws are left to compute"
    assert not outcome.found
    assert [path.name for path in outcome.folder.glob("*.npz")] == [SCORES]
    again = fulfil(study, Order(tmp_path))
    assert again.found
    assert toy.calls == 1
    fulfil(study, Order(tmp_path, force=True))
    assert toy.calls == 4


def test_other_points_are_another_wave(toy: Counted, tmp_path: Path) -> None:
    found = unknowns("history_hold", "2024-12")
    player = Player(found, fitted_targets(load_tables(), "2024-12"), 1, tmp_path)
    scores, chances = normals(1, "x", 8, len(found.names)), np.arange(8)
    player.play(scores, chances, "wave1")
    player.play(scores, chances, "wave1")
    assert toy.calls == 1
    player.play(scores + 0.1, chances, "wave1")
    player.play(scores, chances + 1, "wave1")
    assert toy.calls == 3


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.chdir(tmp_path)
    yield lambda *words: CliRunner().invoke(app, ["calibrate", *words, "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists(), "nothing is written where the input is bad, or by a dry run"


def wrong(result: Result, *texts: str) -> None:
    assert result.exit_code == 2, result.output
    for text in texts:
        assert text in " ".join(result.output.split())


def test_bad_input_is_told_what_to_do(run: Any, tmp_path: Path) -> None:
    wrong(run("--until", "2024-13"), "2024-13")
    wrong(run("--until", "soon"), "soon")
    wrong(run("--until", "2022-01"), "nothing to fit up to 2022-01", "or later")
    wrong(run("no_such_scenario"), "no_such_scenario")
    wrong(run("--ship", "--slack"), "--slack")
    wrong(run("--ship", "--until", "2026-12"), "--until", "2025-12 or earlier")
    wrong(run("no_chinese_labs", "--ship"), "--ship", "history_hold")
    wrong(run("--points", "10"), "--points")
    file = tmp_path / "file"
    file.write_text("")
    wrong(CliRunner().invoke(app, ["calibrate", "--out", str(file)]), "not a folder")


@pytest.mark.parametrize("package", ["emcee", "arviz"])
def test_a_missing_package_is_named(run: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    wrong(run("--quick"), package, "darkhorse[calibrate]")


def test_a_dry_run_says_how_much_and_writes_nothing(run: Any) -> None:
    result = run("--quick", "--points", "512", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["status"] == "planned"
    assert told["effort"]["points"] == 512
    assert told["runs"] == 512 * 2 + told["effort"]["draws"] * told["effort"]["chances"]
    slack = json.loads(run("--quick", "--points", "512", "--slack", "--dry-run", "--json").output)
    assert "-slack-" in slack["folder"]
    assert slack["folder"] != told["folder"]


@pytest.mark.slow
def test_end_to_end_on_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine itself: jobs move no byte, the table can be drawn from, the charts are drawn, recovery is sane."""
    monkeypatch.setattr(sim.calibration.play, "DEFAULT_BLOCK", 96)
    asked = question("2023-12")
    alone, together = files_of(asked, tmp_path / "one", 1), files_of(asked, tmp_path / "two", 2)
    assert alone == together
    command = ["calibrate", "--until", "2023-12", "--quick", "--points", "256", "--steps", "150", "--draws", "16",
               "--jobs", "1", "--json", "--out", str(tmp_path / "out")]  # fmt: skip
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    folder = Path(told["folder"])
    assert {path.name for path in folder.iterdir()} >= {*told["tables"], "figures", MANIFEST}
    figures = {Path(name).name for name in told["figures"]}
    for chart in ("01_prior_and_posterior", "02_targets_fitted", "03_identifiability", "04_trace", "05_pairs",
                  "06_singular_values"):  # fmt: skip
        for end in ("png", "svg", "txt"):
            assert f"{chart}.{end}" in figures or (folder / "figures" / f"{chart}.{end}").stat().st_size > 20
    assert 0.0 < told["space_left"][-1] <= 1.0
    assert told["recovered_coverage"] > 0.7
    fit = load_posterior(str(folder / POSTERIOR))
    assert [name for name in fit.values if name in told["names_fitted"]] == told["names_fitted"]

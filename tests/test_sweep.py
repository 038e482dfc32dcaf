"""A sweep from end to end: its tables, its effects, and the same bits however it is computed."""

import csv
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from sim.cli import app
from sim.compare import paired_difference
from sim.engine import Engine
from sim.experiments.batch import How
from sim.experiments.effects import Effect, effect, few_draws, level
from sim.experiments.experiment import POINT, Experiment, plan_experiment
from sim.experiments.outcomes import keep
from sim.experiments.sweep import Order, Swept, carry_out_sweep, merge, read_experiment
from sim.experiments.sweep_replay import replay
from sim.experiments.sweep_results import Sweep
from sim.experiments.table_digest import folder_digest
from sim.results import OutputError
from tests.source_code import ROOT

SHORT = ["world.base=prior", "end=2023-02", "outputs.at=[]"]
HERE = How(executor="here")


def plan(**changes: Any) -> Experiment:
    """A small experiment on the main scenario."""
    known = {"vary": {"strictness": [0.0, 0.5, 1.0]}, "draws": 5, "seeds": 2, "series": ["token_share.open"]}
    return plan_experiment("deepseek_shock", SHORT, {**known, **changes})


def swept(tmp_path: Path, experiment: Experiment, how: How = HERE) -> Swept:
    """The experiment, computed below a folder."""
    return carry_out_sweep(experiment, Order(tmp_path, how))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sweep."""
    return swept(tmp_path_factory.mktemp("sweep"), plan()).folder


def test_every_run_is_what_the_engine_gives_for_it(folder: Path) -> None:
    experiment, sweep = read_experiment(folder), Sweep(folder)
    lot = experiment.lot()
    for row in (0, 7, len(lot) - 1):
        record = Engine(lot.take(np.array([row]))).run()
        path = record.values[0, :, record.columns.index("compute_owned.CN")]
        for end, number in {"2023-02": path[-1], "mean": path.mean(), "min": path.min(), "max": path.max()}.items():
            found = sweep.read([f"compute_owned.CN@{end}"])[f"compute_owned.CN@{end}"][row]
            assert found == pytest.approx(number, rel=1e-13), end
        series = record.values[0, :, record.columns.index("token_share.open")]
        point, draw, seed = np.unravel_index(row, sweep.shape)
        assert np.array_equal(sweep.series("token_share.open")[point, draw, seed], series.astype(np.float32))


def test_runs_have_their_point_draw_seed_levers_and_parameters(folder: Path) -> None:
    table, sweep = pd.read_parquet(folder / "runs.parquet"), Sweep(folder)
    assert table["run"].tolist() == list(range(len(table)))
    assert table.groupby("point").size().tolist() == [10] * len(sweep.points)
    assert set(table["status"]) == {"ok"}
    lever = "policies.dials.export_controls.strictness"
    for point in sweep.points:
        assert set(table.loc[table["point"] == point.number, lever]) == {point.values[lever]}
    by_draw = table.groupby("draw")["world.chip_market.diverted_share"].nunique()
    assert (by_draw == 1).all()
    assert table["world.chip_market.diverted_share"].nunique() == 5
    assert not table.filter(like="@").isna().all(axis=0).any()


def test_tables_can_be_queried(folder: Path) -> None:
    column = '"gap_months.CN@2023-02"'
    query = f"select point, avg({column}) from '{folder / 'runs.parquet'}' group by point order by point"
    means = [row[1] for row in duckdb.connect().execute(query).fetchall()]
    assert means == pytest.approx(Sweep(folder).grid("gap_months.CN@2023-02").mean(axis=(1, 2)))


def test_summary_and_effects_are_those_of_the_runs(folder: Path) -> None:
    sweep = Sweep(folder)
    for row in sweep.summary()[::17]:
        values = sweep.grid(f"{row['outcome']}@{row['at']}")[int(row["point"])]
        assert float(row["mean"]) == pytest.approx(values.mean(), rel=1e-9, abs=1e-12)
        assert float(row["p50"]) == pytest.approx(np.median(values), rel=1e-9, abs=1e-12)
    for row in sweep.effects()[::13]:
        values, against = (part[int(row["point"])] for part in sweep.paired(f"{row['outcome']}@{row['at']}"))
        assert float(row["mean"]) == pytest.approx((values - against).mean(), rel=1e-8, abs=1e-12)
        same = paired_difference(values.ravel(), against.ravel())
        assert float(row["median"]) == pytest.approx(same.median, rel=1e-8, abs=1e-12)
        assert float(row["share_positive"]) == pytest.approx(same.share_positive)


def test_a_null_policy_has_effects_of_exactly_zero(tmp_path: Path) -> None:
    policies = {"hold": "as_written", "the same in other words": {"strictness": 0.5}, "lift": "counterfactual"}
    sweep = Sweep(swept(tmp_path, plan(policies=policies, vary={}, baseline="as_written")).folder)
    assert len({point.number for point in sweep.points}) == 3
    null = [row for row in sweep.effects() if row["policy"] == "the same in other words"]
    assert {(row["mean"], row["p05"], row["p95"], row["mc_error"]) for row in null} == {("0", "0", "0", "0")}
    lifted = [row for row in sweep.effects() if row["policy"] == "lift" and row["outcome"] == "compute_owned.CN"]
    assert {float(row["mean"]) > 0.0 for row in lifted if row["at"] == "2023-02"} == {True}


def test_numbers_of_a_lab_may_vary(tmp_path: Path) -> None:
    policies = {"plain": "as_written", "unknown": {"world.labs.DeepSeek.lab_effect": {"min": 0.0, "max": 1.0}}}
    vary = {"world.labs.Moonshot.entry": ["2022-02", "never"]}
    sweep = Sweep(swept(tmp_path, plan(policies=policies, vary=vary, baseline="plain", seeds=1)).folder)
    table = sweep.read(["world.labs.DeepSeek.lab_effect", "policy"])
    drawn = ~np.isnan(table["world.labs.DeepSeek.lab_effect"])
    assert (drawn == (table["policy"] == "unknown")).all()
    assert not sweep.failed().any()


def test_a_finished_sweep_is_found(folder: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    again = swept(folder.parent, plan(), How(executor="nobody"))
    assert again.found
    assert again.folder == folder
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    assert not (folder / "parts").exists()


def test_the_manifest_says_what_it_rests_on(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["digests"]["values"] == folder_digest(folder)
    assert manifest["points"] * manifest["draws"] * manifest["seeds"] == manifest["runs"] == 40
    assert manifest["warnings"] == [few_draws(5)]
    assert manifest["against"] == "Same world without chip controls"
    assert manifest["scenario"]["name"] == "deepseek_shock"
    assert len(manifest["digests"]["code"]) == 64


def test_any_run_can_be_replayed(folder: Path) -> None:
    found = replay(folder, 23)
    assert found.equal
    assert found.text == "equal to the record, bit for bit"
    assert (found.point, found.draw, found.seed) == (2, 1, 1)
    with pytest.raises(OutputError, match="no run 40"):
        replay(folder, 40)


def test_a_changed_table_is_noticed(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / folder.name
    copy.mkdir()
    for path in folder.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    with (copy / "effects.csv").open("a") as stream:
        stream.write("\n")
    with pytest.raises(OutputError, match=r"effects\.csv is not as it was written"):
        swept(tmp_path, plan())


def test_shards_and_merge_give_the_same_numbers(folder: Path, tmp_path: Path) -> None:
    experiment = plan(draws=100)
    whole = swept(tmp_path / "whole", experiment)
    for number in (3, 1):
        part = swept(tmp_path / "shards", experiment, replace(HERE, shard=(number, 3)))
        assert part.missing > 0
        with pytest.raises(OutputError, match="wait for the other shards"):
            merge(part.folder)
    last = swept(tmp_path / "shards", experiment, replace(HERE, shard=(2, 3)))
    assert last.missing == 0
    assert merge(last.folder).manifest["digests"]["values"] == whole.manifest["digests"]["values"]


@pytest.mark.slow
@pytest.mark.parametrize("how", [How(jobs=2), How("dask", jobs=2), How(jobs=1)], ids=["processes", "dask", "one"])
def test_executors_and_workers_move_no_bit(how: How, tmp_path: Path) -> None:
    experiment = plan(draws=120)
    here = swept(tmp_path / "here", experiment)
    there = swept(tmp_path / "there", experiment, how)
    assert there.manifest["digests"]["values"] == here.manifest["digests"]["values"]


@pytest.mark.slow
def test_two_hash_seeds_give_the_same_digest_on_the_command_line(tmp_path: Path) -> None:
    digests = set()
    for seed in ("1", "2"):
        words = [
            sys.executable,
            "-m",
            "sim",
            "sweep",
            "deepseek_shock",
            "--vary",
            "strictness=0,1",
            "--draws",
            "40",
            "--set",
            "end=2022-06",
            "--set",
            "outputs.at=[]",
            "--no-charts",
            "--json",
            "--out",
            str(tmp_path / seed),
        ]
        done = subprocess.run(
            words, env={**os.environ, "PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True, check=True
        )
        folder = json.loads(done.stdout)["folder"]
        shown = subprocess.run(
            [sys.executable, "-m", "sim", "digest", folder], cwd=ROOT, capture_output=True, check=True
        )
        digests.add((Path(folder).name, shown.stdout))
    assert len(digests) == 1


def test_effects_of_a_hand_worked_example() -> None:
    values, base = np.array([[3.0, 5.0], [2.0, 2.0], [4.0, 6.0]]), np.array([[1.0, 2.0], [1.0, 1.0], [1.0, 2.0]])
    found = effect(values, base)  # differences 2 3 | 1 1 | 3 4, means by draw 2.5 1 3.5
    assert found.mean == pytest.approx(14 / 6)
    assert found.mc_error == pytest.approx(np.sqrt(np.var([2.5, 1.0, 3.5], ddof=1) / 3))
    assert found.ci95_high - found.mean == pytest.approx(4.302653 * found.mc_error, rel=1e-6)
    assert found.effective_runs == pytest.approx(np.var([2, 3, 1, 1, 3, 4], ddof=1) / found.mc_error**2)
    unpaired = np.var([4.0, 2.0, 5.0], ddof=1) + np.var([1.5, 1.0, 1.5], ddof=1)
    assert found.variance_reduction == pytest.approx(unpaired / np.var([2.5, 1.0, 3.5], ddof=1))
    assert found.share_positive == 1.0


def test_effects_leave_out_pairs_without_a_value_and_say_how_many() -> None:
    values, base = np.array([[1.0], [np.nan], [3.0]]), np.array([[0.0], [0.0], [np.nan]])
    assert effect(values, base).runs == 1
    assert np.isnan(effect(values, base).mc_error)
    nothing = effect(values[1:], base[1:])
    assert nothing.runs == 0
    assert np.isnan(nothing.mean)
    assert level(values).runs == 2
    assert level(values[1:2]).runs == 0


def test_identical_worlds_have_no_effect_and_full_weight() -> None:
    values = np.arange(8.0).reshape(4, 2)
    expected = Effect(8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 8.0, np.nan)
    assert str(effect(values, values)) == str(expected)
    with pytest.raises(ValueError, match="paired runs"):
        effect(values, values[:3])


def test_pairing_needs_fewer_draws_where_worlds_share_their_luck(folder: Path) -> None:
    with (folder / "effects.csv").open(newline="") as stream:
        rows = [
            row for row in csv.DictReader(stream) if row["outcome"] == "compute_owned.CN" and row["at"] == "2023-02"
        ]
    factors = [float(row["variance_reduction"]) for row in rows if float(row["mean"]) != 0.0]
    assert len(factors) == 2
    assert min(factors) > 2.0


def test_what_is_kept_of_a_block_depends_on_no_other_run() -> None:
    experiment = plan()
    assert {point.role for point in experiment.points} >= {POINT}
    lot = experiment.lot()
    whole = keep(lot, experiment.ask)
    some = keep(lot.take(np.array([31, 4])), experiment.ask)
    assert np.array_equal(some.values, whole.values[[31, 4]], equal_nan=True)
    assert np.array_equal(some.series, whole.series[[31, 4]])


def test_the_terminal_tells_units_and_counts_points_without_baselines(tmp_path: Path) -> None:
    """The printed table has a row of units; what is only there to be compared with is counted apart."""
    words = ["sweep", "deepseek_shock", "--vary", "diffusion=0,1", "--draws", "2", "--executor", "here", "--no-charts",
             "--out", str(tmp_path), *(word for text in SHORT for word in ("--set", text))]  # fmt: skip
    done, dry = (CliRunner().invoke(app, [*words, *more]) for more in ([], ["--dry-run"]))
    assert done.exit_code == dry.exit_code == 0, done.output
    size = "2 points and 2 baselines x 2 draws x 1 seed"
    title, what, _, header, units, *_ = done.stdout.splitlines()
    assert title.endswith(f": {size}")
    assert what.endswith("; shares run from 0 to 1")
    assert dry.stdout.startswith(f"{size} = 8 runs")
    places = [header.index(name) for name in ("frontier_capability.CN", "gap_months.CN", "token_share_abroad.CN")]
    assert [units[place:].split("  ")[0] for place in places] == ["ECI", "months", "share of tokens abroad"]
    told = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert (told["points"], told["baselines"], told["runs"]) == (2, 2, 8)

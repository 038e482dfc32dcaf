"""The command `discover` on planted sweeps: what it finds, says, writes and draws, and how it ends."""

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from sim.analysis import discovery
from sim.analysis.condition import parse
from sim.analysis.discovery import Rule
from sim.analysis.discovery_study import study
from sim.analysis.discovery_words import headline, limit_words, statement
from sim.analysis.sweep_cases import Dimension, cases_of
from sim.cli import app
from sim.errors import InputError
from sim.experiments.sweep_results import Sweep
from tests.planted_sweeps import RATIONING, STRICT, Folder, Spot, write_folder

GAP, FRONTIER = "gap_months.CN", "frontier_capability.CN"
V0 = "chip_market.no_control_share"
WHEN = f"{GAP} > baseline"


def held(draws: int = 150, seeds: int = 1) -> Folder:
    """The gap rises above its baseline where v0 is above 0.22 and strictness is 0.5 or more, and in 1 run of 20."""
    chance = np.random.default_rng(11)
    spots = [
        *(Spot(values={STRICT: strict, RATIONING: way}, baseline=base)
          for way, base in (("price", 6), ("quota", 7)) for strict in (0.25, 0.5, 1.0)),
        *(Spot(values={STRICT: 0.0, RATIONING: way}, baseline=base, role="baseline")
          for way, base in (("price", 6), ("quota", 7))),
    ]  # fmt: skip
    drawn = {V0: chance.uniform(0.14, 0.29, draws), "research.slack": chance.random(draws)}
    drawn |= {f"noise.n{place}": chance.random(draws) for place in range(6)}
    level = np.broadcast_to(chance.normal(size=(1, draws, seeds)), (8, draws, seeds))
    strict = np.array([spot.values[STRICT] for spot in spots])[:, None, None]
    above = (drawn[V0] > 0.22)[None, :, None] & (strict >= 0.5) | (chance.random((8, draws, seeds)) < 0.05)
    effect = np.where(strict == 0.0, 0.0, np.where(above, 1.0, -1.0))
    shares = chance.random((8, draws, seeds))
    outcomes = {f"{GAP}@2027-12": level + effect, f"{GAP}@2025-12": level, f"{GAP}@mean": level + 0.5 * effect}
    return Folder(spots, outcomes | {f"hhi.labs@{end}": shares for end in ("2025-12", "2027-12", "mean")}, drawn)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("whole") / "sweep-planted-0123456789", held())


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy that a test may write into; checks with one deal of three folds."""
    monkeypatch.setattr(discovery, "REPEATS", 1)
    monkeypatch.setattr(discovery, "FOLDS", 3)
    return Path(shutil.copytree(whole, tmp_path / whole.name))


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return found


def condition(sweep: Sweep, text: str) -> Any:
    return parse(text, sweep.outcomes, sweep.at)


# Cases


def test_cases_are_the_runs_with_a_baseline_and_what_varies_between_them(whole: Path) -> None:
    sweep = Sweep(whole)
    table = cases_of(sweep, condition(sweep, WHEN))
    assert (len(table.cases), table.points, table.own_baseline) == (900, 6, 300)
    assert (table.failed, table.undefined, table.unused) == (0, 0, ())
    assert table.rows.tolist() == list(range(900))
    assert table.cases.draw[:3].tolist() == [0, 1, 2]
    assert table.cases.draw[150] == 0
    names = set(table.cases.names)
    assert {STRICT, f"{RATIONING}=quota", f"world.{V0}"} <= names
    assert not any("price" in name or name.startswith("policy") for name in names)
    assert set(table.cases.column(f"{RATIONING}=quota")[:450]) == {0.0}
    v0 = table.dimensions[f"world.{V0}"]
    assert (v0.label, v0.unit) == (V0, "share of NVIDIA output")
    assert "(v0)" in v0.phrase
    number = cases_of(sweep, condition(sweep, "hhi.labs > 0.5"))
    assert (len(number.cases), number.own_baseline) == (900, 300)


def test_failed_and_undefined_runs_are_left_out_and_counted(tmp_path: Path) -> None:
    planted = held(draws=40)
    gap = planted.outcomes[f"{GAP}@2027-12"].copy()
    gap[0, 3], gap[6, 5] = np.nan, np.nan
    drawn = {**planted.drawn, "research.slack": np.where(np.arange(40) == 1, np.inf, planted.drawn["research.slack"])}
    broken = Folder(planted.spots, {**planted.outcomes, f"{GAP}@2027-12": gap}, drawn, failed=[7, 40 * 6 + 9])
    sweep = Sweep(write_folder(tmp_path / "sweep", broken))
    table = cases_of(sweep, condition(sweep, WHEN))
    assert table.failed == 1 + 3
    assert table.undefined == 1 + 3
    assert len(table.cases) == 240 - 8
    assert table.unused == ("world.research.slack",)
    assert "world.research.slack" not in table.cases.names


def test_a_sweep_without_a_baseline_has_conditions_on_numbers_only(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((2, 30, 1))
    spots = [Spot(values={STRICT: 0.0}, baseline=0), Spot(values={STRICT: 1.0}, baseline=1)]
    sweep = Sweep(write_folder(tmp_path / "sweep", Folder(spots, {f"{GAP}@2027-12": values})))
    with pytest.raises(InputError, match="its own baseline"):
        cases_of(sweep, condition(sweep, WHEN))
    assert len(cases_of(sweep, condition(sweep, f"{GAP} > 0.5")).cases) == 60


def test_policies_become_conditions(tmp_path: Path) -> None:
    values = np.random.default_rng(0).random((3, 30, 1))
    spots = [Spot("hold"), Spot("tight"), Spot("loose")]
    sweep = Sweep(write_folder(tmp_path / "sweep", Folder(spots, {f"{GAP}@2027-12": values})))
    table = cases_of(sweep, condition(sweep, f"{GAP} > 0.5"))
    assert table.cases.names == ("policy=hold", "policy=loose", "policy=tight")
    assert table.cases.x.sum(axis=1).tolist() == [1.0] * 90


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.4, np.inf, "enforcement is at least 0.4 share"),
        (-np.inf, 0.4, "enforcement is at most 0.4 share"),
        (0.1, 0.4, "enforcement lies between 0.1 and 0.4 share"),
        (0.5, 0.5, "enforcement is 0.5 share"),
    ],
)
def test_limits_in_words(low: float, high: float, words: str) -> None:
    assert limit_words(Dimension("x", "enforcement", "share", ""), low, high) == words


def test_categories_in_words() -> None:
    quota = Dimension("x=quota", "rationing", "", "", "quota")
    assert limit_words(quota, 1.0, np.inf) == "rationing is quota"
    assert limit_words(quota, -np.inf, 0.0) == "rationing is not quota"


# The command


def test_the_planted_conditions_are_found_said_and_drawn(place: Path) -> None:
    result = call("discover", str(place), "--when", WHEN)
    assert result.exit_code == 0, result.output
    folders = list(place.glob("discovery-*"))
    assert [folder.name.rpartition("-")[0] for folder in folders] == ["discovery-gap_months-cn-2027-12-above-baseline"]
    limits = {row["dimension"]: row for row in rows_of(folders[0] / "box.csv")}
    assert set(limits) == {f"world.{V0}", STRICT}
    assert float(limits[f"world.{V0}"]["low"]) == pytest.approx(0.22, abs=0.006)
    assert (limits[STRICT]["low"], limits[STRICT]["high"], limits[STRICT]["unit"]) == ("0.5", "", "dial 0 to 1")
    assert max(float(row["quasi_p"]) for row in limits.values()) < 0.05
    told = " ".join(result.stdout.split())
    assert "export_controls.strictness is at least 0.5 dial 0 to 1" in told
    assert "The conditions hold there too." in told
    assert "Left out: 300 at points that are their own baseline." in told
    assert "each at 6 points and with 1 seed" in told
    figures = sorted(path.name for path in (folders[0] / "figures").iterdir())
    assert figures == [f"{name}.{kind}" for name in ("01_conditions", "02_tree") for kind in ("png", "svg", "txt")]
    alt = (folders[0] / "figures" / "01_conditions.txt").read_text(encoding="utf-8")
    assert "China's lag behind the US in 2027-12 is above its baseline in" in alt


def test_files_agree_with_each_other_and_with_the_runs(place: Path) -> None:
    result = call("discover", str(place), "--when", WHEN, "--json", "--no-charts")
    told = json.loads(result.stdout)
    folder = Path(told["folder"])
    assert told["status"] == "done"
    assert told["kind"] == "discovery"
    assert told["runs"] == 900
    assert told["rows"]["box.csv"] == rows_of(folder / "box.csv")
    assert set(told["tables"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    from pyarrow import parquet

    cases = parquet.read_table(folder / "cases.parquet").to_pandas()
    box = told["box"]
    assert int(cases["hit"].sum()) == told["hits"]
    assert int(cases["in_box"].sum()) == box["runs"]
    assert int((cases["hit"] & cases["in_box"]).sum()) == box["hits"]
    assert box["density"] == pytest.approx(box["hits"] / box["runs"])
    for row in told["rows"]["box.csv"]:
        low = float(row["low"] or "-inf")
        assert cases.loc[cases["in_box"], row["dimension"]].min() >= low
    trajectory = rows_of(folder / "trajectory.csv")
    assert trajectory[0]["coverage"] == "1"
    assert [row["chosen"] for row in trajectory].count("1") == 1
    tree = rows_of(folder / "tree.csv")
    assert int(tree[0]["runs"]) == 900
    assert sum(int(row["hits"]) for row in tree if row["below"] == "-1") == told["hits"]


def test_the_same_question_is_found_again_and_force_writes_the_same_bytes(place: Path) -> None:
    first = json.loads(call("discover", str(place), "--when", WHEN, "--json", "--no-charts").stdout)
    again = json.loads(call("discover", str(place), "--when", f"  {GAP}@2027-12>baseline", "--json").stdout)
    assert again["status"] == "found"
    assert again["folder"] == first["folder"]
    assert again["figures"]
    forced = json.loads(call("discover", str(place), "--when", WHEN, "--json", "--no-charts", "--force").stdout)
    assert forced["status"] == "done"
    assert forced["tables"] == first["tables"]
    other = json.loads(
        call("discover", str(place), "--when", WHEN, "--json", "--no-charts", "--coverage", "0.3").stdout
    )
    assert other["folder"] != first["folder"]


def test_a_damaged_result_is_made_again(place: Path) -> None:
    first = json.loads(call("discover", str(place), "--when", WHEN, "--json", "--no-charts").stdout)
    (Path(first["folder"]) / "box.csv").write_text("nothing", encoding="utf-8")
    again = json.loads(call("discover", str(place), "--when", WHEN, "--json", "--no-charts").stdout)
    assert again["status"] == "done"
    assert again["tables"] == first["tables"]


@pytest.mark.parametrize(
    ("when", "words"),
    [
        (f"{GAP} > baseline + 50", "it ever happens is below 2.0%, with 95% confidence (3 in 150)"),
        (f"{GAP} < baseline + 50", "None of the 900 runs is not of interest"),
        ("hhi.labs > 0.995", "of the 900 runs, in"),
    ],
)
def test_what_never_or_always_happens_is_an_answer_without_a_box(place: Path, when: str, words: str) -> None:
    result = call("discover", str(place), "--when", when)
    assert result.exit_code == 0
    assert words in " ".join(result.stdout.split())
    folder = next(place.glob("discovery-*"))
    assert sorted(manifest_of(folder)["tables"]) == ["statement.txt"]
    assert not (folder / "figures").exists()


def test_noise_gives_no_conditions_that_hold(place: Path) -> None:
    told = json.loads(call("discover", str(place), "--when", "hhi.labs > 0.6", "--json", "--no-charts").stdout)
    assert not told["hold_out"]["holds"]
    text = " ".join(told["statement"].split())
    assert "PRIM finds no conditions" in text or "TAKE THE CONDITIONS ABOVE FOR NOISE" in text


def test_a_study_has_a_headline(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discovery, "REPEATS", 1)
    sweep = Sweep(whole)
    found = study(sweep, condition(sweep, WHEN), Rule())
    assert headline(found).startswith("It happens in ")
    assert statement(found).startswith("Question: when is it that the lag behind the US frontier (CN) in 2027-12")
    never = study(sweep, condition(sweep, f"{GAP} > 99"), Rule())
    assert headline(never) == "None of the 900 runs is of interest."


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--when", "gap_month.CN > baseline"], "Did you mean gap_months.CN?"),
        (["--when", "gap_months.CN = 3"], "is not a condition"),
        (["--when", WHEN, "--coverage", "1.5"], "--coverage"),
    ],
)
def test_bad_questions_end_with_2_and_write_nothing(place: Path, words: list[str], named: str) -> None:
    before = sorted(place.rglob("*"))
    result = call("discover", str(place), *words)
    assert result.exit_code == 2
    assert named in result.stderr
    assert sorted(place.rglob("*")) == before


def test_a_folder_that_is_no_sweep_or_is_damaged_ends_with_1(place: Path, tmp_path: Path) -> None:
    assert call("discover", str(tmp_path / "nowhere"), "--when", WHEN).exit_code == 1
    (place / "runs.parquet").write_bytes(b"no table")
    result = call("discover", str(place), "--when", WHEN)
    assert result.exit_code == 1
    assert "runs.parquet" in result.stderr


def test_charts_that_cannot_be_drawn_keep_the_tables(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise ValueError("no ink")

    monkeypatch.setattr("sim.charts.discovery.conditions", refuse)
    result = call("discover", str(place), "--when", WHEN)
    assert result.exit_code == 1
    assert "no ink" in result.stderr
    assert (next(place.glob("discovery-*")) / "box.csv").is_file()

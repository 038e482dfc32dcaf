"""What the charts of sweeps may claim: where points are few, where a lever is held, where a cell cannot differ."""

import csv
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sim.charts.data import CannotDraw
from sim.charts.drawing import DOTS_PER_INCH, EXPERIMENT_CHARTS, Kind, by_reason
from sim.charts.heatmap import heatmaps
from sim.charts.sheet import Drawn, Heading, open_sheet
from sim.charts.style import house_style
from sim.charts.sweep_data import Curve, SweepRecord
from sim.cli import app
from sim.history import redraw
from sim.results import read_manifest
from tests.sweep_folders import OPEN, SPEED, STRICT, Planted, Value, write_sweep
from tests.test_charts import drawn_texts
from tests.test_sweep_charts import ABROAD, CAPABILITY, CASES, figures, sample


def words_of(drawn: Drawn) -> str:
    """Everything that is written around a figure, with its alternative text."""
    return " ".join([*(text.get_text().replace("\n", " ") for text in drawn.figure.texts), drawn.alt])


@pytest.mark.parametrize(
    ("points", "draws", "words"),
    [
        (48, 32, "Effects on China's frontier capability in 2025-12 move most with export controls strictness"),
        (47, 32, "Too few points to tell which levers move China's frontier capability in 2025-12: 47 points over 3 "),
        (48, 31, "with 31 draws at each"),
    ],
)
def test_a_sample_names_levers_only_where_it_is_large_enough(
    tmp_path: Path, points: int, draws: int, words: str
) -> None:
    """16 points a lever and 32 draws."""
    planted = replace(CASES["sample"], axes=sample(points), draws=draws, outcomes=(CAPABILITY,))
    assert words in figures(SweepRecord(write_sweep(tmp_path / "s", planted)), "06_scatter")[CAPABILITY].title


@pytest.fixture
def records_two(tmp_path: Path) -> SweepRecord:
    """Two levers, of which one does nothing at the baseline."""
    return SweepRecord(write_sweep(tmp_path / "two", CASES["two"]))


def only_with_controls(outcome: str, values: Mapping[str, Value], policy: str) -> float:
    """Enforcement matters only where there is something to enforce."""
    return -2.0 * float(values[SPEED]) if float(values[STRICT]) > 0 else 0.0


def held(folder: Path, strict: float) -> SweepRecord:
    """Three levers against a world without controls; the scenario itself has controls of this strictness."""
    axes = {STRICT: (0.0, 0.5, 1.0), SPEED: (0.0, 0.5, 1.0), OPEN: (False, True)}
    base = {STRICT: 0.0, SPEED: 0.0, OPEN: False}
    planted = Planted(axes, only_with_controls, (CAPABILITY,), base, series=(CAPABILITY,))
    place = write_sweep(folder, planted)
    manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    own = {"dials": {"export_controls.strictness": strict}, "US": {"enforcement": 1.0}, "CN": {"open_releases": True}}
    manifest["scenario"]["policies"] = own
    (place / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return SweepRecord(place)


def test_levers_beside_the_one_drawn_are_held_as_the_scenario_has_them(tmp_path: Path) -> None:
    """At the baseline's value, a world without controls, enforcement would do nothing; ties go to the larger value."""
    record = held(tmp_path / "a", 1.0)
    assert record.home == {STRICT: 1.0, SPEED: 1.0, OPEN: "true"}
    drawn = figures(record, "01_effects")["us_enforcement"]
    assert "enforcement 1" in drawn.title
    assert "lower" in drawn.title
    assert "Held at: export controls strictness 1, CN open releases on." in words_of(drawn)
    trajectory = figures(record, "04_trajectories")[f"us_enforcement_{CAPABILITY}"]
    assert "lower" in trajectory.title
    assert held(tmp_path / "b", 0.75).home[STRICT] == 1.0
    assert held(tmp_path / "c", 0.2).home[STRICT] == 0.0


def test_a_title_names_the_line_that_it_speaks_of(records_two: SweepRecord) -> None:
    """On the line at the baseline's own strictness enforcement changes nothing; on the others it does."""
    title = figures(records_two, "01_effects")["us_enforcement"].title
    assert title.endswith(", by US enforcement with export controls strictness 0.4: every run equals it")


def altered(folder: Path, change: Callable[[dict[str, str]], None]) -> SweepRecord:
    """The folder with the rows of its effects changed."""
    path = folder / "effects.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        change(row)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return SweepRecord(folder)


def test_the_largest_of_a_heatmap_is_the_largest_of_all(tmp_path: Path) -> None:
    """A larger cell that is not clear leaves 'the largest clear one' to the next."""
    place = write_sweep(tmp_path / "two", CASES["two"])
    assert "; the largest at " in figures(SweepRecord(place), "03_heatmap")[CAPABILITY].alt

    def unsure(row: dict[str, str]) -> None:
        if (row[STRICT], row[SPEED]) == ("0.2", "0.5"):
            row |= {"mean": "99", "ci95_low": "-1", "ci95_high": "199", "p05": "-9", "p95": "210"}

    assert "; the largest clear one at " in figures(altered(place, unsure), "03_heatmap")[CAPABILITY].alt


def test_cells_that_cannot_differ_are_not_hatched_and_not_counted(tmp_path: Path) -> None:
    """At strictness 0 every run equals its baseline, whatever the enforcement."""
    axes = {STRICT: (0.0, 0.5, 1.0), SPEED: (0.0, 0.5, 1.0)}
    planted = Planted(axes, only_with_controls, (CAPABILITY,), {STRICT: 0.0, SPEED: 0.0})
    record = SweepRecord(write_sweep(tmp_path / "floor", planted))
    curve = record.effect(record.points, record.outcomes[0])
    assert curve.nil.sum() == 5
    assert curve.compared == 4
    drawn = figures(record, "03_heatmap")[CAPABILITY]
    assert not [box for box in drawn.figure.axes[0].patches if box.get_gid() == "unclear"]
    told = words_of(drawn)
    assert (
        "In 0 of 4 cells the interval includes zero or is not known. In 5 more every run equals its baseline." in told
    )
    assert "the title allows for all 4." in told
    ends = {"mean": [0.0, 0.0], "ci95_low": [0.0, -1.0], "ci95_high": [0.0, 1.0], "p05": [0.0, 0.0], "p95": [0.0, 0.0]}
    some = Curve(record.points[:2], {name: np.array(values) for name, values in ends.items()}, 12)
    assert some.nil.tolist() == [True, False]  # a few runs that cancel out are no identity


def test_a_long_unit_stays_on_the_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """'0 closed, 0.5 small, 1 open' above a colour bar takes two lines."""
    planted = replace(CASES["two"], outcomes=("release_open.DeepSeek",))
    with house_style():
        ((_, drawn),) = heatmaps(SweepRecord(write_sweep(tmp_path / "long", planted)))
    drawn.figure.set_dpi(DOTS_PER_INCH)
    boxes = drawn_texts(drawn.figure, monkeypatch)
    assert any("closed" in text for text, _ in boxes)
    assert all(box.x1 <= drawn.figure.bbox.width for _, box in boxes)


@pytest.mark.parametrize("seeds", [1, 3])
def test_one_draw_explains_no_interval(tmp_path: Path, seeds: int) -> None:
    """Neither an interval nor hatching; with one run a point no band either."""
    planted = replace(CASES["two"], draws=1, seeds=seeds, series=(CAPABILITY,))
    words = replace(CASES["words"], draws=1, seeds=seeds)
    records = [SweepRecord(write_sweep(tmp_path / str(n), case)) for n, case in enumerate((planted, words))]
    seen = {chart: figures(record, chart) for record in records for chart in EXPERIMENT_CHARTS["sweep"].charts
            if figures(record, chart)}  # fmt: skip
    assert set(seen) == {"01_effects", "02_levels", "03_heatmap", "04_trajectories", "05_overview"}
    for chart, drawn in seen.items():
        for one in drawn.values():
            told = words_of(one).replace("1 draw: no intervals", "").replace("with too few runs for an interval", "")
            for word in ("95% interval", "hatched", "is it clear", "rough", "the interval", *["band"] * (seeds == 1)):
                assert word not in told, (chart, word)
            assert not [box for ax in one.figure.axes for box in ax.patches if box.get_gid() == "unclear"]


def test_charts_that_do_not_apply_are_one_line_by_reason() -> None:
    """Names with the same reason stand together, each once."""
    assert by_reason([("02", "no series"), ("01", "too few"), ("03", "no series"), ("03", "no series")]) == (
        "01 (too few); 02, 03 (no series)"
    )


def one_or_other(folder: Path) -> Drawn:
    """A chart that applies as long as no file says otherwise."""
    if (folder / "not").exists():
        raise CannotDraw("a file says so")
    return Drawn(open_sheet(4.0, 1.0, 1, 1, Heading("", "", [])).figure, "A title", "A text.")


@pytest.fixture
def invented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two charts, of which one may no longer apply."""
    charts = {"01_one": f"{__name__}.one_or_other", "02_two": "tests.test_sweep_charts.one_figure"}
    monkeypatch.setitem(EXPERIMENT_CHARTS, "invented", Kind("pathlib.Path", charts))
    folder = tmp_path / "invented-1"
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "kind": "invented", "tables": {}}))
    assert CliRunner().invoke(app, ["chart", str(folder), "--jobs", "1"]).exit_code == 0
    return folder


def test_figures_of_a_chart_that_no_longer_applies_are_removed(invented: Path) -> None:
    """Those that the manifest named; what lies beside them, or outside of the figures, stays."""
    stray = invented / "figures" / "mine.png"
    stray.write_bytes(b"mine")
    manifest = read_manifest(invented)
    assert len(manifest["figures"]) == 6
    manifest["figures"].append("not")
    (invented / "manifest.json").write_text(json.dumps(manifest))
    (invented / "not").touch()
    assert CliRunner().invoke(app, ["chart", str(invented), "--jobs", "1"]).exit_code == 0
    assert {path.stem for path in (invented / "figures").iterdir()} == {"02_two", "mine"}
    assert (invented / "not").exists()
    assert len(read_manifest(invented)["figures"]) == 3


def test_figures_stay_where_drawing_fails(invented: Path) -> None:
    """Old figures are better than none."""

    def fails(folder: Path) -> list[Path]:
        raise ValueError("no ink")

    before = sorted((invented / "figures").iterdir())
    with pytest.raises(RuntimeError, match="no ink"):
        redraw(invented, fails)
    assert sorted((invented / "figures").iterdir()) == before


def test_charts_go_to_another_folder_and_leave_the_results_alone(invented: Path, tmp_path: Path) -> None:
    """For results on a disk that cannot be written."""
    before = {path: path.stat().st_mtime_ns for path in invented.rglob("*")}
    done = CliRunner().invoke(app, ["chart", str(invented), "--out", str(tmp_path / "b" / "c"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    assert {path.stem for path in (tmp_path / "b" / "c").iterdir()} == {"01_one", "02_two"}
    assert {path: path.stat().st_mtime_ns for path in invented.rglob("*")} == before
    (tmp_path / "file").touch()
    assert CliRunner().invoke(app, ["chart", str(invented), "--out", str(tmp_path / "file")]).exit_code == 2


def test_a_folder_that_cannot_be_written_names_the_way_out(invented: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is drawn."""
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    done = CliRunner().invoke(app, ["chart", str(invented), "--jobs", "1"])
    assert done.exit_code == 1
    assert "--out" in done.stderr


def test_charts_are_not_drawn_from_changed_tables(tmp_path: Path) -> None:
    """The hash of the manifest decides, as for other readers."""
    place = write_sweep(tmp_path / "two", replace(CASES["two"], outcomes=(ABROAD,)))
    with (place / "effects.csv").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    done = CliRunner().invoke(app, ["chart", str(place), "--jobs", "1"])
    assert done.exit_code == 1
    assert "effects.csv is not as it was written" in done.stderr
    assert not (place / "figures").exists()


@pytest.mark.parametrize("command", [["digest"], ["discover", "--when", "gap_months.CN > 3"]])
@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"\0" * 1000, b"PAR1" + b"\7" * 400 + b"PAR1"])
def test_a_damaged_table_is_named_with_the_remedy(tmp_path: Path, command: list[str], content: bytes) -> None:
    """And not in the words of the library that reads it."""
    place = write_sweep(tmp_path / "two", CASES["two"])
    (place / "runs.parquet").write_bytes(content)
    done = CliRunner().invoke(app, [command[0], str(place), *command[1:]])
    assert done.exit_code == 1
    assert "runs.parquet" in done.stderr
    assert "--force" in done.stderr
    assert not {"parquet magic", "thrift", "footer", "bytes"} & set(done.stderr.lower().split())

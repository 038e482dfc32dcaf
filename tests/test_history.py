"""The record on disk: what it holds, that it is found again, and that nothing half-written stays under its name."""

import csv
import errno
import hashlib
import os
import platform
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sim import history, plan
from sim.compare import FEWEST_RUNS, count_warning, paired_difference, quantiles
from sim.engine import Record
from sim.ensemble import Pace, RunError
from sim.history import Order, carry_out, redraw
from sim.plan import code_digest, folder_name, plan_comparison, plan_run
from sim.results import OutputError, Results, read_manifest
from sim.scenario import Scenario, load_scenario
from tests.test_ensemble import breaks_at_four, fake

TINY = """
schema: 1
name: tiny
title: A tiny world
end: 2026-02
runs: 7
seed: 3
counterfactual: {set: {policies.dials.export_controls.strictness: 0}}
outputs: {at: [2024-01]}
"""
Load = Callable[..., Scenario]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write(*sets: str, text: str = TINY) -> Scenario:
        file = tmp_path / "tiny.yaml"
        file.write_text(text, encoding="utf-8")
        return load_scenario(file, sets)

    return write


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "results"


def shifted(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
    """Looked-up numbers; without controls one column is higher by 1 / (run + 1)."""
    record = fake(scenario, rows, measures)
    if scenario.dials["export_controls.strictness"] == 0:
        record.values[:, :, 1] += 1.0 / (rows[:, np.newaxis] + 1.0)
    return record


def partly_undefined(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
    """The first column is defined in odd runs only, and nowhere in the last month."""
    record = fake(scenario, rows, measures)
    record.values[rows % 2 == 0, :, 0] = np.nan
    record.values[:, -1, 0] = np.nan
    return record


def one_figure(folder: Path) -> Sequence[Path]:
    """Draw one empty figure."""
    file = folder / "figures" / "empty.png"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    return [file]


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def no_leftovers(out: Path) -> bool:
    """Whether nothing stands in the output folder."""
    return not out.exists() or list(out.iterdir()) == []


# What is written


def test_series_has_one_row_for_each_run_and_month_and_the_very_numbers(load: Load, out: Path) -> None:
    scenario = load()
    outcome = carry_out(plan_run(scenario), Order(out, pace=Pace(block=3)), fake)
    table = parquet.read_table(outcome.folder / "series.parquet")
    assert table.column_names == ["arm", "run", "month", "token_share.CN", "gap_months.CN"]
    assert [str(kind) for kind in table.schema.types] == ["string", "int32", "string", "double", "double"]
    assert table.column("arm").to_pylist() == ["main"] * 350 + ["counterfactual"] * 350
    assert table.column("run").to_pylist() == [run for run in range(7) for _ in range(50)] * 2
    assert table.column("month").to_pylist()[:50] == outcome.manifest["months"]
    assert outcome.manifest["months"][0] == "2022-01"
    assert outcome.manifest["months"][-1] == "2026-02"
    expected = fake(scenario, np.arange(7), None).values
    read = Results(outcome.folder).read(["gap_months.CN"])["gap_months.CN"]["main"]
    assert read.tobytes() == np.ascontiguousarray(expected[:, :, 1]).tobytes()


def test_manifest_says_what_made_the_numbers(load: Load, out: Path) -> None:
    scenario = load()
    outcome = carry_out(plan_run(scenario), Order(out, command="darkhorse run tiny.yaml"), fake)
    manifest = read_manifest(outcome.folder)
    assert manifest == outcome.manifest
    assert manifest["scenario"] == scenario.resolved()
    assert manifest["arms"]["counterfactual"]["policies"]["dials"]["export_controls.strictness"] == 0
    assert (manifest["seed"], manifest["runs"], manifest["status"]) == (3, 7, "done")
    assert {"python", "numpy", "mesa", "darkhorse"} <= manifest["versions"].keys()
    assert manifest["versions"]["numpy"] == np.__version__
    assert manifest["command"] == "darkhorse run tiny.yaml"
    assert manifest["hash"] == outcome.folder.name[-10:]
    assert manifest["at"] == ["2024-01", "2025-12", "2026-02"]
    assert manifest["warnings"] == [count_warning(7)]
    for name, digest in manifest["tables"].items():
        assert hashlib.sha256((outcome.folder / name).read_bytes()).hexdigest() == digest
    assert sorted(manifest["tables"]) == ["differences.csv", "series.parquet", "summary.csv"]


def test_recorded_scenario_loads_as_itself(load: Load, out: Path) -> None:
    from sim.scenario import scenario_from_resolved

    plan_made = plan_run(load())
    outcome = carry_out(plan_made, Order(out), fake)
    for arm, scenario in plan_made.arms.items():
        assert scenario_from_resolved(outcome.manifest["arms"][arm]).digest() == scenario.digest()


def test_commit_is_that_of_this_checkout(load: Load, out: Path) -> None:
    root = Path(__file__).resolve().parents[1]
    if not (root / ".git").exists():
        pytest.skip("not a git checkout")
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True).stdout
    recorded = plan.commit()
    assert recorded is not None
    assert recorded.removesuffix("-dirty") == head.strip()


def test_summary_has_the_quantiles_of_every_month_arm_and_measure(load: Load, out: Path) -> None:
    outcome = carry_out(plan_run(load()), Order(out), partly_undefined)
    rows = rows_of(outcome.folder / "summary.csv")
    assert list(rows[0]) == ["month", "arm", "measure", "entity", "unit", "p05", "p25", "p50", "p75", "p95", "runs"]
    assert len(rows) == 2 * 2 * 50
    values = fake(load(), np.arange(7), None).values[:, 3, 1]
    row = next(r for r in rows if (r["month"], r["arm"], r["measure"]) == ("2022-04", "main", "gap_months"))
    assert (row["entity"], row["unit"], row["runs"]) == ("CN", "months", "7")
    for name, share in (("p05", 0.05), ("p50", 0.5), ("p95", 0.95)):
        assert float(row[name]) == pytest.approx(np.quantile(values, share), rel=1e-9)
    partly = next(r for r in rows if (r["month"], r["measure"]) == ("2022-04", "token_share"))
    assert (partly["runs"], partly["p50"], partly["p95"]) == ("3", "", "")
    assert float(partly["p05"]) > 0
    nowhere = next(r for r in rows if (r["month"], r["measure"]) == ("2026-02", "token_share"))
    assert (nowhere["runs"], nowhere["p05"]) == ("0", "")


def test_differences_are_taken_run_by_run(load: Load, out: Path) -> None:
    outcome = carry_out(plan_run(load()), Order(out), shifted)
    rows = [row for row in rows_of(outcome.folder / "differences.csv") if row["measure"] == "gap_months"]
    assert [row["month"] for row in rows] == ["2024-01", "2025-12", "2026-02"]
    change = -1.0 / (np.arange(7) + 1.0)
    for row in rows:
        assert (row["arm"], row["against"], row["runs"]) == ("main", "counterfactual", "7")
        assert float(row["median"]) == pytest.approx(np.median(change))
        assert float(row["mean"]) == pytest.approx(change.mean())
        assert float(row["p05"]) == pytest.approx(np.quantile(change, 0.05))
        assert float(row["mc_error_mean"]) == pytest.approx(change.std(ddof=1) / np.sqrt(7))
        assert float(row["share_positive"]) == 0.0
        difference_of_medians = float(row["median_arm"]) - float(row["median_against"])
        assert difference_of_medians != pytest.approx(float(row["median"]), rel=1e-3)
    same = [row for row in rows_of(outcome.folder / "differences.csv") if row["measure"] == "token_share"]
    assert {row["median"] for row in same} == {"0"}


def test_a_scenario_without_counterfactual_has_no_differences(load: Load, out: Path) -> None:
    outcome = carry_out(plan_run(load("counterfactual=null")), Order(out), fake)
    assert rows_of(outcome.folder / "differences.csv") == []
    assert Results(outcome.folder).arms == ["main"]


def test_only_the_stated_months_are_kept_where_that_is_asked(load: Load, out: Path) -> None:
    outcome = carry_out(plan_run(load("outputs.monthly=false")), Order(out), fake)
    kept = Results(outcome.folder).months("main").tolist()
    assert kept == [24, 47, 49]
    everything = carry_out(plan_run(load()), Order(out), fake)
    few, all_months = (Results(folder).read(["gap_months.CN"])["gap_months.CN"]["main"]
                       for folder in (outcome.folder, everything.folder))  # fmt: skip
    assert few.tobytes() == np.ascontiguousarray(all_months[:, kept]).tobytes()


def test_comparison_sets_every_alternative_against_the_base(load: Load, out: Path) -> None:
    base = load("counterfactual=null")
    no_controls = load("counterfactual=null", "export_controls.strictness=0", "name=free", "end=2025-12")
    made = plan_comparison(base, [no_controls])
    assert made.pairs == (("free", "tiny"),)
    assert made.at == (24, 47)
    outcome = carry_out(made, Order(out), shifted)
    assert outcome.folder.name.startswith("compare-tiny-")
    rows = [row for row in rows_of(outcome.folder / "differences.csv") if row["measure"] == "gap_months"]
    assert [float(row["share_positive"]) for row in rows] == [1.0, 1.0]
    assert float(rows[0]["median"]) == pytest.approx(0.25)


def test_comparison_needs_names_of_their_own_and_the_same_luck(load: Load) -> None:
    base = load()
    with pytest.raises(ValueError, match="same name"):
        plan_comparison(base, [load("runs=7")])
    with pytest.raises(ValueError, match="same seed and number of runs"):
        plan_comparison(base, [load("name=other", "seed=4")])


# The hash and finding it done


def test_hash_moves_with_what_determines_the_numbers_and_with_nothing_else(load: Load) -> None:
    first = folder_name(plan_run(load()))
    assert first.startswith("tiny-")
    for same in ("title=Another title", "storyline=Told otherwise", "sources=[x]", "outputs.charts=[]"):
        assert folder_name(plan_run(load(same))) == first
    others = ["runs=8", "seed=4", "end=2026-03", "diverted_share=0.05", "counterfactual=null", "US.enforcement=0.9"]
    names = {folder_name(plan_run(load(other))) for other in others}
    assert len(names) == len(others)
    assert first not in names


@pytest.mark.parametrize(
    ("file", "counts"),
    [("agents/lab.py", True), ("sim/engine.py", True), ("scenarios/data/labs.csv", True), ("sim/new_module.py", True),
     ("sim/commands/show.py", False), ("sim/charts/drawing.py", False), ("sim/experiments/axes.py", False),
     ("sim/explain.py", False), ("scenarios/x.yaml", False)],
)  # fmt: skip
def test_code_digest_covers_the_model_and_not_its_display(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, counts: bool
) -> None:
    root = Path(__file__).resolve().parents[1]
    for source in [*root.glob("sim/**/*.py"), *root.glob("agents/*.py"), *root.glob("scenarios/data/*.csv")]:
        copy = tmp_path / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(source.read_bytes())
    monkeypatch.setattr(plan, "__file__", str(tmp_path / "sim" / "plan.py"))
    monkeypatch.setattr(plan, "data_folder", lambda: tmp_path / "scenarios" / "data")
    before = code_digest()
    with (tmp_path / file).open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    assert (code_digest() != before) is counts


def test_second_run_finds_the_first(load: Load, out: Path) -> None:
    first = carry_out(plan_run(load()), Order(out), fake)
    written = {path: path.stat().st_mtime_ns for path in first.folder.iterdir()}
    second = carry_out(plan_run(load()), Order(out), breaks_at_four)
    assert (first.found, second.found) == (False, True)
    assert second.folder == first.folder
    assert {path: path.stat().st_mtime_ns for path in first.folder.iterdir()} == written


def test_force_computes_again_and_replaces_the_folder(load: Load, out: Path) -> None:
    first = carry_out(plan_run(load()), Order(out), fake)
    (first.folder / "note.txt").write_text("mine", encoding="utf-8")
    again = carry_out(plan_run(load()), Order(out, force=True), shifted)
    assert not again.found
    assert list(out.iterdir()) == [first.folder]
    assert not (first.folder / "note.txt").exists()
    assert again.manifest["digests"]["values"] != first.manifest["digests"]["values"]


def test_numbers_hash_the_same_for_any_block_and_differ_where_one_bit_does(load: Load, out: Path) -> None:
    def values(block: int) -> str:
        outcome = carry_out(plan_run(load()), Order(out, pace=Pace(block=block), force=True), partly_undefined)
        return str(outcome.manifest["digests"]["values"])

    def nudged(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
        record = partly_undefined(scenario, rows, measures)
        record.values[-1, -1, 1] = np.nextafter(record.values[-1, -1, 1], 1.0)
        return record

    assert values(1) == values(3) == values(128)
    other = carry_out(plan_run(load()), Order(out, force=True), nudged)
    assert other.manifest["digests"]["values"] != values(128)


@pytest.mark.parametrize("name", ["series.parquet", "summary.csv", "differences.csv", "manifest.json"])
def test_missing_part_is_named_and_force_mends_it(load: Load, out: Path, name: str) -> None:
    folder = carry_out(plan_run(load()), Order(out), fake).folder
    (folder / name).unlink()
    with pytest.raises(OutputError, match=name):
        carry_out(plan_run(load()), Order(out), fake)
    with pytest.raises(OutputError, match=name):
        Results(folder)
    assert not carry_out(plan_run(load()), Order(out, force=True), fake).found


def test_changed_table_is_noticed(load: Load, out: Path) -> None:
    folder = carry_out(plan_run(load()), Order(out), fake).folder
    with (folder / "summary.csv").open("a", encoding="utf-8") as stream:
        stream.write("2030-01,main,token_share,CN,share,1,1,1,1,1,7\n")
    with pytest.raises(OutputError, match=r"summary\.csv is not as it was written"):
        carry_out(plan_run(load()), Order(out), fake)


@pytest.mark.parametrize("content", [b"", b"PAR1 and then nothing", b"\0" * 1000])
def test_damaged_series_is_one_clear_error(load: Load, out: Path, content: bytes) -> None:
    folder = carry_out(plan_run(load()), Order(out), fake).folder
    (folder / "series.parquet").write_bytes(content)
    with pytest.raises(OutputError, match=r"series\.parquet cannot be read"):
        Results(folder)
    with pytest.raises(OutputError, match=r"it is damaged or cut off; run the command that .* again, with --force$"):
        Results(folder)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', "\x00"])
def test_damaged_manifest_is_one_clear_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(OutputError, match=r"manifest\.json"):
        read_manifest(tmp_path)


def test_a_run_that_was_not_recorded_is_named(load: Load, out: Path) -> None:
    results = Results(carry_out(plan_run(load()), Order(out), fake).folder)
    assert results.one_run("main", 6).tobytes() == fake(load(), np.array([6]), None).values[0].tobytes()
    with pytest.raises(OutputError, match="no run 7 of 'main'; it holds runs 0 to 6"):
        results.one_run("main", 7)
    with pytest.raises(OutputError, match="no column nonsense"):
        results.read(["nonsense"])


# Failures


def test_runs_that_fail_leave_the_others_in_a_folder_marked_incomplete(load: Load, out: Path) -> None:
    made = plan_run(load())

    def only_main_breaks(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
        return (breaks_at_four if scenario is made.base else fake)(scenario, rows, measures)

    outcome = carry_out(made, Order(out, pace=Pace(block=2), draw=one_figure), only_main_breaks)
    assert outcome.folder.name == f"{folder_name(made)}-incomplete"
    assert "runs 4 to 5 of 'main' failed: FloatingPointError" in outcome.failure
    manifest = read_manifest(outcome.folder)
    assert manifest["status"] == "incomplete"
    assert [(failed["arm"], failed["runs"]) for failed in manifest["failed"]] == [("main", [4, 5])]
    assert Results(outcome.folder).runs.tolist() == [0, 1, 2, 3, 6]
    assert {row["runs"] for row in rows_of(outcome.folder / "differences.csv")} == {"5"}
    assert not (out / folder_name(made)).exists()
    whole = carry_out(made, Order(out), fake)
    assert (whole.found, whole.folder.name) == (False, folder_name(made))


def test_nothing_is_left_where_every_run_fails(load: Load, out: Path) -> None:
    with pytest.raises(RunError, match="runs 0 to 6 of 'main' failed"):
        carry_out(plan_run(load()), Order(out), breaks_at_four)
    assert no_leftovers(out)


def test_charts_that_fail_do_not_take_the_numbers_with_them(load: Load, out: Path) -> None:
    def half_drawn(folder: Path) -> Sequence[Path]:
        one_figure(folder)
        raise ValueError("no such colour")

    outcome = carry_out(plan_run(load()), Order(out, draw=half_drawn), fake)
    assert outcome.chart_error == "ValueError: no such colour"
    assert not (outcome.folder / "figures").exists()
    assert Results(outcome.folder).runs.tolist() == list(range(7))
    found = carry_out(plan_run(load()), Order(out, draw=one_figure), fake)
    assert (found.found, found.chart_error) == (True, "")
    assert read_manifest(found.folder)["figures"] == ["figures/empty.png"]


def test_charts_that_are_there_are_not_drawn_again_unless_asked(load: Load, out: Path) -> None:
    def fails(folder: Path) -> Sequence[Path]:
        raise AssertionError("drawn again")

    folder = carry_out(plan_run(load()), Order(out, draw=one_figure), fake).folder
    assert carry_out(plan_run(load()), Order(out, draw=fails), fake).chart_error == ""
    (folder / "figures" / "empty.png").unlink()
    assert redraw(folder, one_figure) == [folder / "figures" / "empty.png"]
    with pytest.raises(OutputError, match="drawn again"):
        redraw(folder, fails)
    assert (folder / "figures" / "empty.png").exists()


def test_what_a_killed_process_left_is_cleared_and_nothing_else(load: Load, out: Path) -> None:
    order = Order(out)
    name = folder_name(plan_run(load()))
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = platform.node()
    dead = out / f".{name}.{here}.{gone.pid}"
    kept = [
        out / f".{name}.{here}.{os.getppid()}",  # at work
        out / f".{name}.another-machine-{here}.{gone.pid}",
        out / f".other.{here}.{gone.pid}",
        out / f".{name}.{here}.{gone.pid}.old",  # the last good copy, perhaps
    ]
    for folder in (dead, *kept):
        folder.mkdir(parents=True)
        (folder / "series.parquet").touch()
    carry_out(plan_run(load()), order, shifted)
    assert not dead.exists()
    assert all((folder / "series.parquet").exists() for folder in kept)


def test_interruption_leaves_nothing(load: Load, out: Path) -> None:
    def interrupted(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
        if 6 in rows:
            raise KeyboardInterrupt
        return fake(scenario, rows, measures)

    with pytest.raises(KeyboardInterrupt):
        carry_out(plan_run(load()), Order(out, pace=Pace(block=2)), interrupted)
    assert no_leftovers(out)


@pytest.mark.parametrize("step", ["write_csv", "write_manifest", "_take_name"])
@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "is full"), (errno.EROFS, "cannot be written")])
def test_write_that_fails_is_one_sentence_and_leaves_nothing(
    load: Load, out: Path, monkeypatch: pytest.MonkeyPatch, step: str, number: int, words: str
) -> None:
    def fails(*_: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(history, step, fails)
    with pytest.raises(OutputError, match=f"{words}.*Nothing half-written was left$"):
        carry_out(plan_run(load()), Order(out), fake)
    assert no_leftovers(out)


def test_folder_that_cannot_take_its_name_gives_the_old_one_back(
    load: Load, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = carry_out(plan_run(load()), Order(out), fake)
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if (self / "manifest.json").exists() and target == first.folder and not self.name.endswith(".old"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(OutputError):
        carry_out(plan_run(load()), Order(out, force=True), shifted)
    assert list(out.iterdir()) == [first.folder]
    assert Results(first.folder).manifest == first.manifest


def test_place_below_a_file_is_one_sentence(load: Load, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="file"):
        carry_out(plan_run(load()), Order(tmp_path / "file" / "results"), fake)


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small file system in memory with some options; skipped where that is not allowed."""
    places: list[Path] = []

    def mount(options: str) -> Path:
        place = tmp_path / f"mounted-{len(places)}"
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("file systems cannot be mounted here")
        places.append(place)
        return place

    yield mount
    for place in places:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


def test_read_only_folder_is_refused_before_anything_is_computed(load: Load, mounted: Callable[[str], Path]) -> None:
    def computed(scenario: Scenario, rows: NDArray[np.int64], measures: list[str] | None) -> Record:
        raise AssertionError("computed in vain")

    place = mounted("size=1m,ro")
    with pytest.raises(OutputError, match="cannot be written"):
        carry_out(plan_run(load()), Order(place / "results"), computed)


def test_full_disk_is_one_sentence_and_leaves_nothing(load: Load, mounted: Callable[[str], Path]) -> None:
    place = mounted("size=1m")
    with pytest.raises(OutputError, match="is full; make room"):
        carry_out(plan_run(load("runs=2000")), Order(place), fake)
    assert list(place.iterdir()) == []


# Statistics


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_quantiles_are_those_of_numpy(values: list[float]) -> None:
    numbers = np.array(values)
    shares = (0.0, 0.05, 0.5, 0.95, 1.0)
    with np.errstate(under="ignore"):  # as the engine has it
        assert quantiles(numbers, shares) == pytest.approx(np.quantile(numbers, shares), rel=1e-9, abs=1e-9)


def test_quantile_that_falls_on_the_undefined_is_undefined() -> None:
    values = np.array([[1.0, 5.0], [np.nan, 4.0], [3.0, 6.0], [np.nan, np.inf], [np.nan, np.inf]])
    low, middle, high = quantiles(values, (0.0, 0.5, 1.0))
    assert low.tolist() == [1.0, 4.0]
    assert np.isnan(middle[0])
    assert np.isnan(high[0])
    assert (middle[1], high[1]) == (6.0, np.inf)


def test_difference_leaves_out_runs_in_which_one_world_has_no_value() -> None:
    arm, against = np.array([1.0, np.nan, 4.0, 2.0]), np.array([0.5, 1.0, 5.0, np.nan])
    found = paired_difference(arm, against)
    assert (found.runs, found.median, found.mean, found.share_positive) == (2, -0.25, -0.25, 0.5)
    assert (found.median_arm, found.median_against) == (2.5, 2.75)
    nothing = paired_difference(np.array([np.nan]), np.array([1.0]))
    assert nothing.runs == 0
    assert np.isnan(nothing.median)
    with pytest.raises(ValueError, match="paired runs"):
        paired_difference(np.zeros(3), np.zeros(4))


def test_monte_carlo_errors_have_the_size_of_the_spread_over_repeated_samples() -> None:
    generator = np.random.default_rng(1)
    samples = generator.normal(size=(400, 200))
    found = [paired_difference(sample, np.zeros(200)) for sample in samples]
    medians, means = np.array([f.median for f in found]), np.array([f.mean for f in found])
    assert np.mean([f.mc_error_mean for f in found]) == pytest.approx(means.std(), rel=0.1)
    assert np.mean([f.mc_error_median for f in found]) == pytest.approx(medians.std(), rel=0.2)
    assert np.isnan(paired_difference(np.ones(1), np.zeros(1)).mc_error_mean)


def test_warning_ends_where_there_are_runs_enough() -> None:
    assert count_warning(FEWEST_RUNS) is None
    assert "31 runs give" in str(count_warning(FEWEST_RUNS - 1))
    assert "1 run gives" in str(count_warning(1))

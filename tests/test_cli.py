"""The command line: what it prints, where it writes, how it ends, and how little it loads for small questions."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner, Result

from sim import places
from sim.charts import drawing as charts
from sim.cli import app
from sim.commands.show import HEADLINES, Progress, progress, short
from sim.places import preset_names
from sim.results import Results

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("pandas", "scipy", "mesa", "matplotlib", "pyarrow", "networkx", "rich")
TINY = """
schema: 1
name: tiny
title: A tiny world
storyline: Nothing much happens.
end: 2022-04
runs: 3
seed: 3
counterfactual: {title: No controls, set: {policies.dials.export_controls.strictness: 0}}
"""
CHILD = """
schema: 1
name: child
title: A child of it
extends: ./tiny.yaml
world:
  chip_market.diverted_share: {p05: 0.019, p50: 0.048, p95: 0.125}
policies:
  US:
    export_controls.tpp_ceiling: [{from: 2022-02-01, announced: 2022-01-01, value: 2400}]
    open_promotion: [{from: 2022-02-01, until: 2022-03-31, value: 1.0, ramp: 12}]
  CN: {model_ban.hobby_research: {value: true, against: US}}
"""
BAD = """
schema: 1
name: bad
runs: many
wrold: {base: prior}
policies: {US: {export_controls.tpp_cieling: 100}}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with three scenario files."""
    for name, text in (("tiny", TINY), ("child", CHILD), ("bad", BAD)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(words), catch_exceptions=False)


def folder_of(result: Result) -> Path:
    """The folder that a quiet command printed."""
    assert result.exit_code == 0, result.output
    return Path(result.stdout.strip())


def start(*words: str, **options: Any) -> "subprocess.Popen[str]":
    """Start the command in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "sim", *words], env=environment, text=True, **options)


# Light commands


def test_help_names_every_command_and_the_exit_codes() -> None:
    result = call("--help")
    assert result.exit_code == 0
    for command in ("list", "validate", "explain", "run", "compare", "chart", "replay", "schema"):
        assert f"\n  {command} " in result.stdout
    assert "0 done, 1 failed or incomplete, 2 bad input" in " ".join(result.stdout.split())


def test_version_is_that_of_the_project() -> None:
    result = call("--version")
    assert result.exit_code == 0
    assert f'version = "{result.stdout.split()[1]}"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["--version"], ["validate", "tiny.yaml"], ["list"],
                                   ["explain", "child.yaml"], ["explain", "diverted_share"], ["schema"]])  # fmt: skip
def test_small_questions_load_nothing_heavy(place: Path, words: list[str]) -> None:
    code = (
        "import sys; from sim.cli import app\n"
        f"try: app({words!r})\nexcept SystemExit as end: assert not end.code, end.code\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_help_does_not_even_load_numpy() -> None:
    code = "import sys\ntry:\n from sim.cli import app; app(['--help'])\nfinally: assert 'numpy' not in sys.modules"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_list_shows_every_preset_with_its_title(place: Path) -> None:
    listed = json.loads(call("list", "--json").stdout)
    assert [row["name"] for row in listed] == preset_names()
    assert all(row["title"] for row in listed)
    lines = call("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == preset_names()


def test_validate_names_what_is_fine_and_all_that_is_wrong(place: Path) -> None:
    fine = call("validate", "tiny.yaml", "child.yaml")
    assert (fine.exit_code, fine.stderr) == (0, "")
    assert fine.stdout.splitlines()[0] == "tiny.yaml: fine (A tiny world; 4 months, 3 runs)"
    result = call("validate", "tiny.yaml", "bad.yaml", "nowhere.yaml")
    assert result.exit_code == 2
    assert "tiny.yaml: fine" in result.stdout
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["bad.yaml"] * 3 + ["nowhere.yaml"]
    assert "bad.yaml:4" in lines[0]
    assert "Did you mean world?" in result.stderr
    assert "Did you mean export_controls.tpp_ceiling?" in result.stderr


def test_validate_as_json(place: Path) -> None:
    result = call("validate", "tiny.yaml", "bad.yaml", "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    fine, bad = json.loads(result.stdout)
    assert (fine["valid"], fine["problems"]) == (True, [])
    assert (bad["valid"], len(bad["problems"])) == (False, 3)
    assert {"message", "file", "line", "path", "nearest", "remedy", "text"} == bad["problems"][0].keys()


def test_schema_is_a_json_schema_with_the_names_of_the_catalogues() -> None:
    result = call("schema")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["$schema"].startswith("https://json-schema.org/")
    assert "chip_market.diverted_share" in result.stdout


def test_an_incomplete_installation_is_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Path:
        raise FileNotFoundError("no scenarios folder; the installation is incomplete")

    monkeypatch.setattr(places, "preset_folder", missing)
    for words in (("list",), ("validate", "history_hold"), ("run", "history_hold"), ("explain", "history_hold")):
        result = call(*words)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr == "no scenarios folder; the installation is incomplete\n"


# Explain


def test_explain_puts_a_scenario_into_words(place: Path) -> None:
    text = " ".join(call("explain", "child.yaml").stdout.split())
    for words in (
        "It plays 2022-01 to 2022-04 month by month, 3 times, with seed 3.",
        "'No controls': policies.dials.export_controls.strictness = 0.",
        "chip_market.diverted_share is about 0.048 (90% interval 0.019 to 0.125).",
        "US sets export_controls.tpp_ceiling: 2400 TPP from 2022-02-01 (announced 2022-01-01).",
        "US sets open_promotion: 1 from 2022-02-01 until 2022-03-31, in a line over 12 months.",
        "CN sets model_ban.hobby_research against US: 1 all along.",
        "Governments are exogenous",
    ):
        assert words in text
    assert "Nothing much happens" not in text


def test_explain_ends_with_the_differences_from_the_parent(place: Path) -> None:
    table = call("explain", "child.yaml").stdout.partition("Differences from tiny")[2]
    rows = [line for line in table.splitlines() if line.startswith(("world.", "policies."))]
    assert [row.split()[0] for row in rows] == [
        "world.chip_market.diverted_share", "policies.US.export_controls.tpp_", "policies.US.open_promotion",
        "policies.CN.model_ban.hobby_rese",
    ]  # fmt: skip
    assert "Differences" not in call("explain", "tiny.yaml").stdout
    changes = json.loads(call("explain", "child.yaml", "--json").stdout)["differences"]
    assert changes[0]["here"] == {"p05": 0.019, "p50": 0.048, "p95": 0.125} | changes[0]["here"]
    assert changes[0]["parent"] is None


def test_explain_counts_values_set_on_the_command_line(place: Path) -> None:
    text = call("explain", "child.yaml", "--set", "runs=9").stdout
    assert "9 times" in text
    assert "\nruns " in text.partition("Differences")[2]


@pytest.mark.parametrize(
    ("name", "words"),
    [("chip_market.diverted_share", "(parameter)"), ("diverted_share", "chip_market.diverted_share (parameter)"),
     ("export_controls.tpp_ceiling", "(lever)"), ("gap_months", "(measure)")],
)  # fmt: skip
def test_explain_prints_a_row_of_a_catalogue(place: Path, name: str, words: str) -> None:
    result = call("explain", name)
    assert result.exit_code == 0
    assert words in result.stdout.splitlines()[0]
    assert "unit" in result.stdout
    row = json.loads(call("explain", name, "--json").stdout)
    assert row["phrase"].split()[0] in result.stdout


@pytest.mark.parametrize(
    ("name", "nearest"), [("diverted_shar", "chip_market.diverted_share"), ("gap_month", "gap_months")]
)
def test_explain_of_an_unknown_name_gives_the_nearest(place: Path, name: str, nearest: str) -> None:
    result = call("explain", name)
    assert result.exit_code == 2
    assert f"Did you mean {nearest}?" in result.stderr


# Run


def test_run_writes_a_folder_and_prints_the_headlines(place: Path) -> None:
    result = call("run", "tiny.yaml", "--no-charts", "--jobs", "1")
    assert result.exit_code == 0
    (folder,) = (place / "outputs").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [
        "differences.csv", "manifest.json", "report.html", "series.parquet", "summary.csv",
    ]  # fmt: skip
    assert f"Written: outputs/{folder.name}" in result.stdout
    header, _, *rows = result.stdout.splitlines()[2 : 4 + len(HEADLINES)]
    assert " ".join(header.split()) == "measure month main counterfactual main - counterfactual above 0"
    assert [row.split()[:2] for row in rows] == [[name, "2022-04"] for name in HEADLINES]
    assert "3 runs give no interval to rely on" in result.stderr
    assert "6 of 6 runs" in result.stderr


def test_printed_headlines_are_those_of_the_tables(place: Path) -> None:
    summary = json.loads(call("run", "tiny.yaml", "--no-charts", "--json").stdout)
    entry = next(item for item in summary["headline"] if item["measure"] == "frontier_capability.CN")
    values = Results(Path(summary["folder"])).read(["frontier_capability.CN"])["frontier_capability.CN"]
    for arm in ("main", "counterfactual"):
        assert entry["arms"][arm]["p50"] == pytest.approx(np.median(values[arm][:, -1]))
    change = values["main"][:, -1] - values["counterfactual"][:, -1]
    assert entry["differences"][0]["median"] == pytest.approx(np.median(change))


def test_json_is_the_only_thing_on_standard_output(place: Path) -> None:
    result = call("run", "tiny.yaml", "--no-charts", "--json")
    summary = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert (summary["status"], summary["runs"], summary["seed"]) == ("done", 3, 3)
    assert json.loads(call("run", "tiny.yaml", "--no-charts", "--json").stdout)["status"] == "found"


def test_quiet_prints_the_folder_alone(place: Path) -> None:
    result = call("run", "tiny.yaml", "--no-charts", "--quiet")
    assert (folder_of(result) / "manifest.json").is_file()
    assert result.stderr == "3 runs give no interval to rely on; use --runs 32 or more\n"


def test_second_run_says_that_it_was_done_and_force_computes_again(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    written = (folder / "manifest.json").stat().st_mtime_ns
    again = call("run", "tiny.yaml", "--no-charts")
    assert again.exit_code == 0
    assert f"were there already; --force computes them again: {folder}" in again.stdout
    assert (folder / "manifest.json").stat().st_mtime_ns == written
    call("run", "tiny.yaml", "--no-charts", "--force")
    assert (folder / "manifest.json").stat().st_mtime_ns != written


def test_options_lie_over_the_scenario(place: Path) -> None:
    words = ["--runs", "2", "--seed", "11", "--set", "end=2022-03", "--set", "diverted_share=0.03", "--out", "a/b"]
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet", *words))
    assert folder.parent == Path("a/b")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (manifest["runs"], manifest["seed"], manifest["months"][-1]) == (2, 11, "2022-03")
    assert manifest["arms"]["counterfactual"]["world"]["chip_market.diverted_share"] == 0.03
    assert Results(folder).runs.tolist() == [0, 1]


def test_same_bits_in_two_processes(place: Path) -> None:
    words = ("run", "tiny.yaml", "--no-charts", "--quiet", "--runs", "40")
    alone = folder_of(call(*words, "--jobs", "1", "--out", "one"))
    together = folder_of(call(*words, "--jobs", "2", "--out", "two"))
    digests = [json.loads((folder / "manifest.json").read_text("utf-8"))["digests"] for folder in (alone, together)]
    assert alone.name == together.name
    assert digests[0] == digests[1]


def test_charts_are_drawn_as_the_scenario_asks(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sequence[str] | None] = []

    def draw_all(run_dir: Path, jobs: int = 2, only: Sequence[str] | None = None, **_: Any) -> list[Path]:
        asked.append(only)
        file = run_dir / "figures" / "one.png"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
        return [file]

    monkeypatch.setattr(charts, "draw_all", draw_all)
    result = call("run", "tiny.yaml")
    assert "figures (1 files)" in result.stdout
    call("run", "tiny.yaml", "--set", "outputs.charts=[07_compute]", "--set", "seed=4")
    call("run", "tiny.yaml", "--set", "outputs.charts=[]", "--set", "seed=5")
    assert asked == [None, ["07_compute"]]
    assert len(list((place / "outputs").glob("tiny-*/figures/one.png"))) == 2
    assert len(list((place / "outputs").iterdir())) == 3


@pytest.mark.parametrize(
    ("words", "named"),
    [(("--set", "nonsense=1"), "nonsense"), (("--set", "runs=none"), "runs"), (("--set", "runs"), "has no value"),
     (("--set", "outputs.charts=[x]"), "outputs.charts"), (("--set", "outputs.measures=[x]"), "outputs.measures"),
     (("--runs", "0"), "--runs"), (("--jobs", "none"), "--jobs"), (("--nonsense",), "--nonsense")],
)  # fmt: skip
def test_bad_options_end_with_2_and_write_nothing(place: Path, words: Sequence[str], named: str) -> None:
    result = call("run", "tiny.yaml", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert named in result.stderr
    assert not (place / "outputs").exists()


def test_bad_scenario_ends_with_2_and_tells_everything(place: Path) -> None:
    result = call("run", "bad.yaml")
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    as_json = call("run", "bad.yaml", "--json")
    assert (as_json.exit_code, as_json.stderr) == (2, "")
    found = json.loads(as_json.stdout)
    assert (found["status"], len(found["problems"])) == ("bad input", 3)
    assert not (place / "outputs").exists()


def test_out_that_is_a_file_is_bad_input(place: Path) -> None:
    result = call("run", "tiny.yaml", "--no-charts", "--out", "tiny.yaml")
    assert result.exit_code == 2
    assert "--out is a file" in result.stderr


def test_failed_run_ends_with_1_and_one_sentence(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    (folder / "series.parquet").unlink()
    result = call("run", "tiny.yaml", "--no-charts")
    assert result.exit_code == 1
    assert result.stderr == f"{folder} is not whole: series.parquet is missing; run again with --force\n"
    as_json = call("run", "tiny.yaml", "--no-charts", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)["status"]) == (1, "failed")


def test_failed_charts_end_with_1_and_keep_the_numbers(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw_all(run_dir: Path, jobs: int = 2, only: Sequence[str] | None = None, **_: Any) -> list[Path]:
        raise ValueError("no such colour")

    monkeypatch.setattr(charts, "draw_all", draw_all)
    result = call("run", "tiny.yaml")
    assert result.exit_code == 1
    assert "charts: ValueError: no such colour" in result.stderr
    assert call("run", "tiny.yaml", "--no-charts").exit_code == 0
    (folder,) = (place / "outputs").iterdir()
    drawn = call("chart", str(folder))
    assert (drawn.exit_code, "could not be drawn" in drawn.stderr) == (1, True)


# Compare, chart, replay


def test_compare_pairs_the_scenarios_run_by_run(place: Path) -> None:
    result = call("compare", "tiny.yaml", "child.yaml", "--jobs", "1", "--set", "counterfactual=null")
    assert result.exit_code == 0
    assert " ".join(result.stdout.splitlines()[2].split()) == "measure month tiny child child - tiny above 0"
    (folder,) = (place / "outputs").iterdir()
    assert folder.name.startswith("compare-tiny-")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    assert (manifest["kind"], manifest["pairs"]) == ("compare", [["child", "tiny"]])
    assert manifest["arms"]["child"]["seed"] == 3
    alone = Results(folder_of(call("run", "child.yaml", "--no-charts", "--quiet")))
    together = Results(folder)
    column = "frontier_capability.CN"
    assert together.read([column])[column]["child"].tobytes() == alone.read([column])[column]["main"].tobytes()


def test_compare_of_a_scenario_with_itself_is_refused(place: Path) -> None:
    result = call("compare", "tiny.yaml", "tiny.yaml")
    assert result.exit_code == 2
    assert "two of the scenarios have the same name" in result.stderr


def test_replay_finds_the_recorded_run_again(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    result = call("replay", str(folder), "--run", "2")
    assert result.exit_code == 0
    assert result.stdout.count("equal to the record, bit for bit") == 2
    value = Results(folder).read(["gap_months.CN"])["gap_months.CN"]["main"][2, -1]
    assert f"{value:.10g}" in result.stdout
    report = json.loads(call("replay", str(folder), "--run", "2", "--json").stdout)
    assert (report["status"], [arm["arm"] for arm in report["arms"]]) == ("equal", ["main", "counterfactual"])


def test_replay_notices_one_bit(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    nudge(folder, "frontier_capability.US", row=7)
    result = call("replay", str(folder), "--run", "1")
    assert result.exit_code == 1
    assert "run 1 of main: NOT equal: 1 of " in result.stdout
    assert "first in 2022-04, frontier_capability.US" in result.stdout
    assert "run 1 of counterfactual: equal" in result.stdout
    assert "nothing that is on record explains it" in result.stderr
    assert call("replay", str(folder), "--run", "2").exit_code == 0


def test_replay_says_what_has_changed_since(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    nudge(folder, "frontier_capability.US", row=0)
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["digests"]["code"], manifest["versions"]["numpy"] = "another", "1.0"
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    reasons = json.loads(call("replay", str(folder), "--run", "0", "--json").stdout)["reasons"]
    assert ["code or data have changed" in reasons[0], "NumPy was 1.0" in reasons[1]] == [True, True]


def test_replay_of_a_run_that_is_not_there_ends_with_1(place: Path) -> None:
    folder = folder_of(call("run", "tiny.yaml", "--no-charts", "--quiet"))
    assert "it holds runs 0 to 2" in call("replay", str(folder), "--run", "3").stderr
    for words in (("replay", str(folder), "--run", "3"), ("replay", "nowhere", "--run", "0"), ("chart", "nowhere")):
        assert call(*words).exit_code == 1


# Progress, interruption, other places


def test_numbers_are_short() -> None:
    numbers = [0.1234, -0.000412, 0.0, -1.2, 12.34, 123.4, 9_999.0, 12_345.0, 999_700.0, 2.5e7, 3e10, None]
    assert [short(number) for number in numbers] == [
        "0.123", "-0.00041", "0.000", "-1.20", "12.3", "123", "9,999", "12.3k", "1M", "25M", "3.00e+10", "-",
    ]  # fmt: skip


def test_lines_tell_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clock = iter([0.0, 1.0, 10.0, 40.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    with progress(quiet=False) as shown:
        for done in (0, 64, 128, 512):
            shown.runs(done, 512)
    assert capsys.readouterr().err == "128 of 512 runs, about 30 s left\n512 of 512 runs\n"


def test_quiet_progress_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True) as shown:
        shown.runs(1, 2)
        shown.say("something")
    assert type(shown) is Progress
    assert capsys.readouterr() == ("", "")


def test_terminal_gets_a_bar_with_the_time_left(place: Path) -> None:
    ours, theirs = pty.openpty()
    process = start("run", "tiny.yaml", "--no-charts", stdout=subprocess.PIPE, stderr=theirs, cwd=place)
    output, _ = process.communicate(timeout=120)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.returncode == 0
    assert b"6/6" in shown
    assert b"left" in shown
    assert "Written: outputs" in output


def test_interruption_ends_with_1_and_leaves_nothing(place: Path) -> None:
    words = ("run", "tiny.yaml", "--no-charts", "--runs", "20000", "--set", "end=2027-12", "--jobs", "2")
    process = start(*words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=place)
    deadline = time.monotonic() + 60
    while not list((place / "outputs").glob(".tiny-*/series.parquet")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert errors.splitlines()[-1] == "stopped; nothing half-written was left"
    assert list((place / "outputs").iterdir()) == []


def test_presets_run_from_any_directory_by_name(place: Path) -> None:
    name = preset_names()[0]
    folder = folder_of(call("run", name, "--no-charts", "--quiet", "--runs", "1"))
    assert folder.name.startswith(name)
    assert sorted(path.name for path in place.iterdir()) == ["bad.yaml", "child.yaml", "outputs", "tiny.yaml"]


@pytest.mark.slow
def test_main_scenario_runs_with_its_charts(place: Path) -> None:
    result = call("run", "deepseek_shock", "--runs", "8")
    assert result.exit_code == 0, result.output
    (folder,) = (place / "outputs").iterdir()
    kinds = {path.suffix for path in (folder / "figures").iterdir()}
    assert {".png", ".svg"} <= kinds
    assert call("replay", str(folder), "--run", "5").exit_code == 0


def nudge(folder: Path, column: str, row: int) -> None:
    """Move one number of the series by its last bit."""
    table = parquet.read_table(folder / "series.parquet")
    values = table.column(column).to_numpy().copy()
    values[row] = np.nextafter(values[row], np.inf)
    changed = table.set_column(table.column_names.index(column), column, pyarrow.array(values))
    parquet.write_table(changed, folder / "series.parquet")

"""Charts and the command of a sensitivity study."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sim.charts.data import CannotDraw
from sim.charts.drawing import EXPERIMENT_CHARTS, draw_all
from sim.charts.sensitivity import drivers, tick_text, variance
from sim.charts.sensitivity_data import SensitivityRecord, label, short_label
from sim.charts.sensitivity_split import split, variants
from sim.charts.sheet import Drawn
from sim.charts.style import house_style
from sim.cli import app
from sim.commands.sensitivity import drivers_table, shares_text
from tests.sensitivity_toy import EFFECTIVE, FLAT, LEVEL_ONLY, SMALL, STRONG, question, study
from tests.test_charts import drawn_texts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    asked = question(EFFECTIVE, LEVEL_ONLY, FLAT)
    return study(tmp_path_factory.mktemp("study"), asked, replace(SMALL, samples=256, top=3))


@pytest.fixture(scope="module")
def record(folder: Path) -> SensitivityRecord:
    return SensitivityRecord(folder)


def figures(record: SensitivityRecord) -> dict[str, Drawn]:
    with house_style():
        found = {f"{chart.__name__} {suffix}": drawn for chart in (drivers, variance, variants)
                 for suffix, drawn in chart(record)}  # fmt: skip
        return {**found, "split": split(record)}


def test_titles_say_what_was_planted(record: SensitivityRecord) -> None:
    titles = {name: drawn.title for name, drawn in figures(record).items()}
    assert set(titles) == {"split", *(f"{chart} {outcome}" for chart in ("drivers", "variance", "variants")
                                      for outcome in ("frontier_capability_cn", "token_share_cn"))}  # fmt: skip
    assert f"'{short_label(STRONG)}', 1.5 ECI" in titles["drivers frontier_capability_cn"]
    assert re.search(r"has a hand in (7\d|8\d|9\d)% \(95%: .*chance in \d+%", titles["variance frontier_capability_cn"])
    apart = "the largest clear change apart from reacting governments"
    assert titles["variants frontier_capability_cn"].endswith(apart)
    assert "with rationing quota it is" in titles["variants frontier_capability_cn"]
    assert re.search(r"\d+% parameters, \d+% structure, \d+% chance, \d+% their interaction", titles["split"])
    assert "no switch of the model moves it clearly" in titles["variants token_share_cn"]


def test_each_target_has_its_panel_and_what_was_left_out_has_none(record: SensitivityRecord) -> None:
    drawn = figures(record)
    assert [ax.get_title() or ax.texts[0].get_text() for ax in drawn["drivers frontier_capability_cn"].figure.axes] == [
        "Effect", "Level",
    ]  # fmt: skip
    assert len(drawn["drivers token_share_cn"].figure.axes) == 1
    assert all(outcome.alt.endswith(f"{outcome.title}.") for outcome in drawn.values())


@pytest.mark.parametrize("name", ["drivers frontier_capability_cn", "variance frontier_capability_cn", "split",
                                  "variants frontier_capability_cn"])  # fmt: skip
def test_words_stay_on_the_sheet_and_apart(
    record: SensitivityRecord, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house_style():
        figure = figures(record)[name].figure
        texts = drawn_texts(figure, monkeypatch)
    width, height = figure.get_size_inches() * figure.dpi
    for text, box in texts:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    assert len(texts) > 10
    for place, (text, box) in enumerate(texts):
        for other, its_box in texts[place + 1 :]:
            wide = min(box.x1, its_box.x1) - max(box.x0, its_box.x0)
            high = min(box.y1, its_box.y1) - max(box.y0, its_box.y0)
            assert wide <= 1 or high <= 1, f"{text} lies on {other}"


def test_the_registry_draws_every_chart(folder: Path) -> None:
    written = draw_all(folder, formats=("svg",), jobs=1)
    names = {path.stem for path in written if path.suffix == ".svg"}
    for chart in EXPERIMENT_CHARTS["sensitivity"].charts:
        assert any(name.startswith(chart) for name in names), chart
    assert {path.stem for path in written if path.suffix == ".txt"} == names


def test_a_study_without_variance_has_no_split(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for table in ("variance.csv", "morris.csv"):
        header, *_ = (copy / table).read_text(encoding="utf-8").splitlines()
        (copy / table).write_text(f"{header}\n", encoding="utf-8")
    record = SensitivityRecord(copy)
    with pytest.raises(CannotDraw, match="no outcome"):
        split(record)
    assert list(drivers(record)) == []


def test_indices_above_100_per_cent_are_on_the_axis(folder: Path, tmp_path: Path) -> None:
    """With their intervals, unless one is far longer than all else; that is said."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    for high, last, said in (("1.9", 190.0, False), ("40", 200.0, True)):
        with (folder / "sobol.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        rows[0] |= {"total": "1.6", "total_low": "1.3", "total_high": high}
        with (copy / "sobol.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        with house_style():
            drawn = dict(variance(SensitivityRecord(copy)))["frontier_capability_cn"]
        ax = next(ax for ax in drawn.figure.axes if ax.texts[0].get_text() == rows[0]["of"].capitalize())
        assert last <= ax.get_xlim()[1] <= 1.05 * last
        notes = " ".join(text.get_text().replace("\n", " ") for text in drawn.figure.texts)
        assert ("goes on beyond it" in notes) is said


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chip_market.no_control_share", "no control share (chip market)"),
        ("capability.eci_per_oom", "ECI per OOM (capability)"),
        ("demand.quality.startup_dev", "quality, startup dev (demand)"),
        ("labs.DeepSeek.lab_effect", "DeepSeek: lab effect"),
        ("labs.xAI.compute", "xAI: compute on record"),
        ("other demand", "other demand"),
    ],
)
def test_names_are_written_for_readers(name: str, words: str) -> None:
    assert label(name) == words


@pytest.mark.parametrize(("value", "text"), [(0.0, "0"), (-0.5, "\u22120.5"), (200000.0, "200k"), (-1e-17, "0")])
def test_ticks_are_short(value: float, text: str) -> None:
    assert tick_text(value) == text


def test_the_command_says_what_it_would_take(tmp_path: Path) -> None:
    words = ["sensitivity", "deepseek_shock", "--quick", "--dry-run", "--json", "--out", str(tmp_path), "--top", "5"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["status"] == "planned"
    assert told["all_runs"] == sum(told["runs"].values())
    assert told["seconds"] > 0
    assert "rough look" in " ".join(told["warnings"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--samples", "100"], ["--of", "cause"], ["--outcomes", "nothing"], ["--at", "2040-01"], ["--draws", "2"]]
)
def test_the_command_refuses_bad_input(words: list[str]) -> None:
    assert CliRunner().invoke(app, ["sensitivity", "deepseek_shock", *words]).exit_code == 2


def test_the_terminal_gives_the_largest_indices_with_their_intervals(folder: Path) -> None:
    """Nothing below .005, no minus before zero, at most five of each outcome."""
    with (folder / "sobol.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["of"] == "effect"]
    by_size = sorted(rows, key=lambda row: -float(row["total"]))
    told = drivers_table({EFFECTIVE: rows}).splitlines()
    best = by_size[0]
    assert re.split(r"  +", told[2]) == [
        EFFECTIVE, best["factor"],
        f"{float(best['total']):.2f} [{float(best['total_low']):.2f}, {float(best['total_high']):.2f}]",
    ]  # fmt: skip
    assert len(told) == 2 + min(5, sum(float(row["total"]) >= 0.005 for row in rows))
    assert drivers_table({"x": [{**best, "total": "0.004"}]}).splitlines()[2].split() == ["x", "none"]
    part = {"variance": "4", "share": "0.4"}
    shares = [{"part": name, **part} for name in ("parameters", "structure", "total")]
    assert shares_text([*shares, {"part": "chance", "variance": "0", "share": "-0.003"}]) == (
        "40%, 40%, 0%, 20% (standard deviation 2.00)"
    )


@pytest.mark.slow
def test_the_command_runs_finds_and_draws(tmp_path: Path) -> None:
    words = ["sensitivity", "history_hold", "--set", "world.base=central", "--set", "end=2022-04", "--set",
             "outputs.at=[]", "--set", "world.capability.base_index={min: 100, max: 110}", "--outcomes",
             "frontier_capability.US", "--samples", "16", "--draws", "3", "--chances", "3", "--trajectories", "2",
             "--jobs", "1", "--executor", "here", "--out", str(tmp_path)]  # fmt: skip
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    assert "capability.base_index" in first.stdout
    second = CliRunner().invoke(app, [*words, "--json"])
    told = json.loads(second.stdout)
    assert told["status"] == "found"
    assert told["selected"][0] == "capability.base_index"
    assert any(name.endswith(".png") for name in told["figures"])
